#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/integration/docker_jobs.hpp"

namespace slipway::tests {

/// Jobs run by the real program as a process of its own, which a test may end and start again; the
/// coordinator is the bundled one, in the test's process. `concurrent` and `settings` are to be
/// changed before the first start().
class DaemonJobs : public DockerJobs {
 protected:
  void SetUp() override;
  /// Ends the daemon and removes what its state directory's id marks.
  void TearDown() override;

  int concurrent = 1;
  std::string settings;  ///< lines of `[slipway]`
  std::string globals;   ///< lines at the top of the file
  /// Words before the program's, of one that becomes it: `prlimit --nofile=20`.
  std::vector<std::string> launcher;

  void write_config() const;
  /// Starts the program; the config file is written before the first start.
  void start();
  /// Sends `signal` and waits for the end, at most a minute. The exit code; of a death by signal
  /// its number, negative.
  int end(int signal);
  void kill() { end(SIGKILL); }
  /// Waits for an end that comes by itself, as end().
  int wait_for_exit() { return end(0); }
  bool is_running();

  /// Serves the coordinator for so long.
  void pump(std::chrono::milliseconds time);
  /// Serves it until `condition` holds; false (and a failure of the test) past `limit`.
  bool pump_until(const std::function<bool()>& condition,
                  std::chrono::seconds limit = std::chrono::seconds{60});
  /// Until the job's log holds `text`, or the job is over.
  void wait_for_output(std::int64_t id, const std::string& text);
  const local::JobRecord& wait_for_end(std::int64_t id,
                                       std::chrono::seconds limit = std::chrono::seconds{60});
  /// Until the daemon's directory holds no job any more.
  void wait_until_settled();

  /// What the daemon wrote to its log, of all its starts.
  std::string log() const;
  std::string state_id() const;
  std::filesystem::path state() const { return scratch() / "state"; }
  std::size_t journals() const;

  std::filesystem::path config_path_;
  pid_t pid_ = -1;

 private:
  bool reap(std::chrono::seconds limit, int& status);
};

}  // namespace slipway::tests
