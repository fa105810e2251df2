#include "cmd/slipway/run_single.hpp"

#include <filesystem>

#include "cmd/slipway/serve.hpp"
#include "gitlab_api/client.hpp"
#include "runner/state_dir.hpp"

namespace slipway::cmd {

int run_single_service(const RunSingleOptions& options) {
  runner::ServiceOptions service;
  service.config.path = options.config_path.empty() ? "the command line" : options.config_path;
  service.config.concurrent = 1;
  service.config.shutdown_timeout = options.shutdown_timeout;
  service.config.runners.push_back(options.runner);
  service.config.runners.front().limit = 0;
  service.certs_dir = options.paths.certs_dir;
  // A directory of its own: a daemon with the usual one may be running beside this process.
  const auto state =
      std::filesystem::path{options.paths.state_dir} / ("run-single-" + runner::random_hex(4));
  service.state_dir = state.string();
  service.system_id =
      options.config_path.empty()
          ? "r_" + runner::random_hex(6)
          : gitlab_api::load_system_id(
                std::filesystem::absolute(options.config_path).parent_path().string());
  service.max_builds = options.max_builds;
  service.wait_timeout = options.wait_timeout;
  const int code = serve(std::move(service));
  std::error_code ignored;
  std::filesystem::remove_all(state, ignored);
  return code;
}

}  // namespace slipway::cmd
