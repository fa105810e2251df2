#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "local/yaml/mark.hpp"

namespace slipway::local::ci {

/// A configuration that cannot be used. what() is `file:line:column: message`, and a line
/// `  included from file:line:column` for each include that led there, the nearest first.
class ConfigError : public std::runtime_error {
 public:
  ConfigError(const yaml::Sources& sources, const yaml::Mark& mark, const std::string& message);

  const std::string& file() const { return file_; }
  std::uint32_t line() const { return line_; }      ///< from 1; 0: the file as a whole
  std::uint32_t column() const { return column_; }  ///< from 1, in characters
  const std::string& message() const { return message_; }
  const std::vector<std::string>& included_from() const { return included_from_; }

 private:
  std::string file_;
  std::uint32_t line_;
  std::uint32_t column_;
  std::string message_;
  std::vector<std::string> included_from_;
};

}  // namespace slipway::local::ci
