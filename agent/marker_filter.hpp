#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace slipway::agent {

/// Looks for one fixed text in a stream of bytes cut anywhere; holds back only what may be its
/// beginning.
class MarkerFilter {
 public:
  explicit MarkerFilter(std::string marker) : marker_{std::move(marker)} {}

  struct Result {
    std::string before;  ///< bytes that are not the marker
    bool found = false;
    std::string after;  ///< only if found: the rest of the input, not looked at
  };
  Result feed(std::string_view bytes);
  /// Gives back what was held.
  std::string flush() { return std::exchange(held_, {}); }

 private:
  std::string marker_;
  std::string held_;
};

}  // namespace slipway::agent
