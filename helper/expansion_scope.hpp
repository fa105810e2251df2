#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace slipway::helper {

/// Why a text cannot be expanded. Caught by expand_words().
class ExpansionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The variables that one text sees, with those it sets itself, and how much it may still do.
class ExpansionScope {
 public:
  using Lookup = std::function<std::optional<std::string>(std::string_view)>;

  /// `lookup` must outlive it.
  explicit ExpansionScope(const Lookup& lookup) : lookup_{lookup} {}

  /// Empty if unset.
  std::string get(std::string_view name) const {
    const auto own = assigned_.find(name);
    if (own != assigned_.end()) return own->second;
    return lookup_(name).value_or("");
  }
  void set(std::string_view name, std::string value) {
    assigned_.insert_or_assign(std::string{name}, std::move(value));
  }

  /// Takes `steps`, each a few nanoseconds, off what is left. \throws ExpansionError
  void spend(std::uint64_t steps) {
    if (steps > left_) throw ExpansionError{"expansion takes too long"};
    left_ -= steps;
  }

 private:
  const Lookup& lookup_;
  std::map<std::string, std::string, std::less<>> assigned_;
  std::uint64_t left_ = 10'000'000;
};

inline bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
inline bool is_name(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

}  // namespace slipway::helper
