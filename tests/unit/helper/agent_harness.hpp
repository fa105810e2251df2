#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/daemon_end.hpp"
#include "helper/agent/fd.hpp"

namespace slipway::helper {

inline constexpr const char* test_mark = "5a00ff7f13c3a90e";

/// What stands in for a container: a process group with the real agent over three pipes, and a
/// daemon at their other ends. Killed as a whole at the end.
class TestContainer {
 public:
  /// Any program; nothing is sent to it until bootstrap().
  explicit TestContainer(std::vector<std::string> arguments);
  ~TestContainer();
  TestContainer(const TestContainer&) = delete;

  /// Sends the bootstrap line for the helper under test (or another folder) and waits for an
  /// answer.
  void bootstrap(std::string helper_dir = {}, const agent::AgentOptions& options = {});
  void write(std::string bytes) { to_write_ += bytes; }

  /// Starts a script (its id is returned) or runs one to its end.
  std::uint32_t start(agent::Stage stage);
  std::uint32_t start_script(std::string body) { return start({.body = std::move(body)}); }
  agent::Exit run_script(std::string body) { return end_of(start_script(std::move(body))); }
  agent::Exit end_of(std::uint32_t stage);
  /// Reads and writes until `done` holds; fails the test past the limit.
  bool pump_until(const std::function<bool()>& done,
                  std::chrono::milliseconds limit = std::chrono::seconds{60});
  void pump_for(std::chrono::milliseconds time);
  /// Our end of its stdin or stdout goes away, as when an Engine dies.
  void close_stdin() { in_.close(); }
  void close_stdout() { out_.close(); }
  /// The exit status of the first process, after the end of all output.
  int wait_for_end();

  bool has_output(std::uint32_t stage, std::string_view text);

  agent::DaemonEnd daemon{test_mark};
  std::map<std::uint32_t, std::string> out, err;
  std::map<std::uint32_t, agent::Exit> exits;
  std::string raw_out, raw_err;
  int hellos = 0, plains = 0, resumed = 0;
  bool ended = false;    ///< EOF on stdout
  bool acks = true;      ///< acknowledge what comes
  bool attached = true;  ///< false: stdout is read and lost, nothing is written
  bool reads = true;     ///< read stdout at all
  pid_t pid = 0;

 private:
  void exchange(int timeout);
  void take_events();
  ssize_t read_once(const Fd& fd, agent::Stream stream);

  Fd in_, out_, err_;
  std::string to_write_;
  std::uint32_t next_stage_ = 1;
  std::uint64_t acknowledged_ = 0;
  std::chrono::steady_clock::time_point last_ping_{};
};

/// A container whose command is the agent itself, with these further arguments; *hello* has come.
class TestAgent : public TestContainer {
 public:
  explicit TestAgent(const std::vector<std::string>& arguments = {});
};

/// Whether the process lives (a zombie does not).
bool alive(pid_t pid);

}  // namespace slipway::helper
