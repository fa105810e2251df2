#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "cmd/slipway/commands.hpp"
#include "cmd/slipway/config_file.hpp"
#include "cmd/slipway/coordinator_call.hpp"
#include "cmd/slipway/fatal.hpp"
#include "config/edit.hpp"

namespace slipway::cmd {

namespace {

struct VerifyOptions {
  std::string config_path;
  std::string name;
  std::string url;
  std::string token;
  bool remove = false;
  bool strict = false;
};

bool is_selected(const config::Runner& runner, const VerifyOptions& options) {
  const bool url_fits = options.url.empty() || options.url == "*" || options.url == runner.url;
  if (options.name.empty() && options.token.empty()) return url_fits;
  if (!options.name.empty() && options.name == runner.name) return true;
  return !options.token.empty() && options.token == runner.token.reveal() && url_fits;
}

bool same_runner(const config::Runner& a, const config::Runner& b) {
  return a.url == b.url && a.token == b.token;
}

int verify(const Context& context, const VerifyOptions& options) {
  log_mode(context, ModeHint::jobs_need_a_process);
  const auto config = load_config(context, options.config_path);
  const auto id = system_id(options.config_path);
  std::vector<config::Runner> gone;
  std::size_t selected = 0;
  bool unclear = false;
  for (const auto& runner : config.runners) {
    if (!is_selected(runner, options)) continue;
    ++selected;
    const auto result = call_verify(client_options(runner, context, id), nullptr);
    if (log_verified(result.call, runner.token))
      gone.push_back(runner);
    else if (result.call.status != gitlab_api::Status::ok)
      unclear = true;
  }
  const bool selective = !(options.name + options.url + options.token).empty();
  if (selective && selected == 0)
    throw Fatal{"Failed to verify runners: no runner matches the filtering parameters"};
  if (!gone.empty() && !options.remove) throw Fatal{"Failed to verify runners"};
  if (!gone.empty()) {
    config::remove_runners(options.config_path, [&](const config::Runner& runner) {
      return std::ranges::any_of(
          gone, [&](const config::Runner& one) { return same_runner(one, runner); });
    });
    spdlog::info("Updated {}", options.config_path);
  }
  return unclear && options.strict ? 1 : 0;
}

}  // namespace

void add_verify_command(CLI::App& command, const Context& context, Action& action) {
  const auto options = std::make_shared<VerifyOptions>();  // shared with the action
  add_config_option(command, context, options->config_path);
  command.add_option("-n,--name", options->name, "Only the runners of this name");
  command.add_option("-u,--url", options->url, "Only the runners of this GitLab");
  command.add_option("-t,--token", options->token, "Only the runner with this token");
  command.add_flag("--delete", options->remove,
                   "Remove from the file the runners that GitLab no longer has");
  command.add_flag("--strict", options->strict, "Fail also when GitLab could not be asked");
  command.callback([options, &context, &action] {
    action = [options, &context] { return verify(context, *options); };
  });
}

}  // namespace slipway::cmd
