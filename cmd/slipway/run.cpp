#include "cmd/slipway/run.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>

#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/logging.hpp"
#include "cmd/slipway/serve.hpp"
#include "cmd/slipway/state_location.hpp"
#include "config/load.hpp"
#include "gitlab_api/client.hpp"

namespace slipway::cmd {

namespace {

/// Without any runner, once the last job has ended.
constexpr std::chrono::seconds idle_before_end{1};

/// True if an earlier process left journals there.
bool has_jobs(const std::filesystem::path& state_dir) {
  std::error_code none;
  return std::filesystem::directory_iterator{state_dir / "jobs", none} !=
         std::filesystem::directory_iterator{};
}

}  // namespace

int run_service(const RunOptions& options) {
  if (!options.working_directory.empty() && ::chdir(options.working_directory.c_str()) != 0)
    throw Fatal{
        fmt::format("cannot change to the working directory {}", options.working_directory)};
  const auto path = std::filesystem::absolute(options.config_path);
  runner::ServiceOptions service;
  service.config = config::load(path.string());
  apply_log_settings(service.config);
  for (const auto& warning : service.config.warnings) spdlog::warn("{}", warning.text);
  if (!service.config.exists) {
    const auto hint = config::foreign_config_hint(options.identity, config::file_exists);
    throw Fatal{fmt::format("config file not found: {}; make one with `{} register`{}",
                            path.string(), options.identity.program,
                            hint.empty() ? "" : ". " + hint)};
  }
  if (!options.listen_address.empty()) service.config.listen_address = options.listen_address;
  if (!options.user.empty()) service.config.user = options.user;
  service.certs_dir = options.paths.certs_dir;
  service.state_dir = state_location(service.config, options.paths, path).string();
  if (service.config.runners.empty()) {
    const auto problem = fmt::format("{} has no [[runners]]; add one with `{} register`",
                                     path.string(), options.identity.program);
    if (!has_jobs(service.state_dir)) throw Fatal{problem};
    spdlog::warn("{}; only the jobs of an earlier process are brought to their end", problem);
    service.wait_timeout = idle_before_end;
  }
  service.system_id = gitlab_api::load_system_id(path.parent_path().string());
  return serve(std::move(service));
}

}  // namespace slipway::cmd
