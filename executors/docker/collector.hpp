#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "docker_api/types.hpp"
#include "executors/docker/collector_disk.hpp"
#include "executors/docker/collector_usage.hpp"

/// What of the things that jobs left on an Engine goes when its disk fills: pure.
namespace slipway::executors::docker {

/// An Engine as it was seen a moment ago, and who looks.
struct Inventory {
  std::vector<docker_api::ImageSummary> images;
  std::vector<docker_api::VolumeDetails> volumes;
  std::vector<docker_api::ContainerSummary> containers;  ///< all of them, running or not
  std::set<std::string> held;                            ///< by running jobs: InUse::names()
  std::optional<DiskSpace> disk;                         ///< nullopt: the Engine is remote
  Usage::Time now{};
  std::string state_id;       ///< ours is what carries it; "" = nothing
  std::string helper_volume;  ///< this version's own: stays
  std::string helper_image;   ///< likewise
};

/// When to collect, and how much.
struct Watermarks {
  enum class Extent {
    when_needed,  ///< above disk_high or below disk_floor, until below disk_low: the daemon
    to_low,       ///< until below disk_low
    everything,
  };

  config::DiskLevel high = config::DiskLevel::share(85);
  config::DiskLevel low = config::DiskLevel::share(75);
  std::optional<config::DiskLevel> floor;  ///< see floor_bytes(); comes before `low`
  std::uint64_t budget = 0;                ///< bytes for all that is ours, 0 = no limit
  std::uint64_t layer_budget = 0;          ///< of it for layer caches, 0 = no limit of their own
  Extent extent = Extent::when_needed;
  /// What was used so recently stays, unless nothing else can go and less than half of what
  /// disk_high leaves is left, or less than disk_floor. With to_low and everything it stays always.
  std::chrono::seconds recent = std::chrono::hours{1};

  static Watermarks of(const config::SlipwayOptions& options);
};

/// One thing that is ours.
struct Victim {
  enum class Kind { cache_volume, layer_volume, helper_volume, image };
  Kind kind = Kind::image;
  std::string id;                  ///< a volume's name, an image's id
  std::vector<std::string> names;  ///< an image's tags; none: it goes by its id
  std::int64_t size = -1;          ///< bytes, -1 = unknown; of an image with what it shares
  Usage::Time used{};
  std::string what;    ///< `cache volume of project 42`
  std::string reason;  ///< `not used for 12 days; 1.2 GB; cache volume of project 42`
};

/// Everything that is ours and may go, least recently used first. Neither what a container uses,
/// running or not, nor what `held` names, nor the cache volumes of a slot of which one is held.
std::vector<Victim> collectable(const Inventory& inventory, const Usage& usage);

/// The next to remove, in order. Images share layers, so their sizes do not add up: remove these,
/// look again, ask again. Empty when nothing has to go or nothing more can.
std::vector<Victim> choose(const Inventory& inventory, const Usage& usage, const Watermarks& marks);

/// Whether the disk alone is a reason to look for victims: above disk_high or below disk_floor.
/// Never when disk_high is off.
bool needs_room(const DiskSpace& disk, const Watermarks& marks);

/// `12 days`, `3 hours`, `40 minutes`, `1 minute`.
std::string age_text(std::chrono::seconds age);

}  // namespace slipway::executors::docker
