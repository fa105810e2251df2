#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <filesystem>
#include <memory>
#include <vector>

#include "cmd/slipway/exec_pipeline.hpp"
#include "cmd/slipway/exec_screen.hpp"
#include "local/coordinator.hpp"
#include "local/exec/run.hpp"
#include "local/exec/snapshot.hpp"
#include "runner/service.hpp"
#include "util/asio_fwd.hpp"
#include "util/task_group.hpp"

namespace slipway::cmd {

/// One run of one pipeline: the bundled coordinator, which offers the jobs, and the daemon's
/// Service, which runs them, in one process. Runs on the executor's single thread; await run()
/// once.
class Execution {
 public:
  /// All of them must outlive it.
  Execution(asio::any_io_executor executor, const ExecOptions& options, ExecProject& project,
            local::exec::SnapshotStore& store, const local::ci::Pipeline& pipeline);
  Execution(const Execution&) = delete;
  ~Execution();

  /// Cancellation: none; signals end it. \throws Fatal, std::runtime_error.
  asio::awaitable<local::exec::PipelineResult> run(std::vector<std::size_t> chosen);
  /// Where logs and artifacts are.
  const std::filesystem::path& directory() const { return directory_; }
  bool colours() const { return screen_.colours(); }

 private:
  local::exec::RunSettings run_settings();
  void listen(const std::string& gateway);
  asio::awaitable<void> serve_jobs();
  asio::awaitable<void> watch_signals();
  asio::awaitable<void> end_service();

  asio::any_io_executor executor_;
  const ExecOptions& options_;
  ExecProject& project_;
  local::exec::SnapshotStore& store_;
  const local::ci::Pipeline& pipeline_;
  std::filesystem::path directory_;
  ExecScreen screen_;
  local::Coordinator coordinator_;
  local::exec::PipelineRun run_;
  std::unique_ptr<runner::Service> service_;
  std::exception_ptr service_failure_;
  util::TaskGroup serving_;  ///< the Service
  util::TaskGroup helpers_;  ///< coordinator, signals, screen
};

}  // namespace slipway::cmd
