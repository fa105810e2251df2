#include "local/ci/spec.hpp"

#include <array>

namespace slipway::local::ci {
namespace {

constexpr std::array<std::string_view, 6> names{"on_success", "on_failure", "always",
                                                "manual",     "delayed",    "never"};

}  // namespace

std::string_view name_of(When when) {
  return names.at(static_cast<std::size_t>(when));
}

std::optional<When> when_from(std::string_view name) {
  for (std::size_t at = 0; at < names.size(); ++at)
    if (names[at] == name) return static_cast<When>(at);
  return std::nullopt;
}

}  // namespace slipway::local::ci
