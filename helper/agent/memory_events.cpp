#include "helper/agent/memory_events.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "helper/agent/fd.hpp"

namespace slipway::helper {

namespace {

constexpr std::size_t longest_file = 4096;

/// The beginning of a small file, into `buffer`. No streams: the agent must stay small.
std::string_view read_start(const char* path, std::array<char, longest_file>& buffer) {
  const Fd file{::open(path, O_RDONLY | O_CLOEXEC)};
  if (!file) return {};
  const auto size = ::read(file.get(), buffer.data(), buffer.size());
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

}  // namespace

std::uint64_t oom_kills_in(std::string_view text) {
  constexpr std::string_view key = "oom_kill ";
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(key)) continue;
    std::uint64_t count = 0;
    std::from_chars(line.data() + key.size(), line.data() + line.size(), count);
    return count;
  }
  return 0;
}

std::uint64_t oom_kills() {
  constexpr std::array files{"/sys/fs/cgroup/memory.events",
                             "/sys/fs/cgroup/memory/memory.oom_control"};
  std::array<char, longest_file> buffer;
  for (const auto* path : files)
    if (const auto text = read_start(path, buffer); !text.empty()) return oom_kills_in(text);
  return 0;
}

}  // namespace slipway::helper
