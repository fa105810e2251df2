#pragma once

#include <memory>
#include <string>

#include "executors/executor.hpp"
#include "executors/shell/agent_process.hpp"
#include "executors/shell/plan.hpp"

namespace slipway::executors::shell {

/// Carries a Plan out on this machine: one agent process per job, which runs every stage as the
/// job's user. A job ends with the process that runs it: adopt() never succeeds, but sees to it
/// that cleanup() finds what the job left. log must outlive it.
class ShellExecutor final : public Executor {
 public:
  struct Settings {
    std::string helper;  ///< path of slipway-helper
    std::string mark;    ///< 16 random hex digits
  };

  ShellExecutor(asio::any_io_executor executor, Plan plan, JobLog& log, Settings settings,
                Checkpoint checkpoint = nullptr);
  ~ShellExecutor() override;

  asio::awaitable<void> prepare() override;
  asio::awaitable<void> run(Stage stage) override;
  void stop_stage() override;
  std::string snapshot() const override;
  asio::awaitable<void> adopt(std::string snapshot) override;
  asio::awaitable<void> leave() override;
  asio::awaitable<void> cleanup() override;
  const JobEnvironment& environment() const override { return plan_.environment; }
  int container_starts() const override { return starts_; }

 private:
  asio::awaitable<void> start_agent();
  SpawnRequest spawn_request() const;
  void choose_shell(const SpawnRequest& request);
  void judge(const Stage& stage, const AgentProcess::Result& result);
  asio::awaitable<void> clean_up();
  asio::awaitable<void> remove_files();
  asio::awaitable<void> earlier_agent_gone();

  asio::any_io_executor executor_;
  Plan plan_;
  JobLog& log_;
  Settings settings_;
  Checkpoint checkpoint_;
  std::unique_ptr<AgentProcess> agent_;
  ProcessId earlier_;  ///< the agent of the process before this one
  std::uint32_t next_stage_ = 1;
  bool files_ = false;           ///< the job may have files besides those in its project directory
  bool stop_requested_ = false;  ///< since the stage under way was asked for
  int starts_ = 0;
};

}  // namespace slipway::executors::shell
