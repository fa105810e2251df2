#include "cmd/slipway/helper_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "cmd/slipway/fatal.hpp"

namespace slipway::cmd {

bool is_helper_command(const std::string& name) {
  constexpr std::array<std::string_view, 9> names{
      "artifacts-downloader", "artifacts-uploader", "cache-archiver",
      "cache-extractor",      "cache-init",         "health-check",
      "proxy-exec",           "read-logs",          "steps"};
  return std::ranges::find(names, name) != names.end();
}

void exec_helper(std::span<const std::string> words) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw Fatal{fmt::format("cannot find this program's directory: {}", error.message())};
  const auto helper = (self.parent_path() / "slipway-helper").string();
  std::vector<std::string> copies{"slipway-helper"};
  copies.insert(copies.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (auto& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(helper.c_str(), arguments.data());
  throw Fatal{fmt::format("{}: cannot run {}: {}", words.front(), helper, std::strerror(errno))};
}

}  // namespace slipway::cmd
