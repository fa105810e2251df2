#include <algorithm>

#include "config/edit.hpp"
#include "config/file.hpp"
#include "config/load.hpp"
#include "config/schema.hpp"
#include "config/section_values.hpp"
#include "config/sections.hpp"

namespace slipway::config {

namespace {

/// Found again after every change: positions move.
std::optional<Section> runner_section(std::string_view text, std::size_t index) {
  for (auto& section : find_sections(text)) {
    const bool runner = section.array && section.path.size() == 1 &&
                        equal_ignoring_case(section.path[0], "runners");
    if (runner && index-- == 0) return std::move(section);
  }
  return std::nullopt;
}

}  // namespace

std::string with_token_changed(std::string_view text, std::size_t index,
                               const TokenChange& change) {
  const struct {
    const char* key;
    std::string value;
    const char* after;
  } values[] = {
      {"token", quote_toml(change.token.reveal()), "url"},
      {"token_obtained_at", toml_time(change.obtained_at), "token"},
      {"token_expires_at", toml_time(change.expires_at), "token_obtained_at"},
  };
  std::string out{text};
  for (const auto& value : values)
    if (const auto section = runner_section(out, index))
      out = with_value(out, *section, value.key, value.value, value.after);
  return out;
}

bool change_token(const std::string& path, const std::function<bool(const Runner&)>& matches,
                  const TokenChange& change) {
  const EditLock lock{path};
  const auto old = read_config_file(path);
  if (!old) return false;
  const auto config = parse(*old, path, process_environment());
  const auto found = std::ranges::find_if(config.runners, matches);
  if (found == config.runners.end()) return false;
  const auto index = static_cast<std::size_t>(found - config.runners.begin());
  const auto text = with_token_changed(*old, index, change);
  const auto changed = parse(text, path, process_environment());
  const bool good = changed.runners.size() == config.runners.size() &&
                    changed.runners[index].token == change.token &&
                    changed.runners[index].url == found->url;
  if (!good)
    throw ConfigError{
        path, 0, 0,
        "cannot be changed in place; write each runner as a [[runners]] block of its own"};
  write_config_file(path, text);
  return true;
}

}  // namespace slipway::config
