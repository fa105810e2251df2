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
  };
  enum class Mode { starting, agent, plain, ended };

  /// How a stage ended.
  struct Result {
    int exit_code = 0;
    bool out_of_memory = false;
    std::string error;  ///< the stage could not be started
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

  /// Runs a stage to its end. A container that ended by itself gives its exit code. Native stages
  /// need Mode::agent. \throws job::Failure (container gone), EngineError, net::Error.
  /// Cancellation: any kind; the stage goes on.
  asio::awaitable<Result> run(agent::Stage stage, Capture capture = nullptr);

  /// TERM to every process of the stages that run, KILL after 10 s; in plain mode by exec and stop.
  /// Before anything runs: nothing does.
  void stop_stages();

  /// Ends a stage whose run() was cancelled; what it still prints is dropped.
  void abandon(std::uint32_t stage);

  /// Cuts the connection and ends the tasks. The container itself is its owner's to remove.
  asio::awaitable<void> close();

  Mode mode() const { return mode_; }
  const std::string& id() const { return settings_.id; }

 private:
  struct Running {
    explicit Running(asio::any_io_executor executor) : done{std::move(executor)} {}
    util::Event done;
    Capture capture;
    std::optional<agent::Exit> exit;
  };
  struct Registration;

  asio::awaitable<void> pump();
  asio::awaitable<bool> read_until_end();
  asio::awaitable<bool> reattach();
  asio::awaitable<void> send_queued();
  asio::awaitable<void> keep_alive();
  asio::awaitable<void> conclude();
  asio::awaitable<void> stop_plain();
  asio::awaitable<void> end_tasks();
  asio::awaitable<Result> run_plain(std::string script);
  asio::awaitable<Result> run_with_agent(agent::Stage stage, Capture capture);
  void handle(const agent::Event& event);
  void dispatch_events();
  void start_tasks();
  void send(std::string bytes);
  void log(agent::Stream stream, std::string_view bytes);
  void cut();
  Result ended_result() const;
  job::Failure ended_early(const std::string& stage) const;

  asio::any_io_executor executor_;
  docker_api::Client& engine_;
  JobLog& log_;
  Settings settings_;
  agent::DaemonEnd agent_;
  Mode mode_ = Mode::starting;
  bool first_plain_run_ = true;
  /// Owners: this container, and the writer while it writes.
  std::shared_ptr<docker_api::Attachment> attachment_;
  std::string outbox_;
  util::Event outbox_filled_;
  util::Event answered_;  ///< hello, plain or end
  util::Event ended_;     ///< the container's output is complete; end_ is set
  struct End {
    bool gone = false;
    bool out_of_memory = false;
    std::int64_t exit_code = 0;
    std::exception_ptr failure;
  };
  std::optional<End> end_;
  std::map<std::uint32_t, std::shared_ptr<Running>>
      running_;  ///< owners: this table and the waiting run()
  std::uint64_t acknowledged_ = 0;
  std::chrono::steady_clock::time_point last_heard_;  ///< of the agent: pings are answered
  int silences_ = 0;                                  ///< since its last sign of life
  int vain_attaches_ = 0;                             ///< re-attached without a byte since
  bool cut_ = false;  ///< the attachment was closed to get a new one
  bool agent_was_here_ = false;
  bool silent_ = false;  ///< the agent is taken for dead
  util::TaskGroup tasks_;
};

}  // namespace slipway::executors::docker
