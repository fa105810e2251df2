#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/daemon_end.hpp"
#include "docker_api/client.hpp"
#include "executors/job_log.hpp"
#include "job/failure.hpp"
#include "util/asio_fwd.hpp"
#include "util/event.hpp"
#include "util/task_group.hpp"

namespace slipway::executors::docker {

/// The container does not exist any more: somebody removed it.
class ContainerGone : public job::Failure {
 public:
  explicit ContainerGone(const std::string& text, bool before_start = false)
      : Failure{job::FailureReason::runner_system_failure, text}, before_start_{before_start} {}
  /// Nothing of the stage has run: its container was gone when it should be started.
  bool before_start() const { return before_start_; }

 private:
  bool before_start_;
};

/// A running build or helper container: started once, attached for its whole life; the agent in it
/// runs the stages. Where no agent answers (plain mode), the container is started anew for every
/// stage and its shell gets the script. Await close() before destruction. Must not outlive engine
/// and log.
class AgentContainer {
 public:
  struct Settings {
    std::string id;    ///< of a created container
    std::string name;  ///< for messages
    std::string mark;  ///< 16 hex digits, see agent::DaemonEnd
    std::string helper_dir = "/.slipway";
    bool use_agent = true;
    std::optional<unsigned> umask;  ///< of the agent's stages; none: as the entrypoint left it
    /// stop_stages() goes to the shell alone, and to PID 1 in plain mode
    /// (FF_USE_NATIVE_CONTAINER_STOP).
    bool native_stop = false;
    /// How long the agent's stages go on when no daemon is there.
    std::chrono::milliseconds adopt_timeout = std::chrono::minutes{10};
    /// Called before every *ack*, synchronously: after it the agent forgets what was taken so far,
    /// so a snapshot is stored here; false: it could not be, and nothing is acknowledged. Must not
    /// throw.
    std::function<bool()> before_ack;
    /// Taken output that is acknowledged at once; what is less, after 10 s. Cut to
    /// `most_unacknowledged`.
    std::uint64_t ack_every = 256 * 1024;
  };
  /// Past 1 MiB the agent keeps output in a file, past 64 MiB the scripts wait.
  static constexpr std::uint64_t most_unacknowledged = 16 << 20;
  enum class Mode { starting, agent, plain, ended };

  /// What another process needs to go on with the container. Exact between any two steps of the
  /// coroutines.
  struct Snapshot {
    std::string id;
    std::string name;
    std::string mark;
    bool started = false;        ///< a start was asked for
    bool agent = false;          ///< an agent has answered
    std::uint64_t offset = 0;    ///< output bytes that have reached the log
    std::uint64_t exits = 0;     ///< ends of stages whose run() has returned
    std::uint64_t commands = 0;  ///< as commands_sent()
    int protocol = agent::protocol_version;
  };

  /// How a stage ended.
  struct Result {
    int exit_code = 0;
    bool out_of_memory = false;
    bool interrupted = false;  ///< by whoever stopped the container, and not by stop_stages()
    std::string error;         ///< the stage could not be started
  };
  /// Gets a stage's output instead of the job's log.
  using Capture = std::function<void(agent::Stream, std::string_view)>;

  AgentContainer(asio::any_io_executor executor, docker_api::Client& engine, JobLog& log,
                 Settings settings);
  ~AgentContainer();

  /// Attaches, starts, and waits until agent or shell answer or the container ends. The entrypoint
  /// may take its time: the caller's cancellation is the limit. \throws EngineError, net::Error.
  /// Cancellation: any kind.
  asio::awaitable<Mode> start();

  /// State for adopt(). The end of a stage counts as taken as soon as its run() has returned: the
  /// caller notes it before it waits for anything.
  Snapshot snapshot() const;

  /// On a fresh object, instead of start(): goes on with a container that an earlier process left
  /// with an agent in it; id, name and mark are the snapshot's. The agent has `answer_limit` and a
  /// second connection to answer. What stages have printed, and their ends, wait for the first
  /// run() or continue_run(). Returns Mode::agent.
  /// \throws ContainerGone: then gone(), and continue_run() says so, too; job::Failure
  /// (runner_system_failure: the container has ended, no agent in it or none that answers),
  /// EngineError, net::Error. Cancellation: any kind. close() it in any case.
  asio::awaitable<Mode> adopt(Snapshot snapshot);
  static constexpr auto answer_limit = std::chrono::seconds{15};

  /// Runs a stage to its end. A container that ended by itself gives its exit code. Native stages
  /// need Mode::agent. \throws ContainerGone, job::Failure, EngineError, net::Error.
  /// Cancellation: any kind; the stage goes on.
  asio::awaitable<Result> run(agent::Stage stage, Capture capture = nullptr);

  /// run() of the stage that was under way when the earlier process ended; the first call after
  /// adopt(). `stage` is what that process ran, byte by byte, and `commands_before` what its
  /// commands_sent() was before. What the agent lacks of it is sent, so it runs once.
  asio::awaitable<Result> continue_run(agent::Stage stage, std::uint64_t commands_before,
                                       Capture capture = nullptr);

