#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::helper {

/// A command was called as it cannot be.
class UsageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One option of a command.
struct Option {
  enum class Kind { flag, value, list };
  std::string_view name;  ///< without dashes
  Kind kind = Kind::value;
  std::string_view environment = "";  ///< holds the value where the option is not given
  char letter = 0;                    ///< `-p` for `--port`; 0 = none
};

/// The words after a command's name as GitLab Runner's helper reads them: `--name value`,
/// `--name=value`, one dash as good as two, flags with `=false` where wanted, `--` before what is
/// no option. The last of several values counts, but for lists.
class CommandLine {
 public:
  using Environment = std::function<std::optional<std::string>(std::string_view)>;

  /// `options` must outlive this. \throws UsageError
  CommandLine(std::span<const Option> options, std::span<const std::string> words,
              Environment environment);

  /// The option's value, else its variable's, else "". Names must be those of `options`.
  std::string text(std::string_view name) const;
  bool given(std::string_view name) const { return !text(name).empty(); }
  const std::vector<std::string>& list(std::string_view name) const;
  /// As strconv.ParseBool reads it. \throws UsageError
  bool flag(std::string_view name) const;
  /// \throws UsageError
  std::uint64_t number(std::string_view name, std::uint64_t fallback) const;
  /// In Go's text form. \throws UsageError
  std::chrono::milliseconds duration(std::string_view name,
                                     std::chrono::milliseconds fallback) const;
  /// What is no option.
  const std::vector<std::string>& rest() const { return rest_; }

 private:
  const Option& find(std::string_view name) const;
  [[noreturn]] void refuse(std::string_view name, const char* wanted) const;

  std::span<const Option> options_;
  Environment environment_;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> rest_;
};

/// `1h0m0s`, `1.5s`, `300ms`, `0`; nullopt for all else and beyond a hundred years.
std::optional<std::chrono::milliseconds> parse_go_duration(std::string_view text);

}  // namespace slipway::helper
