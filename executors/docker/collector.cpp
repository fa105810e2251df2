#include "executors/docker/collector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "executors/docker/image_name.hpp"
#include "executors/docker/labels.hpp"

namespace slipway::executors::docker {

namespace {

using Kind = Victim::Kind;

/// What is left when only a part of the space above disk_high is free is urgent.
constexpr double urgent_part = 0.5;
/// A budget that was exceeded is met with a margin, so that not every job exceeds it again.
constexpr double budget_low = 0.9;
/// Victims per look, where nothing says how much they bring.
constexpr std::size_t blind_batch = 3;
constexpr std::string_view helper_image_prefix = "slipway-helper:";

std::string label(const docker_api::VolumeDetails& volume, const char* key) {
  const auto found = volume.labels.find(key);
  return found == volume.labels.end() ? "" : found->second;
}

/// Seconds since 1970 of `2026-11-21T11:23:32Z` or with an offset; the epoch for anything else.
Usage::Time parse_time(const std::string& text) {
  using namespace std::chrono;
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, end = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &s, &end) != 6)
    return {};
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)},
                            day{static_cast<unsigned>(d)}};
  if (!date.ok()) return {};
  auto time = sys_days{date} + hours{h} + minutes{mi} + seconds{s};
  const auto zone = text.find_first_of("+-Z", static_cast<std::size_t>(end));
  int offset_hours = 0, offset_minutes = 0;
  if (zone != std::string::npos &&
      std::sscanf(text.c_str() + zone + 1, "%2d:%2d", &offset_hours, &offset_minutes) == 2) {
    const auto offset = hours{offset_hours} + minutes{offset_minutes};
    time = text[zone] == '-' ? time + offset : time - offset;
  }
  return time_point_cast<seconds>(time);
}

/// `runner-<32 hex digits>-`, with which the volumes of a concurrency slot begin; "" for others.
std::string slot_of(const std::string& volume) {
  constexpr std::string_view prefix = "runner-";
  constexpr std::size_t length = prefix.size() + 32;
  if (!volume.starts_with(prefix) || volume.size() <= length || volume[length] != '-') return "";
  const auto digits = std::string_view{volume}.substr(prefix.size(), 32);
  if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return "";
  return volume.substr(0, length);
}

std::optional<Kind> volume_kind(const docker_api::VolumeDetails& volume,
                                const Inventory& inventory) {
  if (inventory.state_id.empty() || label(volume, state_label) != inventory.state_id)
    return std::nullopt;
  if (volume.labels.contains(job_label)) return std::nullopt;
  const auto purpose = label(volume, volume_label);
  if (purpose == volume_of_layers) return Kind::layer_volume;
  if (purpose == volume_of_cache) return Kind::cache_volume;
  if (purpose == volume_of_helper && volume.name != inventory.helper_volume)
    return Kind::helper_volume;
  return std::nullopt;
}

std::string describe(const docker_api::VolumeDetails& volume, Kind kind) {
  if (kind == Kind::helper_volume) return "helper volume of another version";
  auto project = label(volume, "com.gitlab.gitlab-runner.project.id");
  project = project.empty() ? "" : " of project " + project;
  return (kind == Kind::layer_volume ? "Docker-in-Docker layers" : "cache volume") + project;
}

std::string describe(const docker_api::ImageSummary& image) {
  if (image.repo_tags.empty()) return "image that jobs pulled, its name is another's now";
  const auto& name = image.repo_tags.front();
  if (name.starts_with(helper_image_prefix)) return "helper image of another version, " + name;
  return "image that jobs pulled, " + name;
}

/// What of an Engine is taken, looked up by name.
struct Taken {
  std::set<std::string> images;   ///< ids and canonical names
  std::set<std::string> volumes;  ///< names
  std::set<std::string> slots;
  std::set<std::string> parents;  ///< ids of images on which others are built

  explicit Taken(const Inventory& inventory) {
    for (const auto& container : inventory.containers) {
      images.insert({container.image_id, container.image, canonical_image_name(container.image)});
      volumes.insert(container.volumes.begin(), container.volumes.end());
    }
    images.insert(inventory.held.begin(), inventory.held.end());
    volumes.insert(inventory.held.begin(), inventory.held.end());
    images.insert(canonical_image_name(inventory.helper_image));
    for (const auto& name : inventory.held) slots.insert(slot_of(name));
    slots.erase("");
    for (const auto& image : inventory.images) parents.insert(image.parent);
  }
};

