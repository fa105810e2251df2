#include "tests/bench/census.hpp"

#include <fmt/format.h>

namespace slipway::bench {

namespace {

constexpr const char* runner_label = "com.gitlab.gitlab-runner.runner.id";

bool is_ours(const docker_api::Labels& labels, const std::string& runner) {
  const auto label = labels.find(runner_label);
  return labels.contains(bench_label) || (label != labels.end() && label->second == runner);
}

}  // namespace

asio::awaitable<Census> take_census(docker_api::Client& engine, std::string runner) {
  Census census;
  const std::vector<std::string> all;
  const auto containers = co_await engine.list_containers(all);
  for (const auto& container : containers)
    if (is_ours(container.labels, runner))
      census.objects.insert(
          fmt::format("container {} {}", container.id.substr(0, 12), container.state));
  const auto volumes = co_await engine.list_volumes(all);
  for (const auto& volume : volumes)
    if (!volume.name.starts_with("slipway-helper-")) census.objects.insert("volume " + volume.name);
  const auto networks = co_await engine.list_networks(all);
  for (const auto& network : networks) census.objects.insert("network " + network.name);
  co_return census;
}

std::string leftovers(const Census& before, const Census& now) {
  std::string text;
  for (const auto& object : now.objects)
    if (!before.objects.contains(object)) text += (text.empty() ? "" : ", ") + object;
  return text;
}

asio::awaitable<void> sweep(docker_api::Client& engine, std::string runner) {
  const std::vector<std::vector<std::string>> filters{{bench_label},
                                                      {fmt::format("{}={}", runner_label, runner)}};
  for (const auto& filter : filters) {
    const auto containers = co_await engine.list_containers(filter);
    for (const auto& container : containers)
      co_await engine.remove_container(container.id, true, true);
    const auto volumes = co_await engine.list_volumes(filter);
    for (const auto& volume : volumes) co_await engine.remove_volume(volume.name, true);
    const auto networks = co_await engine.list_networks(filter);
    for (const auto& network : networks) co_await engine.remove_network(network.id);
  }
}

}  // namespace slipway::bench
