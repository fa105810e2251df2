#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "docker_api/limits.hpp"
#include "tests/integration/docker_jobs.hpp"
#include "tests/integration/engine_proxy.hpp"
#include "tests/integration/private_engine.hpp"

namespace slipway::tests {

/// Whole jobs while their Engine fails: a proxy before it on request, and limits that a test may
/// shorten. Every test ends with the census of EngineTest.
class FaultJobs : public DockerJobs {
 protected:
  void TearDown() override;

  /// The Engine's socket.
  virtual std::string engine_socket() const;
  /// Puts a proxy between daemon and Engine; before the first job.
  EngineProxy& use_proxy();
  EngineProxy& proxy() { return *proxy_; }
  /// The limits of this test's daemon; as they were after the test.
  docker_api::Patience& patience() { return docker_api::limits::patience(); }
  /// Limits of a second or two: for Engines that hang.
  void be_impatient();
  /// Runs daemon and coordinator until `condition` holds; fails the test past `limit`.
  void pump_until(const std::function<bool()>& condition, const std::string& what,
                  std::chrono::seconds limit = std::chrono::seconds{30});
  void pump_for(std::chrono::milliseconds time);
  /// Until the job's log holds `text`.
  void run_until_text(std::int64_t id, const std::string& text);
  std::string log_of(std::int64_t id) { return plain_text(gitlab().job(id).trace); }
  bool finished(std::int64_t id) { return local::is_final(gitlab().job(id).state); }
  /// A trivial job, which must succeed: the runner is well again.
  void expect_the_next_job_to_work();
  /// Engine calls outside of the daemon, on the Engine of the test.
  std::vector<std::string> containers(const std::string& label);
  void remove_containers(const std::string& label);
  /// The whole file system of the test image as a tar archive.
  std::string root_of_image();

 private:
  docker_api::Patience saved_patience_ = docker_api::limits::patience();
  std::unique_ptr<EngineProxy> proxy_;
  std::unique_ptr<util::TaskGroup> proxying_;
};

/// The same on the test's own Engine, which may be stopped and started. It runs at the beginning,
/// with `options` of the fixture.
class PrivateJobs : public FaultJobs {
 protected:
  void SetUp() override;
  void TearDown() override;
  std::string engine_socket() const override { return engine().socket(); }
  std::string coordinator_address() override { return engine().gateway(); }

  static PrivateEngine& engine() { return PrivateEngine::shared(); }
  /// Stops the Engine and starts it with other options: before the first job.
  void restart_with(const PrivateEngine::Options& options);
  /// Waits for the end of an Engine that was told to end, is away for a while, starts it again and
  /// waits until it answers; daemon and coordinator run meanwhile.
  void bring_back(std::chrono::milliseconds away = std::chrono::milliseconds{500});

 private:
  std::string first_engine_;  ///< DOCKER_HOST before the test
};

}  // namespace slipway::tests
