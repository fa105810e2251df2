// The end of a job: everything it left is removed, containers before volumes before the network.

#include <spdlog/spdlog.h>

#include "executors/docker/docker_executor.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {
constexpr auto cleanup_limit = std::chrono::minutes{5};

/// Removes one object; false (and a warning) if it is still there.
asio::awaitable<void> remove_or_adopt(docker_api::Client& engine, Reaper& reaper,
                                      Reaper::Object object) {
  const auto id = object.id;
  std::string problem;
  try {
    if (object.kind == Reaper::Kind::container)
      co_await engine.remove_container(id, true, !object.keep_anonymous_volumes);
    else if (object.kind == Reaper::Kind::volume)
      co_await engine.remove_volume(id, true);
    else
      co_await engine.remove_network(id);
  } catch (const docker_api::EngineError& error) {
    problem = error.what();
  } catch (const net::Error& error) {
    problem = error.what();
  }
  if (problem.empty()) co_return;
  spdlog::warn("cleanup: {} object={}", problem, id);
  reaper.adopt(engine, std::move(object));
}
}  // namespace

asio::awaitable<void> DockerExecutor::cleanup() {
  auto removal = remove_everything();
  co_await util::shielded(std::move(removal));
}

asio::awaitable<void> DockerExecutor::remove_everything() {
  creating_.cancel();
  try {
    co_await creating_.join();
  } catch (const std::exception& error) {
    spdlog::debug("cleanup: making the build container: {}", error.what());
  }
  co_await end_following();
  if (helper_) co_await helper_->close();
  if (build_) co_await build_->close();
  try {
    auto removal = remove_objects();
    co_await util::with_timeout(std::move(removal), cleanup_limit);
  } catch (const util::TimeoutError&) {
    spdlog::warn("cleanup took too long, the rest is left to the reaper containers={}",
                 containers_.size());
  }
  leave_to_reaper();
  use_.end();
}

asio::awaitable<void> DockerExecutor::end_following() {
  following_.cancel();
  try {
    co_await following_.join();
  } catch (const std::exception& error) {
    spdlog::warn("following the logs of services: {}", error.what());
  }
}

/// What is removed, or the reaper's, leaves the lists; what is still in them after the limit goes
/// to the reaper whole. So does everything when the Engine is away: each call would wait for it.
asio::awaitable<void> DockerExecutor::remove_objects() {
  bool there = co_await engine_.answers();
  if (!there) co_return;
  const auto key = job_key();
  std::vector<asio::awaitable<void>> removals;
  for (const auto& id : containers_) {
    Reaper::Object object{Reaper::Kind::container, id, key, plan_.keep_anonymous_volumes};
    removals.push_back(remove_or_adopt(client_, reaper_, std::move(object)));
  }
  co_await util::run_all(std::move(removals));
  containers_.clear();
  while (!volumes_.empty()) {
    there = co_await engine_.answers();
    if (!there) co_return;
    Reaper::Object object{Reaper::Kind::volume, volumes_.back(), key};
    co_await remove_or_adopt(client_, reaper_, std::move(object));
    volumes_.pop_back();
  }
  if (network_id_.empty()) co_return;
  try {
    // What the job itself plugged in would keep the network from going.
    const auto details = co_await client_.inspect_network(network_id_);
    for (const auto& container : details.containers) {
      Reaper::Object object{Reaper::Kind::container, container, key};
      co_await remove_or_adopt(client_, reaper_, std::move(object));
    }
  } catch (const docker_api::EngineError& error) {
    spdlog::debug("cleanup: {}", error.what());
  } catch (const net::Error& error) {
    spdlog::debug("cleanup: {}", error.what());
  }
  Reaper::Object object{Reaper::Kind::network, network_id_, key};
  co_await remove_or_adopt(client_, reaper_, std::move(object));
  network_id_.clear();
}

}  // namespace slipway::executors::docker