/// Whether all of the image's names are such that we pulled it by.
bool only_our_names(const docker_api::ImageSummary& image, const Usage::Image& record) {
  const auto ours = [&](const std::string& tag) {
    return record.names.contains(canonical_image_name(tag));
  };
  if (!std::ranges::all_of(image.repo_tags, ours)) return false;
  std::set<std::string> repositories;
  for (const auto& name : record.names)
    if (const auto parsed = parse_image_name(name))
      repositories.insert(parsed->qualified_repository());
  return std::ranges::all_of(image.repo_digests, [&](const std::string& digest) {
    const auto parsed = parse_image_name(digest);
    return parsed && repositories.contains(parsed->qualified_repository());
  });
}

bool is_free(const docker_api::ImageSummary& image, const Taken& taken) {
  if (taken.images.contains(image.id) || taken.parents.contains(image.id)) return false;
  return std::ranges::none_of(image.repo_tags, [&](const std::string& tag) {
    return taken.images.contains(canonical_image_name(tag));
  });
}

/// A job names the layer caches that it uses; others of a slot that is always busy would never go.
bool is_free(const docker_api::VolumeDetails& volume, Kind kind, const Taken& taken) {
  if (taken.volumes.contains(volume.name)) return false;
  return kind == Kind::layer_volume || !taken.slots.contains(slot_of(volume.name));
}

Victim make_victim(const docker_api::VolumeDetails& volume, Kind kind, const Usage& usage) {
  Victim victim;
  victim.kind = kind;
  victim.id = volume.name;
  victim.size = volume.size;
  const auto record = usage.volumes.find(volume.name);
  victim.used = record != usage.volumes.end()
                    ? record->second
                    : std::max(usage.since, parse_time(volume.created_at));
  victim.what = describe(volume, kind);
  return victim;
}

Victim make_victim(const docker_api::ImageSummary& image, const Usage::Image& record) {
  Victim victim;
  victim.id = image.id;
  victim.names = image.repo_tags;
  victim.size = image.size;
  victim.used = record.used;
  victim.what = describe(image);
  return victim;
}

std::uint64_t known_size(const Victim& victim) {
  return victim.size > 0 ? static_cast<std::uint64_t>(victim.size) : 0;
}

/// What all that is ours takes, also what may not go now.
std::uint64_t kept_bytes(const Inventory& inventory, const Usage& usage) {
  std::uint64_t sum = 0;
  for (const auto& volume : inventory.volumes)
    if (const auto kind = volume_kind(volume, inventory))
      sum += known_size(make_victim(volume, *kind, usage));
  for (const auto& image : inventory.images)
    if (const auto record = usage.images.find(image.id);
        record != usage.images.end() && only_our_names(image, record->second))
      sum += known_size(make_victim(image, record->second));
  return sum;
}

std::uint64_t excess(std::uint64_t value, std::uint64_t limit) {
  return value > limit ? value - limit : 0;
}

bool inodes_above(const DiskSpace& disk, const config::DiskLevel& level) {
  const auto inodes = disk.inodes_used + disk.inodes_free;
  return level.unit == config::DiskLevel::Unit::percent && inodes > 0 &&
         disk.inodes_used > level.of(inodes);
}

/// How much has to go.
struct Need {
  std::uint64_t bytes = 0;   ///< of what was not used recently
  std::uint64_t urgent = 0;  ///< of anything
  bool inodes = false;       ///< nobody knows how many an object brings
};

Need need_of(const Inventory& inventory, const Usage& usage, const Watermarks& marks) {
  Need need;
  if (marks.budget > 0)
    if (const auto kept = kept_bytes(inventory, usage); kept > marks.budget)
      need.bytes =
          kept - static_cast<std::uint64_t>(static_cast<double>(marks.budget) * budget_low);
  if (!inventory.disk || marks.high.is_off()) return need;
  const auto& disk = *inventory.disk;
  const bool only_to_low = marks.extent == Watermarks::Extent::to_low;
  if (!only_to_low && !needs_room(disk, marks)) return need;
  const auto floor = floor_bytes(disk, marks.floor);
  const auto target =
      excess(disk.total(), static_cast<std::uint64_t>(static_cast<double>(floor) * floor_margin));
  need.bytes =
      std::max(need.bytes, excess(disk.used, std::min(marks.low.of(disk.total()), target)));
  need.inodes = inodes_above(disk, marks.low);
  if (only_to_low) return need;
  const auto high = std::min(marks.high.of(disk.total()), disk.total());
  const auto part =
      static_cast<std::uint64_t>(static_cast<double>(disk.total() - high) * urgent_part);
  if (disk.used > high + part || disk.free < floor)
    need.urgent = excess(disk.used, std::min(high, target));
  return need;
}

