#include <memory>

#include "cmd/slipway/commands.hpp"
#include "cmd/slipway/config_file.hpp"
#include "cmd/slipway/run.hpp"

namespace slipway::cmd {

void add_run_command(CLI::App& command, const Context& context, Action& action) {
  const auto options = std::make_shared<RunOptions>();  // shared with the action
  options->identity = context.identity;
  options->paths = context.paths;
  options->service = context.identity.program == "gitlab-runner" ? "gitlab-runner" : "slipway";
  add_config_option(command, context, options->config_path);
  command
      .add_option("--listen-address", options->listen_address,
                  "Where metrics are served, instead of the file's listen_address")
      ->envname("LISTEN_ADDRESS");
  command.add_option("-n,--service", options->service, "Name of the service in syslog")
      ->capture_default_str();
  command.add_option("-d,--working-directory", options->working_directory, "Directory to work in");
  command.add_option("-u,--user", options->user, "User that shell jobs run as");
  command.add_flag("--syslog", options->syslog, "Log to syslog as well")->envname("LOG_SYSLOG");
  command.callback([options, &action] { action = [options] { return run_service(*options); }; });
}

}  // namespace slipway::cmd
