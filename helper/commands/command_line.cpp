#include "helper/commands/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace slipway::helper {

namespace {

std::optional<bool> parse_bool(std::string_view text) {
  for (const auto* word : {"1", "t", "T", "TRUE", "true", "True"})
    if (text == word) return true;
  for (const auto* word : {"0", "f", "F", "FALSE", "false", "False"})
    if (text == word) return false;
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_go_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 7> units{
      {{"ms", 1}, {"us", 1e-3}, {"µs", 1e-3}, {"ns", 1e-6}, {"h", 3.6e6}, {"m", 6e4}, {"s", 1e3}}};
  constexpr double longest = 100.0 * 366 * 24 * 3.6e6;
  if (text == "0") return std::chrono::milliseconds{0};
  if (text.empty()) return std::nullopt;
  const double sign = text.front() == '-' ? -1 : 1;
  if (text.front() == '-' || text.front() == '+') text.remove_prefix(1);
  double total = 0;
  do {
    double value = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc{} || text.front() == '-') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto unit = std::find_if(units.begin(), units.end(), [text](const auto& candidate) {
      return text.starts_with(candidate.first);
    });
    if (unit == units.end()) return std::nullopt;
    text.remove_prefix(unit->first.size());
    total += value * unit->second;
    if (!(total <= longest)) return std::nullopt;
  } while (!text.empty());
  return std::chrono::milliseconds{static_cast<std::int64_t>(sign * total)};
}

CommandLine::CommandLine(std::span<const Option> options, std::span<const std::string> words,
                         Environment environment)
    : options_{options}, environment_{std::move(environment)} {
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word{words[i]};
    if (word == "--") {
      rest_.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      return;
    }
    if (word.size() < 2 || word[0] != '-') {
      // The first word that is none ends the options.
      rest_.assign(words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
      return;
    }
    word.remove_prefix(word.starts_with("--") ? 2 : 1);
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto found = std::ranges::find_if(options_, [name](const Option& option) {
      return option.name == name || (name.size() == 1 && option.letter == name[0]);
    });
    if (found == options_.end())
      throw UsageError{fmt::format("flag provided but not defined: -{}", name)};
    auto& values = values_[std::string{found->name}];
    if (equals != std::string_view::npos) {
      values.emplace_back(word.substr(equals + 1));
    } else if (found->kind == Option::Kind::flag) {
      values.emplace_back("true");
    } else {
      if (++i == words.size()) throw UsageError{fmt::format("flag needs an argument: -{}", name)};
      values.push_back(words[i]);
    }
  }
}

const Option& CommandLine::find(std::string_view name) const {
  const auto found = std::ranges::find(options_, name, &Option::name);
  if (found == options_.end()) throw std::logic_error{fmt::format("no option --{}", name)};
  return *found;
}

std::string CommandLine::text(std::string_view name) const {
  const auto& option = find(name);
  if (const auto given = values_.find(name); given != values_.end()) return given->second.back();
  return option.environment.empty() ? "" : environment_(option.environment).value_or("");
}

const std::vector<std::string>& CommandLine::list(std::string_view name) const {
  static const std::vector<std::string> none;
  const auto given = values_.find(find(name).name);
  return given == values_.end() ? none : given->second;
}

void CommandLine::refuse(std::string_view name, const char* wanted) const {
  throw UsageError{
      fmt::format("invalid value \"{}\" for --{}: expected {}", text(name), name, wanted)};
}

bool CommandLine::flag(std::string_view name) const {
  const auto value = text(name);
  if (value.empty()) return false;
  const auto result = parse_bool(value);
  if (!result) refuse(name, "true or false");
  return *result;
}

std::uint64_t CommandLine::number(std::string_view name, std::uint64_t fallback) const {
  const auto value = text(name);
  if (value.empty()) return fallback;
  std::uint64_t result = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
  if (error != std::errc{} || end != value.data() + value.size()) refuse(name, "a number");
  return result;
}

std::chrono::milliseconds CommandLine::duration(std::string_view name,
                                                std::chrono::milliseconds fallback) const {
  const auto value = text(name);
  if (value.empty()) return fallback;
  const auto result = parse_go_duration(value);
  if (!result) refuse(name, "a duration such as 1h30m");
  return *result;
}

}  // namespace slipway::helper
