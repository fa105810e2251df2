#include "tests/integration/host_census.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <thread>
#include <vector>

namespace slipway::tests {

namespace {

using namespace std::chrono_literals;

/// What was ended may still be going.
constexpr auto settle_limit = 15s;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

void add_processes(std::set<std::string>& lines) {
  const auto own = std::to_string(::getpid());
  const auto mark = fmt::format("{}={}", HostCensus::variable, own);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc", error}) {
    const auto pid = entry.path().filename().string();
    if (!is_number(pid) || pid == own) continue;
    const auto environment = text_of(entry.path() / "environ");
    if (environment.find(mark + '\0') == std::string::npos) continue;
    auto command = text_of(entry.path() / "cmdline");
    std::ranges::replace(command, '\0', ' ');
    lines.insert(fmt::format("process {} {}", pid, command));
  }
}

void add_mounts(std::set<std::string>& lines) {
  std::istringstream mounts{text_of("/proc/self/mounts")};
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields{line};
    std::string source;
    std::string target;
    fields >> source >> target;
    // An Engine makes this one with its first container in the host's network, and keeps it.
    if (!target.ends_with("/netns/default")) lines.insert("mount " + target);
  }
}

std::string difference_of(const std::set<std::string>& before, const std::set<std::string>& now) {
  std::vector<std::string> more;
  std::ranges::set_difference(now, before, std::back_inserter(more));
  std::vector<std::string> less;
  std::ranges::set_difference(before, now, std::back_inserter(less));
  std::string text;
  for (const auto& line : more) text += "left behind: " + line + "\n";
  for (const auto& line : less) text += "gone: " + line + "\n";
  return text;
}

}  // namespace

HostCensus HostCensus::take() {
  ::setenv(variable, std::to_string(::getpid()).c_str(), 1);
  HostCensus census;
  add_processes(census.lines_);
  add_mounts(census.lines_);
  return census;
}

std::string HostCensus::difference() const {
  const auto deadline = std::chrono::steady_clock::now() + settle_limit;
  while (true) {
    auto text = difference_of(lines_, take().lines_);
    if (text.empty() || std::chrono::steady_clock::now() > deadline) return text;
    std::this_thread::sleep_for(100ms);
  }
}

}  // namespace slipway::tests
