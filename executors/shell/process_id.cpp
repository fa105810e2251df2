#include "executors/shell/process_id.hpp"

#include <signal.h>

#include <fstream>
#include <iterator>
#include <sstream>

namespace slipway::executors::shell {

namespace {

/// In /proc/<pid>/stat, counted from the state behind the command.
constexpr int start_time_field = 19;

struct Stat {
  char state = 'X';
  std::uint64_t start_time = 0;
};

Stat stat_of(pid_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const auto close = text.rfind(") ");
  if (close == std::string::npos) return {};
  std::istringstream fields{text.substr(close + 2)};
  Stat stat;
  fields >> stat.state;
  std::string skipped;
  for (int field = 1; field < start_time_field; ++field) fields >> skipped;
  fields >> stat.start_time;
  return fields ? stat : Stat{};
}

std::string boot_id() {
  std::ifstream file{"/proc/sys/kernel/random/boot_id"};
  std::string id;
  file >> id;
  return id;
}

}  // namespace

ProcessId ProcessId::of(pid_t pid) {
  const auto stat = stat_of(pid);
  if (stat.start_time == 0) return {};
  return {pid, stat.start_time, boot_id()};
}

bool ProcessId::alive() const {
  if (pid <= 0 || boot != boot_id()) return false;
  const auto stat = stat_of(pid);
  return stat.start_time == start_time && stat.state != 'Z' && stat.state != 'X';
}

void ProcessId::kill() const {
  if (alive()) ::kill(pid, SIGKILL);
}

}  // namespace slipway::executors::shell
