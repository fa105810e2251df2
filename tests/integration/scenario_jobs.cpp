#include "tests/integration/scenario_jobs.hpp"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

namespace slipway::tests {

using local::JobBuilder;
using namespace std::chrono_literals;

void ScenarioJobs::SetUp() {
  DockerJobs::SetUp();
  docker().image = cli_image;
  docker().privileged = true;
  docker().volumes = {"/certs/client", "/cache"};
}

void ScenarioJobs::TearDown() {
  DockerJobs::TearDown();
  registry_.reset();
}

RegistryServer& ScenarioJobs::start_registry(bool closed) {
  RegistryServer::Options options;
  options.everywhere = true;
  if (closed) options.user = user;
  if (closed) options.password = password;
  registry_ = std::make_unique<RegistryServer>(std::move(options));
  return *registry_;
}

std::string ScenarioJobs::registry() {
  return registry_->host_at(coordinator_address());
}

std::string ScenarioJobs::pushed(const std::string& name) {
  registry_->push(image, name);
  return registry() + "/" + name;
}

std::string ScenarioJobs::log_of_success(const JobBuilder& payload) {
  const auto& job = run_job(payload, 180s);
  EXPECT_EQ(job.state, local::JobState::success) << plain_text(job.trace);
  return plain_text(job.trace);
}

local::ServiceSpec ScenarioJobs::dind(const std::vector<std::string>& more) {
  local::ServiceSpec service;
  service.name = dind_image;
  if (registry_) service.command = {"--insecure-registry", registry()};
  service.command.insert(service.command.end(), more.begin(), more.end());
  return service;
}

JobBuilder ScenarioJobs::tls_job() {
  JobBuilder job;
  job.image(cli_image).variable("DOCKER_TLS_CERTDIR", "/certs");
  return job;
}

std::string ScenarioJobs::engine_socket() {
  const char* host = std::getenv("DOCKER_HOST");
  return host == nullptr ? "/var/run/docker.sock"
                         : std::string{host}.substr(std::string{"unix://"}.size());
}

std::string ScenarioJobs::host_file(const std::string& name, const std::string& content) {
  const auto path = scratch() / name;
  std::ofstream{path} << content;
  return path.string();
}

}  // namespace slipway::tests
