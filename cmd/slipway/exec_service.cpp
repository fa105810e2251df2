#include "cmd/slipway/exec_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "cmd/slipway/exec_pipeline.hpp"
#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/serve.hpp"
#include "cmd/slipway/state_location.hpp"
#include "gitlab_api/client.hpp"
#include "runner/state_dir.hpp"

namespace slipway::cmd {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int most_directories = 1000;
constexpr std::uint64_t output_limit = 256u << 20;

config::Runner docker_runner(const ExecOptions& options, const std::string& url,
                             const util::Secret& token) {
  config::Runner runner;
  runner.name = "exec";
  runner.url = url;
  runner.token = token;
  runner.executor = "docker";
  runner.output_limit = output_limit;
  runner.request_concurrency = exec_concurrency(options);
  config::Docker docker;
  docker.image = options.image;
  docker.privileged = !options.unprivileged;
  docker.volumes = {"/cache", "/certs/client"};
  docker.volumes.insert(docker.volumes.end(), options.volumes.begin(), options.volumes.end());
  docker.pull_policy = options.pull_policy;
  if (docker.pull_policy.empty()) docker.pull_policy = {"if-not-present"};
  docker.allowed_pull_policies = {"always", "if-not-present", "never"};
  runner.docker = std::move(docker);
  return runner;
}

/// Forgets the jobs that another process had under way: their coordinator is gone. What they left
/// on the Engine then belongs to nobody.
void forget_jobs(const fs::path& directory) {
  const runner::StateDir state{directory};
  for (const auto& job : state.jobs()) fs::remove_all(job);
}

}  // namespace

int exec_concurrency(const ExecOptions& options) {
  if (options.concurrency > 0) return options.concurrency;
  return std::max(2, static_cast<int>(std::thread::hardware_concurrency()));
}

std::unique_ptr<runner::Service> make_exec_service(asio::any_io_executor executor,
                                                   const ExecOptions& options,
                                                   const std::string& url,
                                                   const util::Secret& token) {
  runner::ServiceOptions service;
  service.config.path = "the command line";
  service.config.concurrent = exec_concurrency(options);
  service.config.check_interval = 1s;
  service.config.runners.push_back(docker_runner(options, url, token));
  service.certs_dir = options.certs_dir;
  service.system_id = "r_" + runner::random_hex(6);
  service = completed(std::move(service));
  const auto parent = fs::path{options.state_dir};
  for (int number = 1; number <= most_directories; ++number) {
    const auto directory = parent / fmt::format("service-{}", number);
    if (daemon_state(directory) == DaemonState::running) continue;
    fs::create_directories(directory);
    try {
      forget_jobs(directory);
      auto own = service;
      own.state_dir = directory.string();
      return std::make_unique<runner::Service>(executor, std::move(own));
    } catch (const runner::StateDirInUse&) {
      // Somebody was quicker.
    }
  }
  throw Fatal{fmt::format("{} exec processes use {} already", most_directories, parent.string())};
}

}  // namespace slipway::cmd
