// A real Engine on a small disk: field faults B2 and 24, a full data root (the latter for whole
// jobs in engine_pull_test.cpp).

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <random>

#include "runner/disk_watch.hpp"
#include "runner/state_dir.hpp"
#include "runner/usage_store.hpp"
#include "tests/fakes/run_test.hpp"
#include "tests/integration/collector_fixture.hpp"
#include "tests/integration/private_engine.hpp"
#include "tests/integration/test_registry.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::tests {
namespace {

using namespace std::chrono_literals;
using docker_api::Client;
using executors::docker::Collected;
using executors::docker::Collector;
using executors::docker::InUse;
using executors::docker::Usage;
using executors::docker::Watermarks;
using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

/// A real Engine with a small disk and a registry beside it.
class SmallDisk : public testing::Test {
 protected:
  static constexpr int disk_mib = 160;

  void SetUp() override {
    auto& engine = PrivateEngine::shared();
    if (engine.running()) engine.stop();
    PrivateEngine::Options options;
    options.data_mib = disk_mib;
    engine.start(options);
    engine.need_image(EngineTest::image);
  }
  void TearDown() override { PrivateEngine::shared().stop(); }
};

/// The small disk as this process sees it, with the Engine's own collector.
class SeenDisk : public runner::WatchedDisk {
 public:
  explicit SeenDisk(Collector& collector) : collector_{collector} {}
  asio::awaitable<std::optional<executors::docker::DiskSpace>> measure() override {
    co_return collector_.measure();
  }
  asio::awaitable<Collected> collect(Watermarks marks) override {
    co_return co_await collector_.collect(marks);
  }
  asio::awaitable<void> forget_vanished() override { co_return; }

