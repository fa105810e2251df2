#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::helper {

/// A file of lines `NAME="value"`, in which `\"`, `\\`, `\n` and `\r` stand for these characters;
/// values without quotes and in single ones stand as they are. Empty lines, comments and lines that
/// are none of these are left out.
std::vector<std::pair<std::string, std::string>> parse_env_file(std::string_view text);

/// \throws UsageError if it cannot be read.
std::vector<std::pair<std::string, std::string>> read_env_file(const std::filesystem::path& path);

}  // namespace slipway::helper
