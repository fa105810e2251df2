#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "util/asio_fwd.hpp"

namespace slipway::bench {

/// A program of this host in a process of its own, its stderr and stdout in a file. It dies with
/// this process; the destructor kills it if it still runs.
class Process {
 public:
  /// \param environment  `NAME=value`, in addition to this process's.
  /// \throws std::system_error when it cannot be started.
  Process(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
          const std::filesystem::path& output);
  Process(const Process&) = delete;
  ~Process();

  pid_t pid() const { return pid_; }
  bool running();
  /// VmRSS in KiB. \throws std::runtime_error when it has ended.
  std::uint64_t resident_kib() const;
  /// CPU time used so far, user and system.
  std::chrono::milliseconds cpu_time() const;
  /// Sends `signal` and waits for the end; past `limit` kills it. Returns the exit code, or 128 +
  /// signal.
  asio::awaitable<int> end(int signal, std::chrono::milliseconds limit);

 private:
  void reap(bool block);

  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
};

/// Starts a program with its output thrown away and waits for it. Returns the milliseconds that
/// took. \throws std::runtime_error when it fails.
double time_program(const std::vector<std::string>& arguments);

}  // namespace slipway::bench
