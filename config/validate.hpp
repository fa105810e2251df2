#pragma once

#include <vector>

#include "config/config.hpp"
#include "config/toml.hpp"

namespace slipway::config {

/// Looks at what the kinds of values (check.hpp) do not tell: allowed values, the executor's table,
/// forms of sizes and addresses, names of feature flags. Returns a warning for each value that
/// would fail jobs or mean nothing. `config` is the bound form of `file`. \throws ConfigError for
/// what keeps the file from being used (`log_level`, `log_format`).
std::vector<Warning> validate(const toml::table& file, const Config& config);

/// Collects the warnings of one file.
class Remarks {
 public:
  explicit Remarks(const std::string& path) : path_{path} {}
  void add(const toml::node& at, const std::string& text);
  /// `key "runners.x": "value" is …`.
  void add_value(const toml::node& at, std::string_view key, std::string_view is);
  std::vector<Warning> take() { return std::move(warnings_); }

 private:
  const std::string& path_;
  std::vector<Warning> warnings_;
};

/// The part for `[runners.docker]`.
void validate_docker(const toml::table& docker, Remarks& remarks);

}  // namespace slipway::config
