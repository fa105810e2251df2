#include "cmd/slipway/go_style.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "config/feature_flags.hpp"

namespace slipway::cmd {

namespace {

const CLI::Option* find_option(const CLI::App& app, const std::string& name) {
  for (const auto* option : app.get_options()) {
    const auto& longs = option->get_lnames();
    const auto& shorts = option->get_snames();
    if (std::ranges::find(longs, name) != longs.end() ||
        std::ranges::find(shorts, name) != shorts.end())
      return option;
  }
  return nullptr;
}

std::string spelling(const CLI::Option& option) {
  return option.get_lnames().empty() ? "-" + option.get_snames().front()
                                     : "--" + option.get_lnames().front();
}

bool lone_boolean(std::span<const std::string> words, std::size_t at) {
  return at < words.size() && (words[at] == "true" || words[at] == "false");
}

/// The environment's value of a list comes first, once.
void add_environment(const CLI::Option& option, std::set<const CLI::Option*>& seen,
                     std::vector<std::string>& out) {
  if (option.get_multi_option_policy() != CLI::MultiOptionPolicy::TakeAll) return;
  if (option.get_envname().empty() || !seen.insert(&option).second) return;
  const auto* value = std::getenv(option.get_envname().c_str());
  if (value == nullptr || *value == '\0') return;
  out.push_back(spelling(option));
  out.emplace_back(value);
}

}  // namespace

bool is_boolean_flag(const CLI::Option& option) {
  return option.get_items_expected_max() == 0;
}

GoStyle read_go_style(const CLI::App& app, std::span<const std::string> words) {
  GoStyle result;
  std::set<const CLI::Option*> seen;
  std::size_t at = 0;
  for (; at < words.size(); ++at) {
    const auto& word = words[at];
    if (word.size() < 2 || word[0] != '-') break;
    if (word == "--") {
      ++at;
      break;
    }
    const auto name_begin = word[1] == '-' ? 2u : 1u;
    const auto equals = word.find('=', name_begin);
    const bool has_value = equals != std::string::npos;
    const auto name = word.substr(name_begin, equals - name_begin);
    const auto* option = find_option(app, name);
    if (option == nullptr)
      throw UsageError{fmt::format("flag provided but not defined: -{}", name)};
    auto value = has_value ? word.substr(equals + 1) : std::string{};
    if (is_boolean_flag(*option)) {
      if (!has_value) value = lone_boolean(words, at + 1) ? words[++at] : "true";
      const auto parsed = config::parse_go_bool(value);
      if (!parsed)
        throw UsageError{fmt::format("invalid boolean value \"{}\" for -{}: parse error",
                                     value.substr(0, 64), name)};
      // CLI11 asks for help whatever the value.
      const bool bare = option == app.get_help_ptr();
      result.words.push_back(bare ? spelling(*option)
                                  : fmt::format("{}={}", spelling(*option), *parsed));
      continue;
    }
    if (!has_value) {
      if (++at == words.size()) throw UsageError{fmt::format("flag needs an argument: -{}", name)};
      value = words[at];
    }
    add_environment(*option, seen, result.words);
    result.words.push_back(spelling(*option));
    result.words.push_back(std::move(value));
  }
  result.rest = words.subspan(std::min(at, words.size()));
  return result;
}

}  // namespace slipway::cmd
