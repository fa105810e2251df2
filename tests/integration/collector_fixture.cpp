#include "tests/integration/collector_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "runner/state_dir.hpp"
#include "tests/integration/private_engine.hpp"

namespace slipway::tests {

namespace {

using namespace std::chrono_literals;
using docker_api::Client;
using executors::docker::Usage;
using testing::UnorderedElementsAre;
namespace fs = std::filesystem;

constexpr auto long_unused = 24h * 10;

struct TestVolume {
  const char* name;
  const char* purpose;  ///< nullptr: no label of slipway
  bool ours = true;     ///< of this state directory
};

std::vector<TestVolume> volumes_of_all() {
  return {{"slipway-test-cache", "cache"},
          {"slipway-test-used-cache", "cache"},
          {"slipway-test-recent-cache", "cache"},
          {"slipway-test-layers", "layers"},
          {"slipway-test-old-helper", "helper"},
          {"slipway-test-job", "job"},
          {"slipway-test-other-slipway", "cache", false},
          {"slipway-test-gitlab-runner", nullptr}};
}

docker_api::Labels labels_of(const TestVolume& volume, const std::string& state) {
  docker_api::Labels labels{{EngineTest::label, "1"},
                            {"com.gitlab.gitlab-runner.reusable", "true"},
                            {"com.gitlab.gitlab-runner.project.id", "7"}};
  if (volume.purpose == nullptr) return labels;
  labels["io.slipway.state"] = volume.ours ? state : std::string(16, 'f');
  labels["io.slipway.volume"] = volume.purpose;
  return labels;
}

}  // namespace

Usage::Time system_now() {
  return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::string archive_of(const std::string& content) {
  docker_api::TarBuilder tar;
  tar.add_file("file", 0755, content);
  return tar.finish();
}

asio::awaitable<std::string> import_image(Client& engine, std::string repository) {
  const auto path = fs::temp_directory_path() / ("slipway-import-" + runner::random_hex(4));
  std::ofstream{path, std::ios::binary} << archive_of(repository);
  std::vector<std::string> changes{"CMD [\"/file\"]"};
  std::string tag = "1";
  co_await engine.import_image(path.string(), repository, std::move(tag), std::move(changes));
  fs::remove(path);
  const auto image = co_await engine.inspect_image(repository + ":1");
  co_return image.id;
}

std::string engine_socket() {
  const char* host = std::getenv("DOCKER_HOST");
  return host == nullptr ? "/var/run/docker.sock"
                         : std::string{host}.substr(std::string{"unix://"}.size());
}

void tag_image(const std::string& image, const std::string& repository) {
  shell(
      fmt::format("curl -sf -X POST --unix-socket '{}' 'http://engine/images/{}/tag?repo={}&tag=1'",
                  engine_socket(), image, repository));
}

asio::awaitable<std::vector<std::string>> test_volumes(Client& engine) {
  const std::vector<std::string> labels{EngineTest::label};
  const auto volumes = co_await engine.list_volumes(labels);
  std::vector<std::string> names;
  for (const auto& volume : volumes) names.push_back(volume.name);
  co_return names;
}

asio::awaitable<std::vector<std::string>> test_images(Client& engine) {
  const auto images = co_await engine.list_images();
  std::vector<std::string> names;
  for (const auto& image : images)
    for (const auto& tag : image.repo_tags)
      if (tag.starts_with("slipway-test-")) names.push_back(tag);
  co_return names;
}

void DiskCollector::SetUp() {
  EngineTest::SetUp();
  usage.since = system_now() - long_unused;
  run([this](Client& engine) { return make_volumes(engine, *this); });
  run([this](Client& engine) { return make_images(engine, *this); });
  tag_image("slipway-test-shared:1", "slipway-test-theirs-too");
}

asio::awaitable<void> DiskCollector::make_volumes(Client& engine, DiskCollector& self) {
  const auto info = co_await engine.info();
  self.engine_id = info.id;
  const auto volumes = volumes_of_all();
  for (const auto& volume : volumes) {
    auto labels = labels_of(volume, self.state);
    co_await engine.create_volume(volume.name, std::move(labels));
    self.usage.volumes[volume.name] = self.usage.since;
  }
  self.usage.volumes["slipway-test-recent-cache"] = system_now() - 10min;
}

asio::awaitable<void> DiskCollector::make_images(Client& engine, DiskCollector& self) {
  const std::vector<std::string> ours{"slipway-test-ours", "slipway-test-shared",
                                      "slipway-test-busy"};
  for (const auto& name : ours) {
    const auto id = co_await import_image(engine, name);
    auto& record = self.usage.images[id];
    record.names = {executors::docker::canonical_image_name(name + ":1")};
    record.used = self.usage.since;
  }
  std::string theirs = "slipway-test-theirs";
  co_await import_image(engine, std::move(theirs));
  auto spec = busybox({"true"});
  spec.image = "slipway-test-busy:1";
  docker_api::Mount mount;
  mount.source = "slipway-test-used-cache";
  mount.target = "/v";
  spec.mounts.push_back(std::move(mount));
  co_await engine.create_container(std::move(spec));  // never started: used all the same
}

void DiskCollector::TearDown() {
  run([](Client& engine) -> asio::awaitable<void> {
    const std::vector<std::string> labels{EngineTest::label};
    const auto containers = co_await engine.list_containers(labels);
    for (const auto& container : containers)
      co_await engine.remove_container(container.id, true, true);
    const auto volumes = co_await test_volumes(engine);
    for (const auto& name : volumes) co_await engine.remove_volume(name, true);
    const auto images = co_await test_images(engine);
    for (const auto& name : images) co_await engine.remove_image(name, true);
  });
  EngineTest::TearDown();
}

asio::awaitable<void> DiskCollector::expect_only_ours_gone(Client& engine) {
  const auto volumes = co_await test_volumes(engine);
  EXPECT_THAT(volumes, UnorderedElementsAre("slipway-test-used-cache", "slipway-test-recent-cache",
                                            "slipway-test-job", "slipway-test-other-slipway",
                                            "slipway-test-gitlab-runner"));
  const auto images = co_await test_images(engine);
  EXPECT_THAT(images, UnorderedElementsAre("slipway-test-shared:1", "slipway-test-theirs-too:1",
                                           "slipway-test-busy:1", "slipway-test-theirs:1"));
}

executors::docker::Collector::Settings DiskCollector::settings() {
  executors::docker::Collector::Settings settings;
  settings.state_id = state;
  settings.helper_volume = "slipway-test-this-helper";
  settings.helper_image = "slipway-helper:" SLIPWAY_VERSION;
  settings.usage = [this] { return usage; };
  settings.now = system_now;
  return settings;
}

}  // namespace slipway::tests
