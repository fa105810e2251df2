#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace slipway::executors::shell {

/// A process of this machine, told from later ones with the same number: also by another process of
/// slipway, and after a restart of the machine.
struct ProcessId {
  pid_t pid = 0;                 ///< 0 = none
  std::uint64_t start_time = 0;  ///< clock ticks since boot
  std::string boot;              ///< id of the boot

  /// Of a child that was not waited for, or any other living process; none if there is no such.
  static ProcessId of(pid_t pid);
  /// It is there and no zombie.
  bool alive() const;
  /// KILL, if it is still that process. What it may not end stays.
  void kill() const;
};

}  // namespace slipway::executors::shell