 private:
  Collector& collector_;
};

std::string random_bytes(std::size_t size, unsigned seed) {
  std::mt19937_64 random{seed};
  std::string bytes;
  while (bytes.size() < size) {
    const auto word = random();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return bytes;
}

/// What a job does with images: names held, pulled if absent, recorded, run.
struct Runs {
  Client& engine;
  InUse& in_use;
  runner::UsageStore& usage;
  std::string engine_id;

  asio::awaitable<void> job(std::string repository) {
    const auto name = repository + ":1";
    std::vector<std::string> names{name};
    auto hold = co_await in_use.hold(std::move(names));
    bool present = true;
    try {
      co_await engine.inspect_image(name);
    } catch (const docker_api::EngineError&) {
      present = false;
    }
    if (!present) {
      ++pulls;
      std::string tag = "1";
      std::string none;
      std::function<void(const docker_api::PullProgress&)> silent;
      co_await engine.pull_image(repository, std::move(tag), none, none, silent);
    }
    const auto image = co_await engine.inspect_image(name);
    hold.add(image.id);
    if (!present) usage.pulled(engine_id, name, image.id, false);
    usage.used_image(engine_id, image.id);
    docker_api::ContainerSpec spec;
    spec.image = image.id;
    spec.command.push_back("/file");
    const auto container = co_await engine.create_container(std::move(spec));
    co_await engine.remove_container(container, true, true);
    usage.used_image(engine_id, image.id);
  }

  int pulls = 0;
};

TEST_F(SmallDisk, B2_SixtyImagesFitAndTheHotOneSurvives) {
  run_test(
      []() -> asio::awaitable<void> {
        constexpr int images = 60;
        constexpr std::size_t image_size = 5u << 20;  // 300 MiB in all
        auto& own = PrivateEngine::shared();
        const auto executor = co_await asio::this_coro::executor;
        Client engine{executor, docker_api::parse_host(own.host(), false, "")};
        co_await engine.connect();
        const auto info = co_await engine.info();
        TestRegistry registry{executor};
        const auto address = registry.listen(own.gateway());
        util::TaskGroup tasks{executor};
        tasks.start(registry.run());

        // What others have on this Engine.
        const docker_api::Labels theirs{{"theirs", "1"}};
        co_await engine.create_volume("their-volume", theirs);
        co_await import_image(engine, "their-image");

        const auto file = fs::temp_directory_path() / ("slipway-usage-" + runner::random_hex(4));
        Usage::Time clock = system_now();
        runner::UsageStore usage{executor, file, [&clock] { return clock; }};
        InUse in_use{executor};
        Collector::Settings settings;
        settings.state_id = "0123456789abcdef";
        settings.roots = {own.data_root()};
        settings.usage = [&] { return usage.usage(info.id); };
        settings.now = [&] { return clock; };
        Collector collector{engine, in_use, std::move(settings)};
        runner::DiskWatch::Settings watching;
        watching.interval = 20ms;
        std::function<void()> nobody;
        runner::DiskWatch watch{executor, std::make_unique<SeenDisk>(collector),
                                std::move(watching), nobody};
        tasks.start(watch.run());

        Runs runs{engine, in_use, usage, info.id};
        registry.add("hot", archive_of(random_bytes(image_size, 1000)));
        const auto hot = address + "/hot";
        for (int i = 0; i < images; ++i) {
          const auto name = fmt::format("image{}", i);
          registry.add(name, archive_of(random_bytes(image_size, static_cast<unsigned>(i))));
          co_await runs.job(hot);
          co_await runs.job(address + "/" + name);
          EXPECT_TRUE(watch.room());
          clock += 10min;
        }
        EXPECT_EQ(runs.pulls, images + 1) << "the hot image was pulled once";
        EXPECT_GT(watch.figures().removed, 25u);
        EXPECT_GT(watch.figures().freed, 25 * image_size * 9 / 10);
        EXPECT_EQ(watch.figures().failures, 0u);
        EXPECT_EQ(watch.figures().pauses, 0u);
        co_await util::sleep_for(500ms);
        EXPECT_LT(collector.measure()->used_share(), 0.86);
        co_await engine.inspect_image("their-image:1");
        co_await engine.inspect_image(EngineTest::image);
        const std::vector<std::string> labels{"theirs"};
        const auto volumes = co_await engine.list_volumes(labels);
        EXPECT_EQ(volumes.size(), 1u);
        tasks.cancel();
        co_await tasks.join();
        fs::remove(file);
      },
      180s);
}

TEST_F(SmallDisk, Fault24_AFullDataRootIsSaidAndPausesPollingUntilThereIsRoom) {
  run_test(
      []() -> asio::awaitable<void> {
        auto& own = PrivateEngine::shared();
        const auto executor = co_await asio::this_coro::executor;
        Client engine{executor, docker_api::parse_host(own.host(), false, "")};
        co_await engine.connect();
        TestRegistry registry{executor};
        const auto address = registry.listen(own.gateway());
        registry.add("big", archive_of(random_bytes(8u << 20, 1)));
        util::TaskGroup tasks{executor};
        tasks.start(registry.run());
        InUse in_use{executor};
        Collector::Settings settings;
        const std::vector<std::string> roots{own.data_root()};
        settings.roots = roots;
        settings.usage = [] { return Usage{}; };
        settings.now = system_now;
        Collector collector{engine, in_use, std::move(settings)};
        runner::DiskWatch::Settings watching;
        watching.interval = 20ms;
        watching.paused_interval = 20ms;
        int changes = 0;
        std::function<void()> changed = [&] { ++changes; };
        runner::DiskWatch watch{executor, std::make_unique<SeenDisk>(collector),
                                std::move(watching), std::move(changed)};
        tasks.start(watch.run());

        const auto filler = own.data_root() + "/filler";
        shell(fmt::format("dd if=/dev/zero of='{}' bs=1M || true", filler));
        std::vector<docker_api::EngineError> errors;
        std::string tag = "1";
        std::string none;
        std::function<void(const docker_api::PullProgress&)> silent;
        const auto repository = address + "/big";
        try {
          co_await engine.pull_image(repository, tag, none, none, silent);
        } catch (const docker_api::EngineError& error) {
          errors.push_back(error);
        }
        try {
          auto spec = busybox({"true"});
          co_await engine.create_container(spec);
        } catch (const docker_api::EngineError& error) {
          errors.push_back(error);
        }
        EXPECT_EQ(errors.size(), 2u);
        for (const auto& error : errors) {
          const auto text = executors::docker::disk_full_text(error, roots);
          EXPECT_TRUE(text) << error.what();
          EXPECT_THAT(text.value_or(""),
                      AllOf(HasSubstr("the disk of the Docker Engine is full (now 100% of 168 MB"),
                            HasSubstr("no space left on device"), HasSubstr("slipway gc")));
        }
        co_await util::sleep_for(500ms);
        EXPECT_FALSE(watch.room());
        EXPECT_EQ(changes, 1);
        fs::remove(filler);
        co_await util::sleep_for(500ms);
        EXPECT_TRUE(watch.room());
        EXPECT_EQ(changes, 2);
        co_await engine.pull_image(repository, tag, none, none, silent);
        tasks.cancel();
        co_await tasks.join();
      },
      60s);
}

}  // namespace
}  // namespace slipway::tests
