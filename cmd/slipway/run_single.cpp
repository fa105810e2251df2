#include "cmd/slipway/run_single.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/serve.hpp"
#include "cmd/slipway/state_location.hpp"
#include "gitlab_api/client.hpp"
#include "runner/state_dir.hpp"

namespace slipway::cmd {

namespace {
namespace fs = std::filesystem;

constexpr int most_directories = 1000;

/// A state directory of its own below `parent`: the daemon with the usual one, and others of this
/// kind, may be running beside this process. The first that nobody uses, so that what was left in
/// it is found again, and so are the helper volume and the caches that carry its id.
int serve_in_free_directory(const runner::ServiceOptions& service, const fs::path& parent) {
  for (int number = 1; number <= most_directories; ++number) {
    const auto directory = parent / fmt::format("run-single-{}", number);
    if (daemon_state(directory) == DaemonState::running) continue;
    auto options = service;
    options.state_dir = directory.string();
    try {
      return serve(std::move(options));
    } catch (const runner::StateDirInUse&) {
      // Somebody was quicker.
    }
  }
  throw Fatal{
      fmt::format("{} run-single processes use {} already", most_directories, parent.string())};
}
}  // namespace

int run_single_service(const RunSingleOptions& options) {
  runner::ServiceOptions service;
  service.config.path = options.config_path.empty() ? "the command line" : options.config_path;
  service.config.concurrent = 1;
  service.config.shutdown_timeout = options.shutdown_timeout;
  service.config.runners.push_back(options.runner);
  service.config.runners.front().limit = 0;
  service.certs_dir = options.paths.certs_dir;
  service.system_id =
      options.config_path.empty()
          ? "r_" + runner::random_hex(6)
          : gitlab_api::load_system_id(
                std::filesystem::absolute(options.config_path).parent_path().string());
  service.max_builds = options.max_builds;
  service.wait_timeout = options.wait_timeout;
  return serve_in_free_directory(service, options.paths.state_dir);
}

}  // namespace slipway::cmd
