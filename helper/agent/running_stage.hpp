#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent_end.hpp"
#include "agent/daemon_end.hpp"
#include "helper/agent/memory_events.hpp"
#include "helper/agent/process_tree.hpp"
#include "helper/agent/stage_process.hpp"

namespace slipway::helper {

/// What becomes of the processes that a stage leaves when it ends by itself. Where they live, their
/// holding its output open keeps the stage from ending. A stage that is signalled, or reaches its
/// limit, ends with all its processes in either case.
enum class LeftBehind { is_killed, lives };

/// One stage from its start until nothing of it is left: its script on the way in, its output on
/// the way out, its signals and its limit. Never waits; the loop calls it when something is ready
/// or due.
class RunningStage {
 public:
  using TimePoint = agent::TimePoint;
  /// From TERM to KILL.
  static constexpr auto grace = std::chrono::seconds{10};

  /// Starts it. Throws as start_stage().
  RunningStage(agent::Stage stage, TimePoint now, LeftBehind left = LeftBehind::is_killed);

  std::uint32_t id() const { return stage_.id; }
  pid_t root() const { return process_.pid; }

  void signal(agent::Signal signal, const ProcessOwners& owners, const std::vector<pid_t>& others,
              TimePoint now);
  /// The first process has ended and was reaped.
  void root_ended(int status, const rusage& usage);
  /// Does what is due: the limit, KILL after the grace, the end of what is left.
  void tick(const ProcessOwners& owners, const std::vector<pid_t>& others, TimePoint now);
  /// A child of the agent ended: look for what is left without waiting for the next time.
  void look_now() { next_look_ = {}; }
  TimePoint deadline() const;

  /// The fd to write the script to, -1 when all is written.
  int in_fd() const { return process_.in.get(); }
  void write_script();
  const Fd& output_fd(agent::Stream stream) const {
    return stream == agent::Stream::out ? process_.out : process_.err;
  }
  /// Reads once, at most `size` bytes; 0: nothing there now (or never again).
  std::size_t read_output(agent::Stream stream, char* to, std::size_t size);

  /// All processes are gone, or those that are left may live; what the pipes still hold is the rest
  /// of the output.
  bool over() const { return gone_; }
  agent::Exit exit() const;

 private:
  void terminate(const ProcessOwners& owners, const std::vector<pid_t>& others, TimePoint now);
  void send(int number, const ProcessOwners& owners, const std::vector<pid_t>& others);

  bool ends_by_itself() const { return left_ == LeftBehind::lives && !kill_; }

  agent::Stage stage_;
  LeftBehind left_;
  StageProcess process_;
  std::size_t written_ = 0;
  TimePoint limit_;  ///< max() without one
  bool limit_reached_ = false;

  bool gentle_ = false;            ///< what is left may use the grace too
  std::optional<TimePoint> kill_;  ///< the end of the grace
  std::optional<TimePoint> give_up_;
  TimePoint next_look_{};

  bool root_ended_ = false;
  bool gone_ = false;
  int status_ = 0;
  rusage usage_{};
  std::uint64_t oom_kills_before_;
};

}  // namespace slipway::helper
