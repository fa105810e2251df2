#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
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

struct ResetOptions {
  std::string config_path;
  std::string name;
  std::string url;
  std::int64_t id = 0;
  std::string personal_token;
  bool all = false;
};

/// By name, else by URL and id.
std::vector<config::Runner> choose(const config::Config& config, const ResetOptions& options) {
  if (options.all) return config.runners;
  if (options.name.empty() && (options.url.empty() || options.id == 0))
    throw Fatal{"name a runner with --name, or with --url and --id, or take --all-runners"};
  const auto found = std::ranges::find_if(config.runners, [&](const config::Runner& runner) {
    if (!options.name.empty()) return runner.name == options.name;
    return runner.url == options.url && runner.id == options.id;
  });
  if (found != config.runners.end()) return {*found};
  throw Fatal{options.name.empty() ? fmt::format("no runner with the URL {} and the id {} in {}",
                                                 options.url, options.id, options.config_path)
                                   : fmt::format("no runner with the name \"{}\" in {}",
                                                 options.name, options.config_path)};
}

bool reset_one(const config::Runner& runner, const Context& context, const ResetOptions& options,
               const std::string& system_id) {
  constexpr auto what = "Resetting runner authentication token...";
  const auto token = log_value(job::short_token(runner.token.reveal()));
  if (!options.personal_token.empty() && runner.id == 0) {
    spdlog::error("{} failed: the file does not hold the runner's id, which --pat needs runner={}",
                  what, token);
    return false;
  }
  const auto result = call_reset_token(client_options(runner, context, system_id), runner.id,
                                       util::Secret{options.personal_token});
  if (result.call.status != gitlab_api::Status::ok) {
    const bool forbidden = result.call.status == gitlab_api::Status::forbidden;
    spdlog::error("{} {} runner={} {}", what, forbidden ? "forbidden" : "failed", token,
                  failure_fields(result.call));
    return false;
  }
  const auto now = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  const config::TokenChange change{result.token, now, result.token_expires_at};
  const auto same = [&](const config::Runner& one) {
    return one.url == runner.url && one.token == runner.token && one.name == runner.name;
  };
  try {
    if (!config::change_token(options.config_path, same, change))
      throw Fatal{"the runner is not there any more"};
  } catch (const std::exception& error) {
    // Nobody has the new one, and the old one is void.
    throw Fatal{fmt::format(
        "the token of runner \"{}\" was reset, but {} could not be changed: {}; reset it again "
        "with --pat, or in GitLab",
        runner.name, options.config_path, error.what())};
  }
  spdlog::info("{} succeeded runner={} new={}", what, token,
               log_value(job::short_token(change.token.reveal())));
  return true;
}

int reset_tokens(const Context& context, const ResetOptions& options) {
  log_mode(context, ModeHint::jobs_need_a_process);
  const auto config = load_config(context, options.config_path);
  const auto chosen = choose(config, options);
  const auto id = system_id(options.config_path);
  std::size_t done = 0;
  for (const auto& runner : chosen)
    if (reset_one(runner, context, options, id)) ++done;
  if (done > 0) spdlog::info("Updated {}", options.config_path);
  if (done < chosen.size()) throw Fatal{"Failed to reset runner authentication token"};
  return 0;
}

}  // namespace

void add_reset_token_command(CLI::App& command, const Context& context, Action& action) {
  const auto options = std::make_shared<ResetOptions>();  // shared with the action
  add_config_option(command, context, options->config_path);
  command.add_option("-n,--name", options->name, "Name of the runner");
  command.add_option("-u,--url", options->url, "GitLab of the runner, with --id");
  command.add_option("-i,--id", options->id, "Id of the runner, with --url");
  command.add_option("--pat", options->personal_token,
                     "A user's personal access token, in place of the runner's own");
  command.add_flag("--all-runners", options->all, "Every runner of the file");
  command.callback([options, &context, &action] {
    action = [options, &context] { return reset_tokens(context, *options); };
  });
}

}  // namespace slipway::cmd
