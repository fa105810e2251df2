#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "executors/docker/collector.hpp"

/// What an Engine holds and what is known of its use, for the tests of the disk collector.
namespace slipway::executors::docker {

inline constexpr std::uint64_t gb = 1'000'000'000;
inline constexpr Usage::Time now{std::chrono::seconds{1'800'000'000}};
inline constexpr auto state = "0123456789abcdef";
inline const std::string slot_a = "runner-" + std::string(32, 'a');
inline const std::string slot_b = "runner-" + std::string(32, 'b');

inline docker_api::VolumeDetails volume(std::string name, const char* purpose,
                                        std::int64_t size = -1) {
  docker_api::VolumeDetails details;
  details.name = std::move(name);
  details.size = size;
  details.labels = {{"io.slipway.state", state},
                    {"io.slipway.volume", purpose},
                    {"com.gitlab.gitlab-runner.project.id", "42"}};
  return details;
}

inline docker_api::ImageSummary image(std::string id, std::vector<std::string> tags,
                                      std::int64_t size = 1'000'000) {
  docker_api::ImageSummary summary;
  summary.id = std::move(id);
  summary.repo_tags = std::move(tags);
  summary.size = size;
  return summary;
}

inline docker_api::ContainerSummary container(std::string image, std::string image_id,
                                              std::vector<std::string> volumes = {}) {
  docker_api::ContainerSummary summary;
  summary.id = "c";
  summary.state = "exited";
  summary.image = std::move(image);
  summary.image_id = std::move(image_id);
  summary.volumes = std::move(volumes);
  return summary;
}

/// A disk of 100 GB.
inline DiskSpace disk(std::uint64_t used_gb) {
  DiskSpace space;
  space.path = "/var/lib/docker";
  space.used = used_gb * gb;
  space.free = (100 - used_gb) * gb;
  return space;
}

struct Scene {
  Inventory inventory;
  Usage usage;
  Watermarks marks;

  Scene() {
    inventory.now = now;
    inventory.state_id = state;
    inventory.helper_volume = "slipway-helper-1111111111111111";
    inventory.helper_image = "slipway-helper:2.0";
    inventory.disk = disk(90);
    usage.since = now - std::chrono::hours{24 * 30};
  }
  Scene& add(docker_api::VolumeDetails details, std::chrono::seconds age) {
    usage.volumes[details.name] = now - age;
    inventory.volumes.push_back(std::move(details));
    return *this;
  }
  /// An image that jobs pulled by all its names.
  Scene& add(docker_api::ImageSummary summary, std::chrono::seconds age) {
    auto& record = usage.images[summary.id];
    for (const auto& tag : summary.repo_tags) record.names.insert(canonical_image_name(tag));
    record.used = now - age;
    inventory.images.push_back(std::move(summary));
    return *this;
  }
  std::vector<std::string> ids() const { return names(collectable(inventory, usage)); }
  std::vector<std::string> chosen() const { return names(choose(inventory, usage, marks)); }
  static std::vector<std::string> names(const std::vector<Victim>& victims) {
    std::vector<std::string> list;
    for (const auto& victim : victims) list.push_back(victim.id);
    return list;
  }
};

}  // namespace slipway::executors::docker
