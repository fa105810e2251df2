#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::demo {

/// Where the demo is read: standard output, which may be a terminal. Everything is written at once.
class Screen {
 public:
  Screen();

  /// True where colours may be used.
  bool colours() const { return colours_; }
  void write(std::string_view text) const;
  void line(std::string_view text) const;
  /// `==> text`, what is being done.
  void step(std::string_view text) const;
  /// `error: text` on standard error.
  void error(std::string_view text) const;
  /// A row of a summary.
  void row(std::string_view name, std::string_view value) const;

 private:
  bool colours_ = false;
};

/// `a, b and c`.
std::string join(const std::vector<std::string>& words);

/// A command as a user would type it, in lines of at most about 100 columns.
std::string shell_text(const std::vector<std::string>& arguments);

}  // namespace slipway::demo
