#include "config/lint.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cmd/slipway/config_file.hpp"
#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/json_schema.hpp"
#include "cmd/slipway/service_commands.hpp"

namespace slipway::cmd {

namespace {

struct LintOptions {
  std::string config_path;
  bool json = false;
  bool schema = false;
};

int print_problems(const std::vector<config::Problem>& problems) {
  auto list = nlohmann::json::array();
  for (const auto& problem : problems)
    list.push_back({{"kind", config::to_string(problem.kind)},
                    {"line", problem.line},
                    {"column", problem.column},
                    {"text", problem.text}});
  fmt::print("{}\n",
             list.dump(2, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace));
  return problems.empty() ? 0 : 1;
}

int lint(const LintOptions& options) {
  if (options.schema) {
    fmt::print("{}\n", json_schema().dump(2));
    return 0;
  }
  if (!config::file_exists(options.config_path))
    throw Fatal{fmt::format("config file not found: {}", options.config_path)};
  const auto problems = config::lint(options.config_path);
  if (options.json) return print_problems(problems);
  using Kind = config::Problem::Kind;
  const auto unknown = std::ranges::count(problems, Kind::unknown_key, &config::Problem::kind);
  if (unknown > 0) {
    spdlog::error("{} unknown key(s) found in {}:", unknown, options.config_path);
    for (const auto& problem : problems)
      if (problem.kind == Kind::unknown_key) spdlog::error("  {}", problem.text);
  }
  for (const auto& problem : problems)
    if (problem.kind != Kind::unknown_key) spdlog::error("{}", problem.text);
  if (!problems.empty())
    throw Fatal{fmt::format("Configuration file is not valid: {} problem(s) in {}", problems.size(),
                            options.config_path)};
  spdlog::info("Configuration file is valid.");
  return 0;
}

}  // namespace

void add_lint_command(CLI::App& command, const Context& context, Action& action) {
  const auto options = std::make_shared<LintOptions>();  // shared with the action
  add_config_option(command, context, options->config_path);
  command.add_flag("--json", options->json, "Print the problems as a JSON array");
  command.add_flag("--print-schema", options->schema,
                   "Print a JSON schema of the configuration file, for editors");
  command.callback([options, &action] { action = [options] { return lint(*options); }; });
}

}  // namespace slipway::cmd
