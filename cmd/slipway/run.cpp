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
#include "config/file_watch.hpp"
#include "config/load.hpp"
#include "gitlab_api/client.hpp"

namespace slipway::cmd {

namespace {

/// The file as this process serves it. \throws config::ConfigError, Fatal.
config::Config read_file(const RunOptions& options, const std::string& path) {
  auto config = config::load(path);
  if (!config.exists) {
    const auto hint = config::foreign_config_hint(options.identity, config::file_exists);
    throw Fatal{fmt::format("config file not found: {}; make one with `{} register`{}", path,
                            options.identity.program, hint.empty() ? "" : ". " + hint)};
  }
  if (!options.listen_address.empty()) config.listen_address = options.listen_address;
  if (!options.user.empty()) config.user = options.user;
  return config;
}

void log_loaded(const config::Config& config) {
  apply_log_settings(config);
  for (const auto& warning : config.warnings) spdlog::warn("{}", warning.text);
}

}  // namespace

int run_service(const RunOptions& options) {
  if (!options.working_directory.empty() && ::chdir(options.working_directory.c_str()) != 0)
    throw Fatal{
        fmt::format("cannot change to the working directory {}", options.working_directory)};
  if (options.syslog) log_to_syslog(options.service);
  const auto path = std::filesystem::absolute(options.config_path);
  runner::ServiceOptions service;
  service.manager = runner::ServiceManager::of_environment();
  service.config = read_file(options, path.string());
  log_loaded(service.config);
  // Also where two state directories would not tell: the file decides whose runners these are.
  config::ServingLock lock{path.string()};
  service.load_config = [&options, &lock, file = path.string()] {
    auto config = read_file(options, file);
    lock.renew();
    return config;
  };
  service.on_loaded = log_loaded;
  service.certs_dir = options.paths.certs_dir;
  service.state_dir = state_location(service.config, options.paths, path).string();
  if (service.config.runners.empty())
    spdlog::warn("{} has no [[runners]]; those that `{} register` adds are served as they come",
                 path.string(), options.identity.program);
  service.system_id = gitlab_api::load_system_id(path.parent_path().string());
  return serve(std::move(service));
}

}  // namespace slipway::cmd
