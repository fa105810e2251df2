#include "helper/sources/outer_config.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

constexpr std::uintmax_t largest_file = 1u << 20;

/// Where the git at that place keeps its system configuration; "" where that is not known.
std::string system_config_of(const std::string& git) {
  std::error_code error;
  const auto real = fs::canonical(git, error);
  if (error) return "";
  if (real == "/usr/bin/git" || real == "/bin/git") return "/etc/gitconfig";
  if (real == "/usr/local/bin/git") return "/usr/local/etc/gitconfig";
  return "";
}

}  // namespace

OuterConfig::OuterConfig(const Environment& environment) {
  const auto value = [&environment](const char* name) {
    return environment.find(name).value_or("");
  };
  for (const auto* name : {"GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_NOSYSTEM"})
    known_ = known_ && value(name).empty();
  for (int i = 0; !value("GIT_CONFIG_COUNT").empty() && i < 100; ++i) {
    const auto number = std::to_string(i);
    text_ += value(("GIT_CONFIG_KEY_" + number).c_str()) + '=' +
             value(("GIT_CONFIG_VALUE_" + number).c_str()) + '\n';
  }
  auto system = value("GIT_CONFIG_SYSTEM");
  if (system.empty()) system = system_config_of(program_path("git", environment));
  known_ = known_ && !system.empty();
  add_file(system);
  const auto home = value("HOME");
  const auto xdg = value("XDG_CONFIG_HOME");
  if (const auto global = value("GIT_CONFIG_GLOBAL"); !global.empty()) {
    add_file(global);
  } else {
    if (!home.empty()) add_file(home + "/.gitconfig");
    if (!xdg.empty() || !home.empty())
      add_file((xdg.empty() ? home + "/.config" : xdg) + "/git/config");
  }
  std::transform(text_.begin(), text_.end(), text_.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  known_ = known_ && text_.find("include") == std::string::npos;
}

void OuterConfig::add_file(const std::string& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return;
  const auto size = fs::is_regular_file(status) ? fs::file_size(path, error) : largest_file;
  std::ifstream file{path, std::ios::binary};
  if (error || size >= largest_file || !file) {
    known_ = false;
    return;
  }
  text_.append(std::istreambuf_iterator<char>{file}, {});
  text_ += '\n';
}

bool OuterConfig::may_mention(std::string_view word) const {
  return !known_ || text_.find(word) != std::string::npos;
}

}  // namespace slipway::helper
