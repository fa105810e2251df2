#include "cmd/slipway-demo/figures.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <map>

namespace slipway::demo {

namespace {

constexpr std::string_view event = "job finished";
constexpr std::array phase_names{"prepare", "sources", "script"};

std::optional<std::uint64_t> number(std::string_view text, std::string_view unit) {
  if (!text.ends_with(unit)) return std::nullopt;
  text.remove_suffix(unit.size());
  std::uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

std::map<std::string, std::string> read_fields(std::string_view text) {
  std::map<std::string, std::string> fields;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    if (const auto equals = word.find('='); equals != std::string_view::npos)
      fields.emplace(word.substr(0, equals), word.substr(equals + 1));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return fields;
}

}  // namespace

std::optional<Figures> find_figures(std::string_view log, std::int64_t job) {
  for (auto at = log.find(event); at != std::string_view::npos; at = log.find(event, at + 1)) {
    const auto line = log.substr(at, log.find('\n', at) - at);
    auto fields = read_fields(line.substr(event.size()));
    if (fields["job"] != std::to_string(job)) continue;
    Figures figures;
    figures.result = fields["result"];
    for (const auto* name : phase_names)
      if (const auto time = number(fields[name], "ms"))
        figures.phases.emplace_back(name, duration_text(*time));
    figures.duration = duration_text(number(fields["duration"], "ms").value_or(0));
    figures.starts = number(fields["starts"], "").value_or(0);
    figures.engine_calls = number(fields["engine_calls"], "").value_or(0);
    return figures;
  }
  return std::nullopt;
}

std::string duration_text(std::uint64_t milliseconds) {
  if (milliseconds < 1'000) return fmt::format("{} ms", milliseconds);
  if (milliseconds < 60'000)
    return fmt::format("{:.1f} s", static_cast<double>(milliseconds) / 1e3);
  const auto seconds = milliseconds / 1'000;
  return fmt::format("{} min {} s", seconds / 60, seconds % 60);
}

}  // namespace slipway::demo
