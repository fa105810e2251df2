#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "local/coordinator.hpp"
#include "local/payload.hpp"
#include "local/repository.hpp"

namespace slipway::cmd {

/// Whole shell jobs: the real `slipway run` as a process of its own, which a test may end and start
/// again, beside its real slipway-helper; the coordinator is the bundled one, in the test's
/// process. After every test no process of a job runs, no journal is left, and no file but the
/// projects' directories. Change the members before the first start().
class ShellJobs : public ::testing::Test {
 protected:
  ShellJobs();
  ~ShellJobs() override;
  void TearDown() override;

  int concurrent = 1;
  std::string slipway_lines;  ///< of `[slipway]`
  std::string runner_lines;   ///< of the `[[runners]]`
  std::vector<std::string> run_flags;
  std::vector<std::pair<std::string, std::string>> environment;  ///< of the daemon

  void start();
  /// Sends `signal` and waits for the end. The exit code, or minus the number of a signal.
  int end(int signal);
  bool is_running() const { return pid_ > 0; }

  std::int64_t enqueue(const local::JobBuilder& builder);
  /// Starts the daemon if it does not run, and runs the job to its end.
  const local::JobRecord& run_job(const local::JobBuilder& builder);
  const local::JobRecord& wait_for_end(std::int64_t id);
  /// Until the job's log holds `text`, or the job is over.
  void wait_for_output(std::int64_t id, const std::string& text);
  bool pump_until(const std::function<bool()>& condition,
                  std::chrono::seconds limit = std::chrono::seconds{90});
  void pump_for(std::chrono::milliseconds time);

  /// A repository `demo/project` with these files on main.
  local::Repository make_repository(const std::vector<std::pair<std::string, std::string>>& files);
  /// The log without times and colours.
  std::string log_of(std::int64_t id) const;
  std::string daemon_log() const;
  std::size_t journals() const;
  /// Where the job of a concurrency slot works: `demo/project`, or the number of a project without
  /// sources.
  std::filesystem::path project_dir(int slot = 0) const;
  /// Processes whose environment names this test's coordinator: whatever belongs to its jobs.
  std::vector<pid_t> job_processes() const;
  /// Names of the files in every `….tmp` directory.
  std::vector<std::string> temporary_files() const;

  std::filesystem::path directory;  ///< of the daemon: it works there
  std::filesystem::path builds;     ///< `builds` below it
  boost::asio::io_context io;
  local::Coordinator gitlab;
  std::uint16_t port = 0;

 private:
  void write_config() const;
  bool reap(std::chrono::seconds limit, int& status);

  boost::asio::cancellation_signal stop_;
  pid_t pid_ = -1;
};

/// A text without timestamps, colours and section marks.
std::string plain_text(const std::string& trace);
bool is_alive(pid_t pid);
/// Until it is gone; false past the limit.
bool gone_within(pid_t pid, std::chrono::milliseconds limit);
/// The number behind a last line `name=` of a log.
pid_t pid_behind(const std::string& log, const std::string& name);

}  // namespace slipway::cmd
