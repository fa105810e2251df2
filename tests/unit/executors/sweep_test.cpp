#include "executors/docker/sweep.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include "engine_double.hpp"
#include "executors/docker/helper_volume.hpp"
#include "executors/docker/labels.hpp"
#include "executors/docker/sweeper.hpp"
#include "plan_support.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::executors::docker {
namespace {

using docker_api::Labels;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Answer = EngineDouble::Answer;
using Suspects = std::optional<std::set<std::string>>;

constexpr auto ours = "00112233445566ff";

/// GitLab Runner's own labels, which do not tell two programs on one host apart.
Labels documented() {
  return {{"com.gitlab.gitlab-runner.managed", "true"},
          {"com.gitlab.gitlab-runner.job.id", "7"},
          {"com.gitlab.gitlab-runner.runner.system_id", "s_0123"}};
}

Labels with(Labels labels, const Labels& more) {
  for (const auto& [key, value] : more) labels[key] = value;
  return labels;
}

Labels of_job(const std::string& key, const Labels& more = {}) {
  return with(with(documented(), {{state_label, ours}, {job_label, key}}), more);
}

std::vector<std::string> ids(const Orphans& orphans) {
  std::vector<std::string> list;
  for (const auto& object : orphans.objects)
    list.push_back(std::string{to_string(object.kind)} + " " + object.id);
  return list;
}

StillNeeded living(std::set<std::string> keys = {"live"}) {
  return {ours, std::move(keys), {"fill-1"}};
}

struct LabelCase {
  const char* what;
  Labels labels;
  bool first;  ///< an orphan at the first sweep
  bool later;  ///< at one whose predecessor did not see it
  bool twice;  ///< at one whose predecessor did
};

TEST(FindOrphans, LooksAtTheLabelsAlone) {
  const LabelCase cases[] = {
      {"of a job that is gone", of_job("gone"), true, true, true},
      {"of a job that lives", of_job("live"), false, false, false},
      {"almost a job that lives", of_job("live "), true, true, true},
      {"of no job", with(documented(), {{state_label, ours}}), true, false, true},
      {"with an empty job", of_job(""), true, false, true},
      {"of GitLab Runner", documented(), false, false, false},
      {"of another slipway", with(of_job("gone"), {{state_label, "ffffffffffffffff"}}), false,
       false, false},
      {"with a longer state id", with(of_job("gone"), {{state_label, std::string{ours} + "0"}}),
       false, false, false},
      {"with a shorter state id", with(of_job("gone"), {{state_label, "0011"}}), false, false,
       false},
      {"with an empty state id", with(of_job("gone"), {{state_label, ""}}), false, false, false},
      {"without a state id", with(documented(), {{job_label, "gone"}}), false, false, false},
      {"without labels", {}, false, false, false},
  };
  const Suspects sweeps[] = {std::nullopt, std::set<std::string>{}, std::set<std::string>{"x"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const bool want[] = {c.first, c.later, c.twice};
    for (int sweep = 0; sweep < 3; ++sweep) {
      EngineListing listing;
      listing.containers = {{"x", {"runner-x-build"}, "running", c.labels}};
      EXPECT_EQ(ids(find_orphans(listing, living(), sweeps[sweep])).size(), want[sweep]) << sweep;
      listing = {};
      listing.networks = {{"x", "runner-x", "bridge", c.labels, {}, {}}};
      EXPECT_EQ(ids(find_orphans(listing, living(), sweeps[sweep])).size(), want[sweep]) << sweep;
      listing = {};
      const auto temporary = with(c.labels, {{reusable_label, "false"}, {volume_label, "job"}});
      listing.volumes = {{"x", "local", temporary}};
      EXPECT_EQ(ids(find_orphans(listing, living(), sweeps[sweep])).size(), want[sweep]) << sweep;
    }
  }
}

TEST(FindOrphans, WithoutAStateIdNothingIsOurs) {
  EngineListing listing;
  listing.containers = {{"a", {}, "", with(documented(), {{state_label, ""}})},
                        {"b", {}, "", documented()}};
  StillNeeded needed;
  EXPECT_THAT(ids(find_orphans(listing, needed, std::nullopt)), IsEmpty());
}

TEST(FindOrphans, NeverTakesVolumesThatOutliveTheirJob) {
  const std::pair<Labels, bool> cases[] = {
      {{{reusable_label, "false"}, {volume_label, "job"}}, true},
      {{{reusable_label, "false"}}, true},  // made by a version without volume_label
      {{{reusable_label, "true"}, {volume_label, "cache"}}, false},
      {{{reusable_label, "true"}, {volume_label, "job"}}, false},
      {{{reusable_label, "false"}, {volume_label, "cache"}}, false},
      {{{reusable_label, "true"}, {volume_label, "helper"}}, false},
      {{{reusable_label, "false"}, {volume_label, "of a later version"}}, false},
      {{{volume_label, "job"}}, false},
      {{}, false},
  };
  for (const auto& [labels, is_orphan] : cases) {
    SCOPED_TRACE(testing::PrintToString(labels));
    EngineListing listing;
    listing.volumes = {{"v", "local", of_job("gone", labels)}};
    EXPECT_EQ(find_orphans(listing, living(), std::nullopt).objects.size(), is_orphan ? 1u : 0u);
  }
}

TEST(FindOrphans, SparesContainersAtWork) {
  EngineListing listing;
  const auto jobless = with(documented(), {{state_label, ours}});
  listing.containers = {{"a", {"fill-1"}, "created", jobless},
                        {"b", {"fill-2"}, "created", jobless},
                        {"c", {"other", "fill-1"}, "created", jobless}};
  const auto found = find_orphans(listing, living(), std::nullopt);
  EXPECT_THAT(ids(found), ElementsAre("container b"));
  EXPECT_THAT(found.suspects, ElementsAre("b"));
}

TEST(FindOrphans, TakesNoLabelOfAnImageForItsOwn) {
  EngineListing listing;
  const auto labels = of_job("gone");
  listing.containers = {{"a", {"happy_newton"}, "running", labels, "debug", "sha256:made-of-ours"},
                        {"b", {"happy_curie"}, "running", labels, "busybox", "sha256:other"},
                        {"c", {"runner-x-build"}, "running", labels, "", "sha256:made-of-ours"}};
  listing.committed_images = {"sha256:made-of-ours"};
  EXPECT_THAT(ids(find_orphans(listing, living(), std::nullopt)),
              ElementsAre("container b", "container c"));
}

TEST(FindOrphans, TellsWhoseTheyWereAndWhatStays) {
  EngineListing listing;
  listing.containers = {
      {"a", {"/a"}, "exited", of_job("k1", {{anonymous_volumes_label, keep_anonymous_volumes}})},
      {"b", {"/b"}, "exited", of_job("k2")}};
  const auto found = find_orphans(listing, living(), std::nullopt);
  EXPECT_EQ(found.objects.at(0).job, "k1");
  EXPECT_TRUE(found.objects.at(0).keep_anonymous_volumes);
  EXPECT_EQ(found.objects.at(1).job, "k2");
  EXPECT_FALSE(found.objects.at(1).keep_anonymous_volumes);
}

/// What the planner labels is what the sweep understands: of a whole plan, everything but the
/// reusable volumes goes with the job, and only with it.
TEST(FindOrphans, AgreesWithThePlanner) {
  const auto planning = context();
  const auto text = payload({{"services", {{{"name", "postgres:15"}}}},
                             {"+variables", {{{"key", "FF_NETWORK_PER_BUILD"}, {"value", "1"}}}}});
  const auto plan = make_plan(job_of(text), runner_of(R"(volumes = ["/cache"])"), planning);
  EngineListing listing;
  listing.containers = {{"build", {}, "", plan.build.labels},
                        {"helper", {}, "", plan.helper.labels},
                        {"service", {}, "", plan.services.at(0).container.labels}};
  for (const auto& mount : plan.build.mounts)
    listing.volumes.push_back({mount.target, "local", mount.labels});
  listing.networks = {{plan.job_network, plan.job_network, "bridge", plan.labels, {}, {}}};
  const auto gone = find_orphans(listing, living(), std::set<std::string>{});
  EXPECT_THAT(ids(gone), ElementsAre("container build", "container helper", "container service",
                                     "volume /builds", "network " + plan.job_network));
  for (const auto& object : gone.objects) EXPECT_EQ(object.job, planning.job_key);
  EXPECT_THAT(ids(find_orphans(listing, living({planning.job_key}), std::nullopt)), IsEmpty());
}

TEST(Labels, SayWhatAVolumeIsFor) {
  const auto plan = plan_of({}, "volumes = [\"/cache\"]\nvolume_keep = true");
  EXPECT_EQ(plan.labels.at(job_label), context().job_key);
  EXPECT_EQ(plan.build.labels.at(anonymous_volumes_label), keep_anonymous_volumes);
  for (const auto& mount : plan.build.mounts) {
    const bool reusable = mount.target == "/cache";
    EXPECT_EQ(mount.labels.contains(job_label), !reusable) << mount.target;
    EXPECT_EQ(mount.labels.at(volume_label), reusable ? "cache" : "job");
    EXPECT_EQ(mount.labels.at(state_label), ours);
  }
  EXPECT_EQ(plan_of({}).build.labels.count(anonymous_volumes_label), 0u);
  auto without_key = context();
  without_key.job_key.clear();
  const auto keyless = make_plan(job_of(payload()), runner_of(), without_key);
  EXPECT_EQ(keyless.build.labels.count(job_label), 0u);
  const HelperVolume helper{"/proc/self/exe", ours};
  EXPECT_EQ(helper.mount().labels.at(state_label), ours);
  EXPECT_EQ(helper.mount().labels.at(volume_label), volume_of_helper);
}

std::string labelled(const std::string& key) {
  return json{{state_label, ours}, {job_label, key}}.dump();
}

/// A Sweeper on a double, and what its functions answer.
struct SweepScene {
  explicit SweepScene(asio::any_io_executor executor)
      : engine{executor}, client{executor, engine.endpoint()}, serving{executor} {
    serving.start(engine.run());
    engine.on("GET /containers/json", {{200, "[]"}});
    engine.on("GET /volumes", {{200, R"({"Volumes":null})"}});
    engine.on("GET /networks", {{200, "[]"}});
    engine.on("GET /images/i/json", {{200, R"({"Id":"i"})"}});
  }
  Sweeper::Settings settings() {
    Sweeper::Settings settings;
    settings.state_id = ours;
    settings.live_jobs = [this] {
      asked_after = engine.calls().size();
      return live;
    };
    settings.limit = std::chrono::milliseconds{300};
    return settings;
  }
  asio::awaitable<void> end() {
    serving.cancel();
    co_await serving.join();
  }

  EngineDouble engine;
  docker_api::Client client;
  util::TaskGroup serving;
  std::set<std::string> live;
  std::size_t asked_after = 0;
  Reaper reaper;
  Sweeper sweeper{client, reaper, settings()};
};

void with_sweeper(asio::awaitable<void> (*test)(SweepScene&)) {
  const auto whole = [test]() {
    return [](asio::awaitable<void> (*body)(SweepScene&)) -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      SweepScene scene{executor};
      co_await body(scene);
      EXPECT_THAT(scene.engine.unknown, IsEmpty());
      co_await scene.end();
    }(test);
  };
  tests::run_test(whole);
}

TEST(Sweeper, HandsOrphansToTheReaperAndAsksForLiveJobsLast) {
  with_sweeper([](SweepScene& scene) -> asio::awaitable<void> {
    scene.engine.on(
        "GET /containers/json",
        {{200, R"([{"Id":"a","Names":["/a"],"ImageID":"i","State":"exited","Labels":)" +
                   labelled("gone") + R"(},{"Id":"b","Names":["/b"],"ImageID":"i","Labels":)" +
                   labelled("live") + "}]"}});
    scene.live = {"live"};
    auto result = co_await scene.sweeper.sweep();
    EXPECT_TRUE(result.reached);
    EXPECT_EQ(result.seen, 2u);
    EXPECT_EQ(result.orphans.size(), 1u);
    EXPECT_EQ(scene.asked_after, 4u);
    EXPECT_EQ(scene.reaper.pending(), 1u);
    EXPECT_EQ(scene.reaper.objects().at(0).object.id, "a");
    EXPECT_EQ(scene.reaper.objects().at(0).object.job, "gone");
    // Still there: the Reaper has it already.
    result = co_await scene.sweeper.sweep();
    EXPECT_EQ(result.orphans.size(), 0u);
    EXPECT_EQ(scene.reaper.pending(), 1u);
  });
}

TEST(Sweeper, TakesNoAbsentEngineForAnEmptyOne) {
  with_sweeper([](SweepScene& scene) -> asio::awaitable<void> {
    const auto jobless = R"([{"Id":"a","Names":["/a"],"ImageID":"i","Labels":)" +
                         json{{state_label, ours}}.dump() + "}]";
    scene.engine.on("GET /containers/json", {{200, jobless}});
    scene.engine.on("GET /networks", {{500, "the network controller is gone"}, {200, "[]"}});
    auto result = co_await scene.sweeper.sweep();
    EXPECT_FALSE(result.reached);
    EXPECT_THAT(result.problem, HasSubstr("the network controller is gone"));
    EXPECT_EQ(scene.reaper.pending(), 0u);
    // The first sweep that succeeds is the first one.
    result = co_await scene.sweeper.sweep();
    EXPECT_TRUE(result.reached);
    EXPECT_EQ(scene.reaper.pending(), 1u);
  });
}

TEST(Sweeper, LooksAtImagesOnce) {
  with_sweeper([](SweepScene& scene) -> asio::awaitable<void> {
    const auto container = [](const char* id, const char* image) {
      return R"({"Id":")" + std::string{id} + R"(","Names":["/n"],"ImageID":")" + image +
             R"(","Labels":)" + labelled("gone") + "}";
    };
    scene.engine.on("GET /containers/json",
                    {{200, "[" + container("a", "ours") + "," + container("b", "plain") + "," +
                               container("c", "removed") + "]"}});
    const auto config = json{{"Labels", {{state_label, ours}}}}.dump();
    scene.engine.on("GET /images/ours/json", {{200, R"({"Id":"ours","Config":)" + config + "}"}});
    scene.engine.on("GET /images/plain/json", {{200, R"({"Id":"plain","Config":{}})"}});
    scene.engine.on("GET /images/removed/json", {{404, "No such image: removed"}});
    const auto result = co_await scene.sweeper.sweep();
    EXPECT_EQ(result.orphans.size(), 2u);
    EXPECT_EQ(scene.engine.calls().size(), 6u);
    co_await scene.sweeper.sweep();
    EXPECT_EQ(scene.engine.calls().size(), 9u);
  });
}

