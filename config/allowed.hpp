#pragma once

#include <string_view>
#include <vector>

namespace slipway::config {

/// The values that a key of config.toml may have, where those are few.
struct Allowed {
  std::string_view key;     ///< path in the schema: `runners.docker.pull_policy`
  std::string_view values;  ///< separated by blanks
  bool refuse = false;      ///< anything else keeps the file from being used
  bool any_case = false;
};

/// nullptr: every value that has the key's kind.
const Allowed* find_allowed(std::string_view key);

std::vector<std::string_view> words_of(const Allowed& allowed);

/// The empty text is: it means that the key is not set.
bool is_allowed(const Allowed& allowed, std::string_view value);

}  // namespace slipway::config