/// Layer caches beyond their own limit. Jobs use them all the time: recent use does not spare them,
/// being used does.
void take_layers(const Inventory& inventory, const Usage& usage, const std::vector<Victim>& from,
                 std::uint64_t budget, std::vector<Victim>& chosen) {
  if (budget == 0) return;
  std::uint64_t kept = 0;
  for (const auto& volume : inventory.volumes)
    if (volume_kind(volume, inventory) == Kind::layer_volume)
      kept += known_size(make_victim(volume, Kind::layer_volume, usage));
  const auto is_chosen = [&](const Victim& victim) {
    return std::ranges::any_of(chosen, [&](const Victim& one) { return one.id == victim.id; });
  };
  for (const auto& victim : from)
    if (victim.kind == Kind::layer_volume && is_chosen(victim))
      kept -= std::min(kept, known_size(victim));
  for (const auto& victim : from) {
    if (kept <= budget) return;
    if (victim.kind != Kind::layer_volume || victim.size <= 0 || is_chosen(victim)) continue;
    kept -= std::min(kept, known_size(victim));
    chosen.push_back(victim);
  }
}

/// Takes from the front of `from` until `bytes` are met.
void take(const std::vector<Victim>& from, std::uint64_t bytes, bool inodes,
          std::vector<Victim>& chosen, std::uint64_t& taken) {
  std::size_t blind = 0;
  for (const auto& victim : from) {
    const bool enough = taken >= bytes && !inodes;
    if (enough || blind >= blind_batch) return;
    if (victim.size < 0 || inodes) ++blind;
    taken += known_size(victim);
    chosen.push_back(victim);
  }
}

}  // namespace

Watermarks Watermarks::of(const config::SlipwayOptions& options) {
  Watermarks marks;
  marks.high = options.disk_high;
  marks.low = options.disk_low;
  marks.floor = options.disk_floor;
  marks.budget = options.disk_budget;
  return marks;
}

bool needs_room(const DiskSpace& disk, const Watermarks& marks) {
  if (marks.high.is_off()) return false;
  return disk.used > marks.high.of(disk.total()) || inodes_above(disk, marks.high) ||
         below_floor(disk, marks.floor);
}

std::vector<Victim> collectable(const Inventory& inventory, const Usage& usage) {
  const Taken taken{inventory};
  std::vector<Victim> list;
  for (const auto& volume : inventory.volumes)
    if (const auto kind = volume_kind(volume, inventory); kind && is_free(volume, *kind, taken))
      list.push_back(make_victim(volume, *kind, usage));
  for (const auto& image : inventory.images)
    if (const auto record = usage.images.find(image.id); record != usage.images.end() &&
                                                         only_our_names(image, record->second) &&
                                                         is_free(image, taken))
      list.push_back(make_victim(image, record->second));
  for (auto& victim : list) {
    victim.used = std::min(victim.used, inventory.now);
    victim.reason = fmt::format(
        "not used for {}; {}; {}", age_text(inventory.now - victim.used),
        victim.size < 0 ? "size unknown" : config::format_bytes(known_size(victim)), victim.what);
  }
  std::ranges::stable_sort(list, [](const Victim& a, const Victim& b) {
    return a.used != b.used ? a.used < b.used : a.size > b.size;
  });
  return list;
}

std::vector<Victim> choose(const Inventory& inventory, const Usage& usage,
                           const Watermarks& marks) {
  const auto all = collectable(inventory, usage);
  auto old = all;
  const auto limit = inventory.now - marks.recent;
  const auto boundary =
      std::ranges::find_if(old, [&](const Victim& victim) { return victim.used > limit; });
  const std::vector<Victim> recent{boundary, old.end()};
  old.erase(boundary, old.end());
  if (marks.extent == Watermarks::Extent::everything) return old;
  const auto need = need_of(inventory, usage, marks);
  std::vector<Victim> chosen;
  std::uint64_t taken = 0;
  take(old, need.bytes, need.inodes, chosen, taken);
  if (chosen.size() == old.size()) take(recent, need.urgent, false, chosen, taken);
  take_layers(inventory, usage, all, marks.layer_budget, chosen);
  return chosen;
}

std::string age_text(std::chrono::seconds age) {
  const auto text = [](std::int64_t count, const char* unit) {
    return fmt::format("{} {}{}", count, unit, count == 1 ? "" : "s");
  };
  const auto minutes = std::max<std::int64_t>(age.count() / 60, 0);
  if (minutes < 60) return text(minutes, "minute");
  if (minutes < 48 * 60) return text(minutes / 60, "hour");
  return text(minutes / (24 * 60), "day");
}

}  // namespace slipway::executors::docker
