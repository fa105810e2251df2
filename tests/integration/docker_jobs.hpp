#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "local/coordinator.hpp"
#include "local/payload.hpp"
#include "runner/service.hpp"
#include "tests/integration/engine_test.hpp"

namespace slipway::tests {

/// Whole jobs: the bundled coordinator and the daemon's own Service in one process, with the real
/// Engine. The coordinator listens on the default bridge's gateway, which the jobs' containers
/// reach. Change `config` and `docker()` before the first job; every test ends with the census of
/// EngineTest.
class DockerJobs : public EngineTest {
 protected:
  DockerJobs();
  ~DockerJobs() override;
  void SetUp() override;
  void TearDown() override;

  /// Where the coordinator listens.
  virtual std::string coordinator_address();

  config::Config config;
  config::Docker& docker() { return *config.runners.front().docker; }
  local::Coordinator& gitlab() { return *gitlab_; }
  asio::io_context& io() { return io_; }

  /// A bare repository `demo/project` served by the coordinator, with the given files on main.
  /// Returns the commit.
  std::string make_repository(const std::vector<std::pair<std::string, std::string>>& files);
  /// Adds a commit to main of that repository and returns it.
  std::string commit_files(const std::vector<std::pair<std::string, std::string>>& files);

  /// Starts the daemon if it does not run.
  void start_service();
  runner::Service& service() { return *service_; }
  /// Runs the daemon until the job is final; fails the test past `limit`.
  const local::JobRecord& run_until_finished(std::int64_t id,
                                             std::chrono::seconds limit = std::chrono::seconds{60});
  /// Enqueues and runs.
  const local::JobRecord& run_job(const nlohmann::json& payload,
                                  std::chrono::seconds limit = std::chrono::seconds{60});
  /// Runs the daemon until `condition` holds for the job.
  void run_until(std::int64_t id, std::function<bool(const local::JobRecord&)> condition,
                 std::chrono::seconds limit = std::chrono::seconds{60});
  /// Waits until what finished jobs left is removed.
  void let_jobs_settle();
  /// Drains the daemon and waits for its end.
  void stop_service();

  std::filesystem::path scratch() const { return scratch_; }
  /// Value of io.slipway.state on what this test's daemon makes; "" before it runs.
  std::string state_id_;
  /// Reusable volumes of this test; the helper volume stays, it belongs to the Engine.
  void remove_reusable_volumes();

 private:
  void run_service_for(std::chrono::milliseconds time);

  asio::io_context io_{1};
  std::filesystem::path scratch_;
  std::filesystem::path bare_;
  std::unique_ptr<local::Coordinator> gitlab_;
  std::unique_ptr<runner::Service> service_;
  bool service_ended_ = false;
  std::unique_ptr<util::TaskGroup> tasks_;
};

/// The log without timestamps, colours and section marks.
std::string plain_text(const std::string& trace);

}  // namespace slipway::tests
