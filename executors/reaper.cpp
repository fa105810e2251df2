#include "executors/reaper.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "util/async.hpp"

namespace slipway::executors {

namespace {
constexpr auto removal_limit = std::chrono::minutes{1};

asio::awaitable<void> remove(docker_api::Client& engine, Reaper::Kind kind, std::string id) {
  switch (kind) {
    case Reaper::Kind::container:
      co_await engine.remove_container(id, true, true);
      break;
    case Reaper::Kind::volume:
      co_await engine.remove_volume(id, true);
      break;
    case Reaper::Kind::network:
      co_await engine.remove_network(id);
      break;
  }
}
}  // namespace

void Reaper::adopt(docker_api::Client& engine, Kind kind, std::string id) {
  objects_.push_back(Object{&engine, kind, std::move(id)});
}

asio::awaitable<void> Reaper::drain() {
  std::stable_sort(objects_.begin(), objects_.end(),
                   [](const Object& a, const Object& b) { return a.kind < b.kind; });
  // One at a time, and off the list only when it is gone: this may be cancelled anywhere.
  for (auto left = objects_.size(); left > 0; --left) {
    const auto object = objects_.front();
    std::string problem;
    try {
      auto removal = remove(*object.engine, object.kind, object.id);
      co_await util::with_timeout(std::move(removal), removal_limit);
    } catch (const docker_api::EngineError& error) {
      problem = error.what();
    } catch (const net::Error& error) {
      problem = error.what();
    } catch (const util::TimeoutError& error) {
      problem = error.what();
    }
    objects_.pop_front();
    if (problem.empty()) continue;
    ++failures_;
    spdlog::warn("removal failed, will be tried again: {} object={}", problem, object.id);
    objects_.push_back(object);
  }
}

}  // namespace slipway::executors
