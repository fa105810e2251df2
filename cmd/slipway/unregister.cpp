#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "cmd/slipway/commands.hpp"
#include "cmd/slipway/config_file.hpp"
#include "cmd/slipway/coordinator_call.hpp"
#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/log_format.hpp"
#include "config/edit.hpp"
#include "job/job.hpp"

namespace slipway::cmd {

namespace {

struct UnregisterOptions {
  std::string config_path;
  std::string name;
  std::string url;
  std::string token;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  bool all = false;
  bool strict = false;
};

/// By name and token, by token, or the first of that name.
const config::Runner& find_runner(const config::Config& config, const UnregisterOptions& options) {
  if (options.name.empty() && options.token.empty()) {
    std::string text = "at least one of --name or --token must be specified";
    if (const auto* token = std::getenv("CI_SERVER_TOKEN"); token && *token)
      text += " (CI_SERVER_TOKEN in the environment selects no runner)";
    throw Fatal{text};
  }
  const auto found = std::ranges::find_if(config.runners, [&](const config::Runner& runner) {
    return (options.name.empty() || options.name == runner.name) &&
           (options.token.empty() || options.token == runner.token.reveal());
  });
  if (found != config.runners.end()) return *found;
  throw Fatal{fmt::format("no runner with {} in {}",
                          options.name.empty()    ? "this token"
                          : options.token.empty() ? fmt::format("the name \"{}\"", options.name)
                                                  : "this name and token",
                          options.config_path)};
}

bool unregister_one(config::Runner runner, const Context& context, const UnregisterOptions& options,
                    const std::string& id) {
  if (!options.ca_file.empty()) runner.tls_ca_file = options.ca_file;
  if (!options.certificate_file.empty()) runner.tls_cert_file = options.certificate_file;
  if (!options.key_file.empty()) runner.tls_key_file = options.key_file;
  return unregister_logged(client_options(runner, context, id));
}

int unregister(const Context& context, const UnregisterOptions& options) {
  log_mode(context, ModeHint::none);
  const auto config = load_config(context, options.config_path);
  std::vector<config::Runner> chosen;
  if (options.all)
    chosen = config.runners;
  else
    chosen.push_back(find_runner(config, options));
  const auto id = system_id(options.config_path);
  std::vector<config::Runner> gone;
  for (const auto& runner : chosen)
    if (unregister_one(runner, context, options, id)) gone.push_back(runner);
  if (gone.empty() && !options.all) throw Fatal{"Failed to unregister runner"};
  const auto removed =
      config::remove_runners(options.config_path, [&](const config::Runner& runner) {
        return std::ranges::any_of(gone, [&](const config::Runner& one) {
          return one.url == runner.url && one.token == runner.token && one.name == runner.name;
        });
      });
  if (removed > 0) spdlog::info("Updated {}", options.config_path);
  const auto left = chosen.size() - gone.size();
  if (left > 0) spdlog::error("Failed to unregister runners count={}", left);
  return left > 0 && options.strict ? 1 : 0;
}

}  // namespace

void add_unregister_command(CLI::App& command, const Context& context, Action& action) {
  const auto options = std::make_shared<UnregisterOptions>();  // shared with the action
  add_config_option(command, context, options->config_path);
  // Not from the environment: what is meant for register must not select what is removed.
  command.add_option("-n,--name", options->name, "Name of the runner");
  command.add_option("-u,--url", options->url, "Accepted, selects nothing");
  command.add_option("-t,--token", options->token, "Token of the runner");
  command.add_option("--tls-ca-file", options->ca_file, "CA certificates of the server")
      ->envname("CI_SERVER_TLS_CA_FILE");
  command.add_option("--tls-cert-file", options->certificate_file, "Client certificate")
      ->envname("CI_SERVER_TLS_CERT_FILE");
  command.add_option("--tls-key-file", options->key_file, "Key of the client certificate")
      ->envname("CI_SERVER_TLS_KEY_FILE");
  command.add_flag("--all-runners", options->all, "Every runner of the file");
  command.add_flag("--strict", options->strict, "With --all-runners: fail if one was refused");
  command.callback([options, &context, &action] {
    action = [options, &context] { return unregister(context, *options); };
  });
}

}  // namespace slipway::cmd
