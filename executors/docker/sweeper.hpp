#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "docker_api/client.hpp"
#include "executors/docker/sweep.hpp"
#include "executors/reaper.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::executors::docker {

/// How a sweep went.
struct SweepResult {
  bool reached = false;  ///< false: the Engine is away, `problem` says why; try again later
  std::string problem;
  std::size_t seen = 0;                 ///< objects of ours
  std::vector<Reaper::Object> orphans;  ///< newly given to the Reaper, whose owner drains it
};

/// Looks on one Engine for what jobs left that are gone (design: "reap") and hands it to the
/// Reaper. Touches nothing by itself. One per Engine; must outlive its calls.
class Sweeper {
 public:
  struct Settings {
    std::string state_id;
    /// Keys of all jobs that have a journal, at the time of the call. A job must be among them
    /// before its first object is made and until its last one is removed or the Reaper's.
    std::function<std::set<std::string>()> live_jobs;
    /// Names of containers at work that belong to no job: HelperVolume::carriers(). May be unset.
    std::function<std::set<std::string>()> busy_containers;
    std::chrono::milliseconds limit{30'000};  ///< of one sweep
  };

  Sweeper(docker_api::Client& engine, Reaper& reaper, Settings settings);
  Sweeper(const Sweeper&) = delete;

  /// One look. An Engine that is away or hangs is no error, but logged once until it is back.
  /// Cancellation: any kind; nothing is handed over then.
  asio::awaitable<SweepResult> sweep();

 private:
  asio::awaitable<EngineListing> take_listing();
  asio::awaitable<bool> is_committed(std::string image_id);
  void report(const SweepResult& result);

  docker_api::Client& engine_;
  Reaper& reaper_;
  Settings settings_;
  /// Unset until the first sweep that succeeds.
  std::optional<std::set<std::string>> suspects_;
  std::string last_problem_;
  std::map<std::string, bool> images_;  ///< those looked at, by id: whether they carry our label
};

}  // namespace slipway::executors::docker
