// What is left of jobs that are gone, beside what belongs to others.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "engine_test.hpp"
#include "executors/docker/labels.hpp"
#include "executors/docker/sweeper.hpp"
#include "util/async.hpp"

namespace slipway::tests {
namespace {

using namespace std::chrono_literals;
using docker_api::Client;
using docker_api::Labels;
using docker_api::Mount;
using executors::Reaper;
using executors::docker::Sweeper;
using executors::docker::SweepResult;
using testing::HasSubstr;

constexpr auto state = "0011223344556677";

/// As GitLab Runner labels the objects of a job, whoever runs it.
Labels documented() {
  return {{EngineTest::label, "1"},
          {"com.gitlab.gitlab-runner.managed", "true"},
          {"com.gitlab.gitlab-runner.type", "build"},
          {"com.gitlab.gitlab-runner.job.id", "42"},
          {"com.gitlab.gitlab-runner.runner.system_id", "s_0123456789ab"},
          {"com.gitlab.gitlab-runner.reusable", "false"}};
}

Labels with(Labels labels, const std::string& of_state, const std::string& job) {
  if (!of_state.empty()) labels[executors::docker::state_label] = of_state;
  if (!job.empty()) labels[executors::docker::job_label] = job;
  return labels;
}

struct Job {
  const char* name;   ///< of its objects
  const char* state;  ///< "" = not labelled
  const char* key;
};

/// One running container with a volume and an anonymous one, in a network of its own.
asio::awaitable<void> make_job(Client& engine, Job job) {
  const std::string name = std::string{"slipway-sweep-"} + job.name;
  docker_api::NetworkSpec network;
  network.name = name;
  network.labels = with(documented(), job.state, job.key);
  co_await engine.create_network(network);
  auto spec = busybox({"sleep", "300"});
  spec.name = name;
  spec.labels = network.labels;
  spec.network_mode = name;
  Mount volume;
  volume.source = name;
  volume.target = "/builds";
  volume.labels = network.labels;
  volume.labels[executors::docker::volume_label] = executors::docker::volume_of_job;
  Mount anonymous;
  anonymous.target = "/anonymous";
  anonymous.labels = {{EngineTest::label, "1"}};
  spec.mounts = {volume, anonymous};
  const auto id = co_await engine.create_container(spec);
  co_await engine.start_container(id);
}

asio::awaitable<void> remove_job(Client& engine, std::string name) {
  name = "slipway-sweep-" + name;
  co_await engine.remove_container(name, true, true);
  co_await engine.remove_volume(name, true);
  co_await engine.remove_network(name);
}

/// `container slipway-sweep-…`, `volume …`, `network …` of this test.
asio::awaitable<std::vector<std::string>> what_is_there(Client& engine) {
  std::vector<std::string> there;
  std::vector<std::string> filter{EngineTest::label};
  const auto containers = co_await engine.list_containers(filter);
  for (const auto& container : containers) there.push_back("container " + container.names.at(0));
  const auto volumes = co_await engine.list_volumes(filter);
  for (const auto& volume : volumes)
    there.push_back(volume.name.starts_with("slipway-") ? "volume " + volume.name : "anonymous");
  const auto networks = co_await engine.list_networks(filter);
  for (const auto& network : networks) there.push_back("network " + network.name);
  std::sort(there.begin(), there.end());
  co_return there;
}

Sweeper::Settings settings(std::set<std::string> live) {
  Sweeper::Settings settings;
  settings.state_id = state;
  settings.live_jobs = [live] { return live; };
  return settings;
}

class Sweep : public EngineTest {};

TEST_F(Sweep, RemovesWhatIsOursAndOfNoLivingJob) {
  run([](Client& engine) -> asio::awaitable<void> {
    const Job jobs[] = {{"gone", state, "key-gone"},
                        {"live", state, "key-live"},
                        {"other-slipway", "ffffffffffffffff", "key-gone"},
                        {"longer", "00112233445566778", "key-gone"},
                        {"gitlab-runner", "", ""}};
    for (const auto& job : jobs) co_await make_job(engine, job);
    // What outlives jobs, and what a job started by itself through the Engine's socket.
    auto cache = with(documented(), state, "");
    cache["com.gitlab.gitlab-runner.reusable"] = "true";
    cache[executors::docker::volume_label] = executors::docker::volume_of_cache;
    co_await engine.create_volume("slipway-sweep-cache", cache);
    auto own = busybox({"sleep", "300"});
    own.name = "slipway-sweep-by-the-job";
    const auto own_id = co_await engine.create_container(own);
    co_await engine.start_container(own_id);

    auto want = co_await what_is_there(engine);
    std::erase_if(want, [](const std::string& object) { return object.ends_with("-gone"); });
    want.erase(std::find(want.begin(), want.end(), "anonymous"));

    Reaper reaper;
    Sweeper sweeper{engine, reaper, settings({"key-live"})};
    const auto begun = std::chrono::steady_clock::now();
    auto result = co_await sweeper.sweep();
    EXPECT_TRUE(result.reached) << result.problem;
    EXPECT_EQ(result.orphans.size(), 3u);
    co_await reaper.drain();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
    EXPECT_EQ(reaper.pending(), 0u);
    EXPECT_EQ(reaper.failures(), 0u);
    const auto left = co_await what_is_there(engine);
    EXPECT_EQ(left, want);
    result = co_await sweeper.sweep();
    EXPECT_TRUE(result.orphans.empty());

    for (const auto* name : {"live", "other-slipway", "longer", "gitlab-runner"})
      co_await remove_job(engine, name);
    co_await engine.remove_container("slipway-sweep-by-the-job", true, true);
    co_await engine.remove_volume("slipway-sweep-cache", true);
  });
}

TEST_F(Sweep, SparesWhatIsOfNoJobUntilItIsSeenTwice) {
  run([](Client& engine) -> asio::awaitable<void> {
    auto spec = busybox({"true"});
    spec.name = "slipway-sweep-first";
    spec.labels = with(documented(), state, "");
    co_await engine.create_container(spec);
    Reaper reaper;
    auto looking = settings({});
    std::set<std::string> busy{"slipway-sweep-first"};
    looking.busy_containers = [&busy] { return busy; };
    Sweeper sweeper{engine, reaper, looking};
    auto result = co_await sweeper.sweep();
    EXPECT_TRUE(result.orphans.empty()) << "at work";
    busy.clear();
    result = co_await sweeper.sweep();
    EXPECT_TRUE(result.orphans.empty()) << "seen once";
    result = co_await sweeper.sweep();
    EXPECT_EQ(result.orphans.size(), 1u) << "seen twice";
    co_await reaper.drain();
    co_await engine.create_container(spec);
    Sweeper started{engine, reaper, settings({})};
    result = co_await started.sweep();
    EXPECT_EQ(result.orphans.size(), 1u) << "left by a process that is gone";
    co_await reaper.drain();
    EXPECT_EQ(reaper.pending(), 0u);
  });
}

/// Field fault 28: volume busy.
TEST_F(Sweep, Fault28TriesABusyVolumeUntilItIsFree) {
  run([](Client& engine) -> asio::awaitable<void> {
    const Job gone{"gone", state, "key-gone"};
    co_await make_job(engine, gone);
    // Somebody else's container uses the volume and the network.
    auto foreign = busybox({"sleep", "300"});
    foreign.name = "slipway-sweep-foreign";
    foreign.network_mode = "slipway-sweep-gone";
    foreign.binds = {"slipway-sweep-gone:/mine"};
    const auto id = co_await engine.create_container(foreign);
    co_await engine.start_container(id);

    Reaper::Time now{1h};
    Reaper::Settings reaping;
    reaping.now = [&now] { return now; };
    Reaper reaper{reaping};
    Sweeper sweeper{engine, reaper, settings({})};
    auto result = co_await sweeper.sweep();
    EXPECT_EQ(result.orphans.size(), 3u);
    co_await reaper.drain();
    EXPECT_EQ(reaper.pending(), 2u);
    // Seen again by a later sweep, and had already.
    result = co_await sweeper.sweep();
    EXPECT_TRUE(result.orphans.empty());
    now += 30s;
    co_await reaper.drain();
    EXPECT_EQ(reaper.failures(), 4u);
    const auto objects = reaper.objects();
    EXPECT_EQ(objects.size(), 2u);
    for (const auto& pending : objects) {
      EXPECT_EQ(pending.tries, 2);
      EXPECT_EQ(pending.object.job, "key-gone");
      EXPECT_THAT(pending.last_error, pending.object.kind == Reaper::Kind::volume
                                          ? HasSubstr("volume is in use")
                                          : HasSubstr("has active endpoints"));
    }
    const auto still = co_await engine.inspect_container(id);
    EXPECT_TRUE(still.running);
    co_await engine.remove_container(id, true, true);
    now += 60s;
    co_await reaper.drain();
    EXPECT_EQ(reaper.pending(), 0u);
    EXPECT_EQ(reaper.failures(), 4u);
    const auto left = co_await what_is_there(engine);
    EXPECT_TRUE(left.empty());
  });
}

/// `docker commit` of a job's container keeps the labels, and `docker run` of the image takes them.
TEST_F(Sweep, TakesNoContainerForOursThatGotItsLabelsFromAnImage) {
  run([](Client& engine) -> asio::awaitable<void> {
    docker_api::TarBuilder tar;
    tar.add_file("true", 0755, "");
    const auto path = testing::TempDir() + "slipway-sweep-committed.tar";
    std::ofstream{path, std::ios::binary} << tar.finish();
    const std::vector<std::string> changes{std::string{"LABEL io.slipway.state="} + state +
                                           " io.slipway.job=key-gone"};
    co_await engine.import_image(path, "slipway-sweep-committed", "1", changes);
    std::remove(path.c_str());
    auto spec = busybox({"/true"});
    spec.name = "slipway-sweep-debugging";
    spec.image = "slipway-sweep-committed:1";
    co_await engine.create_container(spec);
    auto ours = spec;
    ours.name = "runner-abc-project-1-concurrent-0-0123456789abcdef-build";
    ours.labels = with(documented(), state, "key-gone");
    co_await engine.create_container(ours);

    Reaper reaper;
    Sweeper sweeper{engine, reaper, settings({})};
    const auto result = co_await sweeper.sweep();
    EXPECT_EQ(result.seen, 2u);
    co_await reaper.drain();
    const auto left = co_await what_is_there(engine);
    EXPECT_THAT(left, testing::ElementsAre("container slipway-sweep-debugging"));
    co_await engine.remove_container(spec.name, true, true);
    co_await engine.remove_image(spec.image, true);
  });
}

TEST_F(Sweep, KeepsAnonymousVolumesWhereTheAdministratorSaysSo) {
  run([](Client& engine) -> asio::awaitable<void> {
    auto spec = busybox({"true"});
    spec.name = "slipway-sweep-keeps";
    spec.labels = with(documented(), state, "key-gone");
    spec.labels[executors::docker::anonymous_volumes_label] =
        executors::docker::keep_anonymous_volumes;
    Mount anonymous;
    anonymous.target = "/data";
    anonymous.labels = {{EngineTest::label, "1"}};
    spec.mounts = {anonymous};
    co_await engine.create_container(spec);
    Reaper reaper;
    Sweeper sweeper{engine, reaper, settings({})};
    co_await sweeper.sweep();
    co_await reaper.drain();
    const auto left = co_await what_is_there(engine);
    EXPECT_THAT(left, testing::ElementsAre("anonymous"));
    std::vector<std::string> filter{EngineTest::label};
    const auto volumes = co_await engine.list_volumes(filter);
    for (const auto& volume : volumes) co_await engine.remove_volume(volume.name, true);
  });
}

TEST_F(Sweep, ClearsManyJobsWithinTenSeconds) {
  run(
      [](Client& engine) -> asio::awaitable<void> {
        for (int i = 0; i < 50; ++i) {
          auto spec = busybox({"true"});
          spec.labels = with(documented(), state, "key-" + std::to_string(i));
          Mount volume;
          volume.source = "slipway-sweep-many-" + std::to_string(i);
          volume.target = "/builds";
          volume.labels = spec.labels;
          spec.mounts = {volume};
          co_await engine.create_container(spec);
        }
        Reaper reaper;
        Sweeper sweeper{engine, reaper, settings({})};
        const auto begun = std::chrono::steady_clock::now();
        const auto result = co_await sweeper.sweep();
        EXPECT_EQ(result.orphans.size(), 100u);
        co_await reaper.drain();
        EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
        EXPECT_EQ(reaper.pending(), 0u);
      },
      120s);
}

}  // namespace
}  // namespace slipway::tests
