#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "local/yaml/mark.hpp"

namespace slipway::local::ci {

/// What is gathered while a configuration is compiled.
struct Notes {
  yaml::Sources sources;
  std::vector<yaml::Warning> warnings;  ///< each once

  void warn(const yaml::Mark& mark, std::string text) {
    constexpr std::size_t max_warnings = 200;
    if (warnings.size() >= max_warnings) return;
    const bool known = std::any_of(
        warnings.begin(), warnings.end(),
        [&](const yaml::Warning& warning) { return warning.mark == mark && warning.text == text; });
    if (!known) warnings.push_back({mark, std::move(text)});
  }
};

}  // namespace slipway::local::ci
