#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "cmd/slipway-demo/child.hpp"
#include "cmd/slipway-demo/engine_record.hpp"
#include "cmd/slipway-demo/figures.hpp"
#include "cmd/slipway-demo/options.hpp"
#include "cmd/slipway-demo/screen.hpp"
#include "docker_api/client.hpp"
#include "local/coordinator.hpp"
#include "local/live_log.hpp"
#include "util/asio_fwd.hpp"
#include "util/task_group.hpp"

namespace slipway::demo {

/// One job from end to end, as a user would set it up: coordinator, `slipway register`, `slipway
/// run`, the job's log, a summary. Runs on the executor's single thread. Await run() once and then,
/// however that ended, clean_up().
class Demo {
 public:
  Demo(asio::any_io_executor executor, Options options, const Screen& screen);
  ~Demo();
  Demo(const Demo&) = delete;

  /// \throws std::exception where something other than the job failed. Cancellation: any kind.
  asio::awaitable<void> run();
  /// The job succeeded and left nothing behind.
  bool good() const { return good_; }
  /// Ends the daemon, removes whatever is still on the Engine, and the temporary directory. Says
  /// what it removed; an error is printed and counted: false then. Not to be cancelled; ends by its
  /// own limits.
  asio::awaitable<bool> clean_up();
  /// The end of the daemon's log, "" if there is none: for the one who looks for a failure's cause.
  std::string daemon_log_end() const;

 private:
  asio::awaitable<void> start_coordinator();
  asio::awaitable<void> register_runner();
  void start_daemon();
  std::int64_t enqueue_job();
  asio::awaitable<void> wait_for_job(std::int64_t id);
  asio::awaitable<void> daemon_ended();
  asio::awaitable<void> sum_up(std::int64_t id);
  asio::awaitable<void> stop_tasks();
  asio::awaitable<void> remove_rest();
  asio::awaitable<bool> image_exists(std::string name);
  asio::awaitable<std::string> kept_images(std::int64_t id);
  std::string state_id() const;
  std::filesystem::path config_path() const { return directory_ / "config.toml"; }
  std::filesystem::path daemon_log() const { return directory_ / "slipway.log"; }

  Options options_;
  const Screen& screen_;
  std::filesystem::path directory_;  ///< temporary: config, state, logs
  std::string program_;              ///< slipway, beside this program
  std::string registration_token_;
  std::unique_ptr<docker_api::Client> engine_;
  EngineRecord record_;
  bool helper_image_was_there_ = false;
  std::unique_ptr<local::Coordinator> coordinator_;
  local::LiveLog log_;
  std::optional<Child> daemon_;
  util::TaskGroup tasks_;  ///< the coordinator, the Engine's events
  bool good_ = false;
};

}  // namespace slipway::demo
