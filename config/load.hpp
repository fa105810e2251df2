#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace slipway::config {

/// A file that cannot be used. The text is whole: `/etc/slipway/config.toml:12:5: key
/// "runners.limit" …`.
class ConfigError : public std::runtime_error {
 public:
  /// \param line  1-based, 0 = the file as a whole; column likewise.
  ConfigError(const std::string& path, std::uint32_t line, std::uint32_t column,
              const std::string& text);
  std::uint32_t line() const { return line_; }
  std::uint32_t column() const { return column_; }

 private:
  std::uint32_t line_;
  std::uint32_t column_;
};

/// Value of an environment variable; nullopt = not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

/// Reads the file. A missing one gives the defaults with `exists` false. \throws ConfigError:
/// unreadable file, syntax error, value of a wrong type, invalid label, value of an own key, log
/// level or format that there is not. Unknown keys, what would fail jobs and doubtful values end up
/// in `warnings`.
Config load(const std::string& path, const Environment& environment = process_environment());

/// The same for a text; `path` is for messages.
Config parse(std::string_view text, const std::string& path, const Environment& environment);

/// `$NAME` and `${NAME}` replaced; what is not set becomes "". A `$` before anything else stays.
std::string expand_environment(std::string_view text, const Environment& environment);

/// One of `panic fatal error warn warning info debug trace`, regardless of case.
bool is_log_level(std::string_view text);

}  // namespace slipway::config
