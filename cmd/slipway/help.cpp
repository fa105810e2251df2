#include "cmd/slipway/help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "cmd/slipway/go_style.hpp"
#include "cmd/slipway/version.hpp"

namespace slipway::cmd {

namespace {

std::string names_of(const CLI::Option& option) {
  std::string out;
  const std::string value = is_boolean_flag(option) ? "" : " value";
  for (const auto& name : option.get_snames())
    out += fmt::format("{}-{}{}", out.empty() ? "" : ", ", name, value);
  for (const auto& name : option.get_lnames())
    out += fmt::format("{}--{}{}", out.empty() ? "" : ", ", name, value);
  return out;
}

std::string options_text(const CLI::App& app) {
  std::vector<std::pair<std::string, std::string>> rows;
  std::size_t width = 0;
  for (const auto* option : app.get_options()) {
    auto text = option->get_description();
    if (!option->get_default_str().empty())
      text += fmt::format(" (default: \"{}\")", option->get_default_str());
    if (!option->get_envname().empty()) text += fmt::format(" [${}]", option->get_envname());
    rows.emplace_back(names_of(*option), std::move(text));
    width = std::max(width, rows.back().first.size());
  }
  std::string out;
  for (const auto& [names, text] : rows) out += fmt::format("   {:{}}  {}\n", names, width, text);
  return out;
}

}  // namespace

std::string program_help(const CLI::App& app, const std::string& program) {
  std::size_t width = 0;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const auto* command : commands) width = std::max(width, command->get_name().size());
  std::string list;
  for (const auto* command : commands)
    list += fmt::format("   {:{}}  {}\n", command->get_name(), width, command->get_description());
  return fmt::format(
      "NAME:\n   {0} - {1}\n\nUSAGE:\n   {0} [global options] command [command options] "
      "[arguments...]\n\nVERSION:\n   {2} ({3})\n\nCOMMANDS:\n{4}\nGLOBAL OPTIONS:\n{5}",
      program, app.get_description(), version(), revision(), list, options_text(app));
}

std::string command_help(const CLI::App& command, const std::string& program) {
  return fmt::format(
      "NAME:\n   {0} {1} - {2}\n\nUSAGE:\n   {0} {1} [command options]\n\nOPTIONS:\n{3}", program,
      command.get_name(), command.get_description(), options_text(command));
}

}  // namespace slipway::cmd
