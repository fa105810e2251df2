#include "cmd/slipway/config_file.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <filesystem>

#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/logging.hpp"
#include "cmd/slipway/version.hpp"
#include "config/load.hpp"

namespace slipway::cmd {

namespace {
/// Somebody waits at the terminal: far shorter than the daemon's limit, which covers long polls.
constexpr std::chrono::seconds answer_limit{60};
}  // namespace

void add_config_option(CLI::App& command, const Context& context, std::string& path) {
  path = context.paths.config_file;
  command.add_option("-c,--config", path, "Configuration file")
      ->capture_default_str()
      ->envname("CONFIG_FILE");
}

config::Config load_config(const Context& context, const std::string& path) {
  auto config = config::load(path);
  apply_log_settings(config);
  for (const auto& warning : config.warnings) spdlog::warn(warning.text);
  if (path == context.paths.config_file)
    if (const auto hint = config::foreign_config_hint(context.identity, config::file_exists);
        !hint.empty())
      spdlog::warn(hint);
  return config;
}

void log_mode(const Context& context, ModeHint hint) {
  if (context.identity.uid == 0) {
    spdlog::info("Running in system-mode.");
    spdlog::info("");
    return;
  }
  spdlog::warn("Running in user-mode.");
  if (hint == ModeHint::none) return;
  const auto& program = context.identity.program;
  spdlog::warn("The user-mode requires you to manually start builds processing:");
  spdlog::warn("$ {} run", program);
  spdlog::warn("Use sudo for system-mode:");
  spdlog::warn("$ sudo {}...", program);
}

std::string system_id(const std::string& config_path) {
  try {
    return gitlab_api::load_system_id(std::filesystem::path{config_path}.parent_path().string());
  } catch (const std::runtime_error& error) {
    throw Fatal{error.what()};
  }
}

gitlab_api::ClientOptions client_options(const config::Runner& runner, const Context& context,
                                         const std::string& system_id) {
  const auto tls = config::tls_paths(runner, context.paths.certs_dir, config::file_exists);
  gitlab_api::ClientOptions options;
  options.url = runner.url;
  options.token = runner.token;
  options.system_id = system_id;
  options.ca_file = tls.ca_file;
  options.certificate_file = tls.certificate_file;
  options.key_file = tls.key_file;
  // The server may take its picture of this machine from this call.
  options.info = runner_info();
  options.info.executor = runner.executor;
  options.info.shell = runner.shell;
  if (runner.docker) options.info.gpus = runner.docker->gpus;
  options.info.labels = runner.labels;
  options.response_header_timeout = answer_limit;
  return options;
}

gitlab_api::RunnerInfo runner_info() {
  gitlab_api::RunnerInfo info;
  info.version = version();
  info.revision = revision();
  info.architecture = architecture();
  return info;
}

}  // namespace slipway::cmd
