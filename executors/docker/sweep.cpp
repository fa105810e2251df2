#include "executors/docker/sweep.hpp"

#include <algorithm>

#include "executors/docker/labels.hpp"

namespace slipway::executors::docker {

namespace {

std::string label(const docker_api::Labels& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? "" : found->second;
}

/// Volumes of versions that did not say what a volume is for had GitLab Runner's label alone.
bool goes_with_its_job(const docker_api::Labels& labels) {
  if (label(labels, reusable_label) != "false") return false;
  const auto use = label(labels, volume_label);
  return use.empty() || use == volume_of_job;
}

bool is_busy(const docker_api::ContainerSummary& container, const StillNeeded& needed) {
  return std::any_of(container.names.begin(), container.names.end(),
                     [&](const std::string& name) { return needed.containers.contains(name); });
}

/// True where the labels say nothing: they came with the image.
bool is_borrowed(const docker_api::ContainerSummary& container, const EngineListing& listing) {
  if (!listing.committed_images.contains(container.image_id)) return false;
  return std::none_of(container.names.begin(), container.names.end(), [](const std::string& name) {
    return name.starts_with("runner-") || name.starts_with("slipway-helper-");
  });
}

class Search {
 public:
  Search(const StillNeeded& needed, const std::optional<std::set<std::string>>& suspects)
      : needed_{needed}, suspects_{suspects} {}

  void look(Reaper::Kind kind, const std::string& id, const docker_api::Labels& labels) {
    if (needed_.state_id.empty() || label(labels, state_label) != needed_.state_id) return;
    const auto job = label(labels, job_label);
    if (job.empty()) {
      found_.suspects.insert(id);
      if (suspects_ && !suspects_->contains(id)) return;
    } else if (needed_.job_keys.contains(job)) {
      return;
    }
    found_.objects.push_back(Reaper::Object{
        kind, id, job, label(labels, anonymous_volumes_label) == keep_anonymous_volumes});
  }
  Orphans result() { return std::move(found_); }

 private:
  const StillNeeded& needed_;
  const std::optional<std::set<std::string>>& suspects_;
  Orphans found_;
};

}  // namespace

Orphans find_orphans(const EngineListing& listing, const StillNeeded& needed,
                     const std::optional<std::set<std::string>>& suspects) {
  Search search{needed, suspects};
  for (const auto& container : listing.containers)
    if (!is_busy(container, needed) && !is_borrowed(container, listing))
      search.look(Reaper::Kind::container, container.id, container.labels);
  for (const auto& volume : listing.volumes)
    if (goes_with_its_job(volume.labels))
      search.look(Reaper::Kind::volume, volume.name, volume.labels);
  for (const auto& network : listing.networks)
    search.look(Reaper::Kind::network, network.id, network.labels);
  return search.result();
}

}  // namespace slipway::executors::docker
