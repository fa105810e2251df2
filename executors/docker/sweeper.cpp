#include "executors/docker/sweeper.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "executors/docker/labels.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {
constexpr std::size_t most_images = 1000;
}  // namespace

Sweeper::Sweeper(docker_api::Client& engine, Reaper& reaper, Settings settings)
    : engine_{engine}, reaper_{reaper}, settings_{std::move(settings)} {}

asio::awaitable<SweepResult> Sweeper::sweep() {
  SweepResult result;
  EngineListing listing;
  try {
    auto looking = take_listing();
    listing = co_await util::with_timeout(std::move(looking), settings_.limit);
    result.reached = true;
  } catch (const docker_api::EngineError& error) {
    result.problem = error.what();
  } catch (const net::Error& error) {
    result.problem = error.what();
  } catch (const util::TimeoutError& error) {
    result.problem = error.what();
  }
  if (result.reached) {
    // Only now: a job that began while the Engine was asked is among them.
    StillNeeded needed{settings_.state_id, settings_.live_jobs(), {}};
    if (settings_.busy_containers) needed.containers = settings_.busy_containers();
    auto found = find_orphans(listing, needed, suspects_);
    suspects_ = std::move(found.suspects);
    result.seen = listing.containers.size() + listing.volumes.size() + listing.networks.size();
    for (auto& orphan : found.objects)
      if (reaper_.adopt(engine_, orphan)) result.orphans.push_back(std::move(orphan));
  }
  report(result);
  co_return result;
}

asio::awaitable<EngineListing> Sweeper::take_listing() {
  EngineListing listing;
  // The Engine takes an empty value for "any".
  if (settings_.state_id.empty()) co_return listing;
  const std::vector<std::string> ours{std::string{state_label} + "=" + settings_.state_id};
  co_await engine_.connect();
  listing.containers = co_await engine_.list_containers(ours);
  listing.volumes = co_await engine_.list_volumes(ours);
  listing.networks = co_await engine_.list_networks(ours);
  for (const auto& container : listing.containers) {
    const bool committed = co_await is_committed(container.image_id);
    if (committed) listing.committed_images.insert(container.image_id);
  }
  co_return listing;
}

asio::awaitable<bool> Sweeper::is_committed(std::string image_id) {
  if (const auto known = images_.find(image_id); known != images_.end()) co_return known->second;
  bool committed = false;
  try {
    const auto image = co_await engine_.inspect_image(image_id);
    const auto label = image.labels.find(state_label);
    committed = label != image.labels.end() && label->second == settings_.state_id;
  } catch (const docker_api::EngineError& error) {
    // Removed by force while its container stays: nothing can be made of it any more.
    if (!error.not_found()) throw;
  }
  if (images_.size() >= most_images) images_.clear();
  images_[image_id] = committed;
  co_return committed;
}

void Sweeper::report(const SweepResult& result) {
  if (!result.reached && result.problem != last_problem_)
    spdlog::warn("cannot look for leftovers of jobs, will be tried again: {}", result.problem);
  last_problem_ = result.problem;
  if (result.orphans.empty()) return;
  const auto count = [&](Reaper::Kind kind) {
    return std::count_if(result.orphans.begin(), result.orphans.end(),
                         [&](const Reaper::Object& object) { return object.kind == kind; });
  };
  std::set<std::string> jobs;
  for (const auto& object : result.orphans) jobs.insert(object.job);
  spdlog::info(
      "leftovers of jobs that are gone will be removed containers={} volumes={} networks={} "
      "jobs={}",
      count(Reaper::Kind::container), count(Reaper::Kind::volume), count(Reaper::Kind::network),
      jobs.size());
}

}  // namespace slipway::executors::docker
