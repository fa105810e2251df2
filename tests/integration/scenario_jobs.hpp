#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/integration/docker_jobs.hpp"
#include "tests/integration/private_engine.hpp"
#include "tests/integration/registry_server.hpp"

namespace slipway::tests {

/// Jobs as the documentation of Docker-in-Docker shows them: the configuration it starts from, and
/// registries that jobs and the engines in their services reach by the gateway's address.
class ScenarioJobs : public DockerJobs {
 protected:
  static constexpr auto cli_image = "docker:24.0.5-cli";
  static constexpr auto dind_image = "docker:24.0.5-dind";
  static constexpr auto user = "builder";
  static constexpr auto password = "s3cret/+=pass";

  void SetUp() override;
  void TearDown() override;

  /// Starts one; `closed`: it asks for `user` and `password`.
  RegistryServer& start_registry(bool closed = false);
  /// Its name in jobs: `gateway:port`.
  std::string registry();
  /// Fills `name` there with the test image; its name in jobs.
  std::string pushed(const std::string& name);

  /// Runs it and expects success; its log.
  std::string log_of_success(const local::JobBuilder& payload);
  /// A dind service that takes the registry for what it is: without TLS.
  local::ServiceSpec dind(const std::vector<std::string>& more = {});
  /// As the documentation has it: the certificate directory alone.
  static local::JobBuilder tls_job();
  /// Of the Engine that the tests use.
  static std::string engine_socket();
  /// A file of the host, to be mounted.
  std::string host_file(const std::string& name, const std::string& content);

 private:
  std::unique_ptr<RegistryServer> registry_;
};

}  // namespace slipway::tests
