#include "cmd/slipway/run.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/logging.hpp"
#include "cmd/slipway/serve.hpp"
#include "cmd/slipway/state_location.hpp"
#include "config/load.hpp"
#include "gitlab_api/client.hpp"

namespace slipway::cmd {

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
  if (service.config.runners.empty())
    throw Fatal{fmt::format("{} has no [[runners]]; add one with `{} register`", path.string(),
                            options.identity.program)};
  if (!options.listen_address.empty()) service.config.listen_address = options.listen_address;
  service.certs_dir = options.paths.certs_dir;
  service.state_dir = state_location(service.config, options.paths, path).string();
  service.system_id = gitlab_api::load_system_id(path.parent_path().string());
  return serve(std::move(service));
}

}  // namespace slipway::cmd
