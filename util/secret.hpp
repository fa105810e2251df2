#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace slipway::util {

/// A token, password or variable value that must not reach a log or an error text: formatting and
/// streaming show
/// `[MASKED]`; only reveal() gives the value, and its callers are few and easy to review.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_{std::move(value)} {}

  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string value_;
};

}  // namespace slipway::util

template <>
struct fmt::formatter<slipway::util::Secret> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(const slipway::util::Secret&, Context& context) const {
    return fmt::formatter<std::string_view>::format("[MASKED]", context);
  }
};