TEST(Sweeper, LimitsAHangingEngine) {
  with_sweeper([](SweepScene& scene) -> asio::awaitable<void> {
    scene.engine.on("GET /volumes", {{0, "", true}});
    const auto result = co_await scene.sweeper.sweep();
    EXPECT_FALSE(result.reached);
    EXPECT_EQ(scene.asked_after, 0u);
  });
}

TEST(Sweeper, CanBeCancelled) {
  with_sweeper([](SweepScene& scene) -> asio::awaitable<void> {
    scene.engine.on("GET /volumes", {{0, "", true}});
    auto sweeping = scene.sweeper.sweep();
    std::string ended;
    try {
      co_await util::with_timeout(std::move(sweeping), std::chrono::milliseconds{100});
    } catch (const util::TimeoutError& error) {
      ended = error.what();
    }
    EXPECT_NE(ended, "");
    EXPECT_EQ(scene.reaper.pending(), 0u);
  });
}

TEST(Sweeper, WithoutAStateIdAsksNothing) {
  with_sweeper([](SweepScene& scene) -> asio::awaitable<void> {
    auto settings = scene.settings();
    settings.state_id.clear();
    Sweeper blind{scene.client, scene.reaper, settings};
    const auto result = co_await blind.sweep();
    EXPECT_TRUE(result.reached);
    EXPECT_EQ(result.seen, 0u);
    EXPECT_THAT(scene.engine.calls(), IsEmpty());
  });
}

}  // namespace
}  // namespace slipway::executors::docker
