#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/daemon_end.hpp"
#include "executors/job_log.hpp"
#include "executors/shell/process_id.hpp"
#include "executors/shell/spawn.hpp"
#include "util/asio_fwd.hpp"
#include "util/event.hpp"
#include "util/task_group.hpp"

namespace slipway::executors::shell {

/// The agent of a shell job: `slipway-helper agent --host`, a child of this process over two pipes,
/// which runs the job's stages as the job's user. It ends with this process: when the pipe closes,
/// it ends the stage under way (TERM, 10 s, KILL) and itself. Await close() before destruction.
/// Must not outlive the log.
class AgentProcess {
 public:
  struct Settings {
    std::string helper;  ///< path of slipway-helper
    std::string mark;    ///< 16 hex digits, see agent::DaemonEnd
    SpawnRequest spawn;  ///< its arguments are filled in here
  };
  /// How a stage ended.
  struct Result {
    int exit_code = 0;
    int signal = 0;            ///< that ended its first process, 0 = none
    bool interrupted = false;  ///< the agent was told to end, by whoever sent it a signal
    std::string error;         ///< the stage could not be started
  };

  AgentProcess(asio::any_io_executor executor, JobLog& log, Settings settings);
  ~AgentProcess();
  AgentProcess(const AgentProcess&) = delete;

  /// Starts it and waits for its *hello*. \throws job::Failure(runner_system_failure).
  /// Cancellation: any kind; close() then.
  asio::awaitable<void> start();

  /// Runs a stage to its end; its output goes to the job's log. One at a time; an earlier one that
  /// was cancelled may still be ending. \throws job::Failure(runner_system_failure): the agent has
  /// ended. Cancellation: any kind; the stage goes on.
  asio::awaitable<Result> run(agent::Stage stage);

  /// To the stage under way, if there is one.
  void signal(agent::Signal signal);

  /// Ends the agent, and with it what still runs of its stages; those that ended by themselves keep
  /// what they detached. Returns when the process is gone, after a KILL if it must be. Never throws
  /// but for cancellation.
  asio::awaitable<void> close();

  /// It has said *hello* and has not ended.
  bool answers() const { return hello_ && !ended_.is_set(); }
  /// Of the process, while there is one that was not waited for.
  const ProcessId& id() const { return id_; }

 private:
  asio::awaitable<void> read_output();
  asio::awaitable<void> write_commands();
  asio::awaitable<void> keep_alive();
  asio::awaitable<bool> gone_within(std::chrono::milliseconds limit);
  bool reap();
  void send(std::string bytes);
  void acknowledge();
  void handle(const agent::Event& event);
  void log(agent::Stream stream, std::string_view bytes);
  [[noreturn]] void fail_ended() const;

  asio::any_io_executor executor_;
  JobLog& log_;
  Settings settings_;
  agent::DaemonEnd agent_;
  asio::posix::stream_descriptor in_;
  asio::posix::stream_descriptor out_;
  ProcessId id_;
  bool hello_ = false;
  std::string refused_;  ///< why nothing is taken from it
  std::string outbox_;
  util::Event outbox_filled_;
  util::Event answered_;  ///< *hello*, or the end
  util::Event ended_;     ///< its output has ended
  util::Event stage_over_;
  std::uint32_t current_ = 0;  ///< stage whose end run() waits for, 0 = none
  std::uint32_t last_ = 0;     ///< stage that was begun last
  std::optional<agent::Exit> exit_;
  std::uint64_t acknowledged_ = 0;
  util::TaskGroup tasks_;
};

}  // namespace slipway::executors::shell
