#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executors/executor.hpp"
#include "local/payload.hpp"
#include "runner/job_run.hpp"
#include "sender_fixture.hpp"

namespace slipway::runner {

/// What a stage of the fake executor does.
struct StagePlay {
  std::string out;
  std::string err;
  int exit_code = 0;
  /// Prints a dot every few milliseconds until it is asked to stop; then it fails.
  bool until_stopped = false;
};

/// Whole jobs of the bundled coordinator, with an executor that only plays: which stage runs, what
/// it prints and how it ends is the test's.
class JobRunTest : public SenderTest {
 public:
  using SenderTest::SenderTest;

  /// Queues the job, takes it as a poller does, and makes its JobRun.
  asio::awaitable<void> take(const local::JobBuilder& builder);
  /// Takes it and runs it to its end.
  asio::awaitable<void> run_job(const local::JobBuilder& builder);
  JobRun& job_run() { return *run_; }
  /// Waits until the stage of that name has begun.
  asio::awaitable<void> stage_begun(std::string name);

  /// The final PUTs that were accepted.
  std::vector<local::StatusUpdate> final_updates() const;
  std::size_t count(Endpoint endpoint) const { return gitlab.count(endpoint); }

  std::map<std::string, StagePlay> plays;  ///< by the stage's name
  std::exception_ptr prepare_failure;      ///< of every try
  config::Runner runner;
  std::vector<std::string> stages;         ///< that ran, in order
  std::vector<std::string> scripts;        ///< theirs
  std::size_t updates_before_prepare = 0;  ///< PUTs when the executor was made
  bool cleaned = false;

 private:
  class Player;

  std::unique_ptr<StateDir> state_dir_;
  std::unique_ptr<JobRun> run_;
};

}  // namespace slipway::runner
