#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::local::ci {

/// A regular expression in RE2's syntax, as GitLab takes them: no look-around, no back references,
/// time linear in the text.
class Pattern {
 public:
  /// `/expression/flags` with flags of `i`, `s`, `m`, `U`. Absent if the text has another form;
  /// an expression that RE2 refuses gives a pattern that is not ok().
  static std::optional<Pattern> from_slashes(std::string_view text);
  explicit Pattern(const std::string& expression);

  bool ok() const { return error_.empty(); }
  /// RE2's words; empty for a usable pattern.
  const std::string& error() const { return error_; }
  /// Whether it is found anywhere in `text`. False if not ok().
  bool found_in(std::string_view text) const;

 private:
  struct Compiled;
  /// Shared by copies of the pattern, which never change it.
  std::shared_ptr<const Compiled> compiled_;
  std::string error_;
};

}  // namespace slipway::local::ci
