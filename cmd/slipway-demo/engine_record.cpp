#include "cmd/slipway-demo/engine_record.hpp"

#include <string_view>

namespace slipway::demo {

namespace {

constexpr std::size_t max_containers = 10'000;  // of anybody on the Engine while the demo runs
constexpr auto type_label = "com.gitlab.gitlab-runner.type";
constexpr auto reusable_label = "com.gitlab.gitlab-runner.reusable";
constexpr std::string_view helper_prefix = "slipway-helper-";

std::string attribute(const docker_api::Labels& attributes, const std::string& name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? "" : found->second;
}

/// `/name` without the slash; `/other/alias` is a link's name for it.
std::string own_name(const docker_api::ContainerSummary& container) {
  for (const auto& name : container.names)
    if (name.starts_with('/') && name.find('/', 1) == std::string::npos) return name.substr(1);
  return container.id;
}

/// The list that a volume belongs to.
std::vector<std::string>& place(Objects& objects, const docker_api::VolumeDetails& volume) {
  if (attribute(volume.labels, type_label) == "helper" || volume.name.starts_with(helper_prefix))
    return objects.helper_volumes;
  return attribute(volume.labels, reusable_label) == "true" ? objects.caches : objects.volumes;
}

}  // namespace

void EngineRecord::note(const docker_api::EngineEvent& event) {
  if (event.type == "container" && event.action == "create") {
    if (containers_.size() >= max_containers) return;
    containers_[event.actor].state = attribute(event.attributes, state_label);
  } else if (event.type == "container" && event.action == "start") {
    if (const auto found = containers_.find(event.actor); found != containers_.end())
      ++found->second.starts;
  } else if (event.type == "volume" && event.action == "mount") {
    const auto found = containers_.find(attribute(event.attributes, "container"));
    if (found != containers_.end()) found->second.volumes.insert(event.actor);
  }
}

std::size_t EngineRecord::starts(const std::string& state) const {
  std::size_t count = 0;
  for (const auto& [id, container] : containers_)
    if (container.state == state) count += container.starts;
  return count;
}

std::set<std::string> EngineRecord::volumes(const std::string& state) const {
  std::set<std::string> names;
  for (const auto& [id, container] : containers_)
    if (container.state == state) names.insert(container.volumes.begin(), container.volumes.end());
  return names;
}

asio::awaitable<Objects> find_objects(docker_api::Client& engine, std::string state,
                                      std::set<std::string> mounted) {
  const auto label = state_label + ("=" + state);
  const std::vector<std::string> filter{label};
  const std::vector<std::string> everything;
  Objects objects;
  const auto containers = co_await engine.list_containers(filter);
  for (const auto& container : containers) objects.containers.push_back(own_name(container));
  const auto networks = co_await engine.list_networks(filter);
  for (const auto& network : networks) objects.networks.push_back(network.name);
  const auto volumes = co_await engine.list_volumes(everything);
  for (const auto& volume : volumes)
    if (mounted.contains(volume.name) || attribute(volume.labels, state_label) == state)
      place(objects, volume).push_back(volume.name);
  co_return objects;
}

asio::awaitable<void> remove_objects(docker_api::Client& engine, Objects objects) {
  for (const auto& name : objects.containers) co_await engine.remove_container(name, true, true);
  for (const auto& name : objects.networks) co_await engine.remove_network(name);
  for (const auto& name : objects.volumes) co_await engine.remove_volume(name, true);
  for (const auto& name : objects.caches) co_await engine.remove_volume(name, true);
}

}  // namespace slipway::demo
