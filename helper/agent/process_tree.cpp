#include "helper/agent/process_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <memory>
#include <string>

#include "helper/agent/fd.hpp"

namespace slipway::helper {
namespace {

// Field 22 of the file is the start time; counted from the state, which is field 3.
constexpr int start_time_field = 19;

template <class T>
bool to_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

std::string_view take_field(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  const auto field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

const Process* find(const std::vector<Process>& sorted, pid_t pid) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), pid,
                                   [](const Process& p, pid_t value) { return p.pid < value; });
  return at != sorted.end() && at->pid == pid ? &*at : nullptr;
}

}  // namespace

std::optional<Process> parse_stat(std::string_view text) {
  const auto open = text.find(" (");
  const auto close = text.rfind(") ");
  if (open == std::string_view::npos || close == std::string_view::npos) return std::nullopt;
  Process process;
  if (!to_number(text.substr(0, open), process.pid)) return std::nullopt;
  text.remove_prefix(close + 2);
  const auto state = take_field(text);
  if (state.size() != 1) return std::nullopt;
  process.state = state[0];
  if (!to_number(take_field(text), process.parent)) return std::nullopt;
  take_field(text);  // process group
  if (!to_number(take_field(text), process.session)) return std::nullopt;
  for (int skip = 4; skip < start_time_field; ++skip) take_field(text);
  if (!to_number(take_field(text), process.start_time)) return std::nullopt;
  return process;
}

std::vector<Process> list_processes() {
  std::vector<Process> processes;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder{opendir("/proc"), closedir};
  if (!folder) return processes;
  while (const auto* entry = readdir(folder.get())) {
    if (!std::isdigit(static_cast<unsigned char>(entry->d_name[0]))) continue;
    const auto path = "/proc/" + std::string{entry->d_name} + "/stat";
    const Fd file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) continue;
    char text[1024];
    const auto size = read(file.get(), text, sizeof text);
    if (size <= 0) continue;
    if (const auto process = parse_stat({text, static_cast<std::size_t>(size)}))
      processes.push_back(*process);
  }
  return processes;
}

ProcessOwners::ProcessOwners(pid_t agent, const std::vector<Process>& before) : agent_{agent} {
  for (const auto& process : before)
    if (!process.dead()) before_.push_back({process.pid, process.start_time});
  std::sort(before_.begin(), before_.end());
}

void ProcessOwners::let_live(const std::vector<Process>& now, pid_t root,
                             const std::vector<pid_t>& others) {
  const auto left = of_stage(now, root, others);
  for (const auto& process : now)
    if (std::binary_search(left.begin(), left.end(), process.pid))
      before_.push_back({process.pid, process.start_time});
  std::sort(before_.begin(), before_.end());
}

bool ProcessOwners::was_before(const Process& process) const {
  return std::binary_search(before_.begin(), before_.end(), Id{process.pid, process.start_time});
}

std::vector<pid_t> ProcessOwners::of_stage(const std::vector<Process>& now, pid_t root,
                                           const std::vector<pid_t>& others) const {
  auto sorted = now;
  std::sort(sorted.begin(), sorted.end(),
            [](const Process& a, const Process& b) { return a.pid < b.pid; });
  const auto is_other = [&others](pid_t pid) {
    return std::find(others.begin(), others.end(), pid) != others.end();
  };
  const auto belongs = [&](const Process& process) {
    const Process* at = &process;
    // The list is no snapshot: a pid used again could close a circle of parents.
    for (std::size_t steps = 0; at && steps <= sorted.size(); ++steps) {
      if (at->pid == agent_ || was_before(*at)) return false;
      if (at->pid == root || at->session == root) return true;
      if (is_other(at->pid) || is_other(at->session)) return false;
      if (at->parent == agent_) return others.empty();
      at = find(sorted, at->parent);
    }
    return false;
  };
  std::vector<pid_t> pids;
  for (const auto& process : sorted)
    if (!process.dead() && belongs(process)) pids.push_back(process.pid);
  return pids;
}

}  // namespace slipway::helper
