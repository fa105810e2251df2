#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace slipway::helper {

/// One line of /proc as far as it matters here.
struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  char state = '?';
  std::uint64_t start_time =
      0;  ///< clock ticks since boot; tells a pid used again from the old one

  bool dead() const { return state == 'Z' || state == 'X'; }
};

/// Parses the content of /proc/<pid>/stat. The command in it may hold any bytes.
std::optional<Process> parse_stat(std::string_view text);

/// Every process that /proc shows; empty if it cannot be read.
std::vector<Process> list_processes();

/// Tells which processes belong to which stage: the stage's own process is the root of a session,
/// its descendants are found by their parents or by that session, and orphans hang below the agent,
/// which is their subreaper. Processes that were there before the first stage belong to none, and
/// neither does what those start. No I/O.
class ProcessOwners {
 public:
  /// `before`: the processes at the agent's start.
  ProcessOwners(pid_t agent, const std::vector<Process>& before);

  /// The living processes of the stage whose first process is (or was) `root`, the root included.
  /// `others`: the roots of the other stages. An orphan that has left its stage's session cannot be
  /// told from another stage's; it counts as this stage's only if `others` is empty.
  std::vector<pid_t> of_stage(const std::vector<Process>& now, pid_t root,
                              const std::vector<pid_t>& others) const;

  /// The stage has ended, and what it has left belongs to no stage any more, as if it had been
  /// there before the first one.
  void let_live(const std::vector<Process>& now, pid_t root, const std::vector<pid_t>& others);

 private:
  bool was_before(const Process& process) const;

  struct Id {
    pid_t pid;
    std::uint64_t start_time;
    auto operator<=>(const Id&) const = default;
  };
  pid_t agent_;
  std::vector<Id> before_;  ///< sorted
};

}  // namespace slipway::helper