  /// TERM to every process of the stages that run, KILL after 10 s; in plain mode by exec and stop.
  /// Before anything runs: nothing does. While an agent is being adopted: as soon as it answers.
  void stop_stages();

  /// See Settings::ack_every.
  void acknowledge_every(std::uint64_t bytes);

  /// For continue_run() of the next stage.
  std::uint64_t commands_sent() const { return agent_.commands_sent(); }

  /// Ends a stage whose run() was cancelled; what it still prints is dropped.
  void abandon(std::uint32_t stage);

  /// Cuts the connection and ends the tasks. The container itself is its owner's to remove, or to
  /// leave for another process to adopt: it and its stages run on.
  asio::awaitable<void> close();

  Mode mode() const { return mode_; }
  /// A stage has run in it without an agent.
  bool is_plain() const { return !first_plain_run_; }
  bool has_ended() const { return end_.has_value(); }
  /// An agent answers, or did.
  bool has_begun() const { return agent_was_here_; }
  /// It was removed: nothing can run in it any more.
  bool gone() const { return end_ && end_->gone; }
  const std::string& id() const { return settings_.id; }

 private:
  struct Running {
    explicit Running(asio::any_io_executor executor) : done{std::move(executor)} {}
    util::Event done;
    Capture capture;
    std::optional<agent::Exit> exit;
    std::uint64_t exit_number = 0;  ///< of `exit`
  };
  using Table = std::map<std::uint32_t, std::shared_ptr<Running>>;
  struct Registration;
  struct End {
    bool gone = false;
    bool out_of_memory = false;
    std::int64_t exit_code = 0;
    std::exception_ptr failure;
  };

  asio::awaitable<void> pump();
  asio::awaitable<void> begin();
  asio::awaitable<void> attach_and_start();
  asio::awaitable<void> read_until_end();
  asio::awaitable<void> check_plain_output();
  asio::awaitable<bool> reattach();
  asio::awaitable<void> send_queued();
  asio::awaitable<void> keep_alive();
  asio::awaitable<void> conclude();
  asio::awaitable<void> stop_plain();
  asio::awaitable<void> terminate_all_plain();
  asio::awaitable<void> end_tasks();
  asio::awaitable<Result> run_plain(std::string script, Capture capture);
  asio::awaitable<Result> run_with_agent(agent::Stage stage,
                                         std::optional<std::uint64_t> commands_before,
                                         Capture capture);
  asio::awaitable<void> require_running();
  asio::awaitable<void> attach_again();
  asio::awaitable<void> wait_for_resumed();
  asio::awaitable<bool> answers_within(std::chrono::milliseconds limit);
  void on_resumed(const agent::Resumed& resumed);
  void acknowledge();
  bool must_wait(const agent::Event& event) const;
  void take_held_back();
  [[noreturn]] void fail_ended_alone(const End& end);
  void handle(const agent::Event& event);
  void dispatch_events();
  void start_tasks();
  void send(std::string bytes);
  void log(agent::Stream stream, std::string_view bytes);
  void cut();
  Result ended_result() const;
  agent::Signal stop_signal() const;
  [[noreturn]] void fail_early(const std::string& stage) const;

  asio::any_io_executor executor_;
  docker_api::Client& engine_;
  JobLog& log_;
  Settings settings_;
  agent::DaemonEnd agent_;
  Mode mode_ = Mode::starting;
  bool first_plain_run_ = true;
  Capture plain_capture_;  ///< of the run under way
  /// Owners: this container, and the writer while it writes.
  std::shared_ptr<docker_api::Attachment> attachment_;
  bool tasks_started_ = false;
  std::string outbox_;
  util::Event outbox_filled_;
  util::Event answered_;  ///< hello, plain or end
  util::Event ended_;     ///< the container's output is complete; end_ is set
  std::optional<End> end_;
  Table running_;  ///< owners of its entries: this table and the waiting run()
  std::uint64_t acknowledged_ = 0;
  std::chrono::steady_clock::time_point last_heard_;  ///< of the agent: pings are answered
  int silences_ = 0;                                  ///< since its last sign of life
  int vain_attaches_ = 0;                             ///< re-attached without a byte since
  bool cut_ = false;  ///< the attachment was closed to get a new one
  bool started_ = false;
  bool agent_was_here_ = false;
  bool adopting_ = false;      ///< the agent has not resumed yet
  bool hold_back_ = false;     ///< adopted, and nobody has asked for its stages yet
  bool stop_adopted_ = false;  ///< stop_stages() came before continue_run()
  util::Event taking_;         ///< not set: events are held back, so nothing more is read
  bool silent_ = false;        ///< the agent is taken for dead
  util::TaskGroup tasks_;
};

}  // namespace slipway::executors::docker
