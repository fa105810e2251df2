#include "executors/docker/collector_run.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>

#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {

using namespace std::chrono_literals;

/// Against an Engine that says yes and removes nothing.
constexpr int most_rounds = 1000;
/// Filesystems free what was removed a moment later.
constexpr auto settling_time = 200ms;

/// The sizes of volumes by name, from an inventory that has them.
using VolumeSizes = std::map<std::string, std::int64_t>;

void add_sizes(Inventory& inventory, const VolumeSizes& sizes) {
  for (auto& volume : inventory.volumes)
    if (const auto found = sizes.find(volume.name); found != sizes.end())
      volume.size = found->second;
}

VolumeSizes sizes_of(const std::vector<docker_api::VolumeDetails>& volumes) {
  VolumeSizes sizes;
  for (const auto& volume : volumes)
    if (volume.size >= 0) sizes[volume.name] = volume.size;
  return sizes;
}

/// Then there is no time to add up sizes.
bool is_urgent(const std::optional<DiskSpace>& disk, const Watermarks& marks) {
  return disk && below_floor(*disk, marks.floor);
}

/// Ends a removal that the jobs know of.
struct Removal {
  InUse& in_use;
  explicit Removal(InUse& owner) : in_use{owner} {}
  Removal(const Removal&) = delete;
  ~Removal() { in_use.end_removal(); }
};

}  // namespace

Collector::Collector(docker_api::Client& engine, InUse& in_use, Settings settings)
    : engine_{engine}, in_use_{in_use}, settings_{std::move(settings)} {}

asio::awaitable<Inventory> Collector::look(Sizes sizes) {
  Inventory inventory;
  inventory.state_id = settings_.state_id;
  inventory.helper_volume = settings_.helper_volume;
  inventory.helper_image = settings_.helper_image;
  VolumeSizes known;
  if (sizes == Sizes::asked) {
    try {
      const auto usage = co_await engine_.disk_usage();
      known = sizes_of(usage.volumes);
    } catch (const docker_api::EngineError& error) {
      spdlog::debug("sizes of volumes: {}", error.what());
    }
  }
  // Containers last: what one of them uses by now must not be missed.
  std::vector<std::string> all;
  inventory.images = co_await engine_.list_images();
  inventory.volumes = co_await engine_.list_volumes(all);
  inventory.containers = co_await engine_.list_containers(all);
  inventory.held = in_use_.names();
  inventory.disk = measure();
  inventory.now = settings_.now();
  add_sizes(inventory, known);
  co_return inventory;
}

asio::awaitable<Collected> Collector::collect(Watermarks marks) {
  Collected result;
  auto sizes = is_urgent(measure(), marks) ? Sizes::skipped : Sizes::asked;
  VolumeSizes volume_sizes;
  std::vector<std::string> refused;
  for (int round = 0; round < most_rounds; ++round) {
    auto inventory = co_await look(sizes);
    if (sizes == Sizes::asked) volume_sizes = sizes_of(inventory.volumes);
    sizes = Sizes::skipped;  // once is enough
    add_sizes(inventory, volume_sizes);
    inventory.held.insert(refused.begin(), refused.end());
    auto victims = choose(inventory, settings_.usage(), marks);
    if (victims.empty()) {
      result.exhausted = inventory.disk && needs_room(*inventory.disk, marks);
      break;
    }
    const auto left = co_await remove_batch(std::move(victims), result);
    refused.insert(refused.end(), left.begin(), left.end());
  }
  co_return result;
}

asio::awaitable<std::vector<std::string>> Collector::remove_batch(std::vector<Victim> victims,
                                                                  Collected& result) {
  std::vector<std::string> left;
  std::uint64_t known = 0;
  const auto before = measure();
  for (const auto& victim : victims) {
    const auto outcome = co_await try_to_remove(victim);
    if (outcome != Outcome::gone) {
      left.push_back(victim.id);
      if (outcome == Outcome::failed) ++result.failed;
      continue;
    }
    ++result.removed;
    if (victim.size > 0) known += static_cast<std::uint64_t>(victim.size);
    if (settings_.removed) settings_.removed(victim);
  }
  co_await util::sleep_for(settling_time);
  const auto after = measure();
  if (!before || !after)
    result.freed += known;
  else if (before->used > after->used)
    result.freed += before->used - after->used;
  co_return left;
}

asio::awaitable<Collector::Outcome> Collector::try_to_remove(Victim victim) {
  const auto id = victim.id;
  std::string problem;
  try {
    co_return co_await remove(std::move(victim));
  } catch (const docker_api::EngineError& error) {
    // In use by now: whoever uses it is right.
    if (error.conflict()) co_return Outcome::in_use;
    problem = error.what();
  } catch (const net::Error& error) {
    problem = error.what();
  }
  spdlog::warn("collecting: {} object={}", problem, id);
  co_return Outcome::failed;
}

asio::awaitable<Collector::Outcome> Collector::remove(Victim victim) {
  auto names = victim.names;
  for (auto& name : names) name = canonical_image_name(name);
  names.push_back(victim.id);
  if (!in_use_.begin_removal(std::move(names))) co_return Outcome::in_use;
  const Removal under_way{in_use_};
  if (victim.kind == Victim::Kind::image)
    co_await remove_image(std::move(victim));
  else
    co_await engine_.remove_volume(victim.id, false);
  co_return Outcome::gone;
}

/// Name by name, so that an image that has got another one meanwhile stays.
asio::awaitable<void> Collector::remove_image(Victim victim) {
  auto names = victim.names;
  if (names.empty()) names.push_back(victim.id);
  for (const auto& name : names) {
    try {
      const auto image = co_await engine_.inspect_image(name);
      if (image.id == victim.id) co_await engine_.remove_image(name, false);
    } catch (const docker_api::EngineError& error) {
      if (!error.not_found()) throw;
    }
  }
}

}  // namespace slipway::executors::docker
