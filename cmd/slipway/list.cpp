#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cmd/slipway/commands.hpp"
#include "cmd/slipway/config_file.hpp"
#include "cmd/slipway/log_format.hpp"
#include "config/load.hpp"
#include "job/job.hpp"

namespace slipway::cmd {

namespace {

struct ListOptions {
  std::string config_path;
  bool show_tokens = false;
  bool json = false;
  bool strict = false;
};

std::string shown_token(const config::Runner& runner, const ListOptions& options) {
  return options.show_tokens ? runner.token.reveal() : job::short_token(runner.token.reveal());
}

void print_json(const config::Config& config, const ListOptions& options) {
  auto list = nlohmann::json::array();
  for (const auto& runner : config.runners)
    list.push_back({{"name", runner.name},
                    {"id", runner.id},
                    {"url", runner.url},
                    {"executor", runner.executor},
                    {"token", shown_token(runner, options)}});
  fmt::print("{}\n",
             list.dump(2, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace));
}

void log_runners(const config::Config& config, const ListOptions& options) {
  for (const auto& runner : config.runners)
    spdlog::info("{} Executor={} Token={} URL={}", runner.name, log_value(runner.executor),
                 log_value(shown_token(runner, options)), log_value(runner.url));
}

int list(const Context& context, const ListOptions& options) {
  try {
    const auto config = load_config(context, options.config_path);
    system_id(options.config_path);
    spdlog::info("Listing configured runners ConfigFile={}", log_value(options.config_path));
    options.json ? print_json(config, options) : log_runners(config, options);
  } catch (const config::ConfigError& error) {
    spdlog::warn(error.what());
    return options.strict ? 1 : 0;
  }
  return 0;
}

}  // namespace

void add_list_command(CLI::App& command, const Context& context, Action& action) {
  const auto options = std::make_shared<ListOptions>();  // shared with the action
  add_config_option(command, context, options->config_path);
  command.add_flag("--show-tokens", options->show_tokens, "Print whole tokens");
  command.add_flag("--json", options->json, "Print a JSON array to standard output");
  command.add_flag("--strict", options->strict, "Fail when the file cannot be read");
  command.callback([options, &context, &action] {
    action = [options, &context] { return list(context, *options); };
  });
}

}  // namespace slipway::cmd
