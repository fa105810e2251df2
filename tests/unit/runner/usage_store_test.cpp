#include "runner/usage_store.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <fstream>
#include <iterator>

#include "temp_dir.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

constexpr auto engine = "AB:CD";
constexpr UsageStore::Time begin{1'800'000'000s};

class UsageFile : public testing::Test {
 public:
  std::unique_ptr<UsageStore> open() {
    return std::make_unique<UsageStore>(io.get_executor(), file, [this] { return now; });
  }
  std::string content() const {
    std::ifstream stream{file};
    return {std::istreambuf_iterator<char>{stream}, {}};
  }
  void write(const std::string& text) const { std::ofstream{file} << text; }

  asio::io_context io{1};
  TempDir dir;
  std::filesystem::path file = dir.path() / "usage";
  UsageStore::Time now = begin;
};

TEST_F(UsageFile, KeepsWhatIsToldOverARestart) {
  {
    const auto store = open();
    store->pulled(engine, "busybox", "sha256:1", false);
    now += 1h;
    store->used_image(engine, "sha256:1");
    store->used_volume(engine, "cache-1");
    now += 1h;
    store->used_volume(engine, "cache-2");
  }
  now += 24h;
  const auto store = open();
  const auto usage = store->usage(engine);
  EXPECT_EQ(usage.since, begin);
  ASSERT_THAT(usage.images, SizeIs(1));
  EXPECT_THAT(usage.images.at("sha256:1").names, ElementsAre("docker.io/library/busybox:latest"));
  EXPECT_EQ(usage.images.at("sha256:1").used, begin + 1h);
  EXPECT_THAT(usage.volumes, ElementsAre(Pair("cache-1", begin + 1h), Pair("cache-2", begin + 2h)));
}

TEST_F(UsageFile, IsPrivate) {
  const auto store = open();
  store->used_volume(engine, "v");
  EXPECT_TRUE(store->flush());
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "usage.new"));
}

TEST_F(UsageFile, AnImageThatWasThereBeforeIsNotOurs) {
  const auto store = open();
  store->pulled(engine, "a:1", "sha256:1", true);
  store->used_image(engine, "sha256:1");
  EXPECT_THAT(store->usage(engine).images, IsEmpty());
  store->pulled(engine, "a:1", "sha256:2", false);
  now += 1h;
  store->pulled(engine, "b:1", "sha256:2", true);
  const auto images = store->usage(engine).images;
  ASSERT_THAT(images, SizeIs(1));
  EXPECT_THAT(images.at("sha256:2").names,
              ElementsAre("docker.io/library/a:1", "docker.io/library/b:1"));
  EXPECT_EQ(images.at("sha256:2").used, begin + 1h);
}

TEST_F(UsageFile, APullIsWrittenAtOnce) {
  const auto store = open();
  store->pulled(engine, "a:1", "sha256:1", false);
  EXPECT_THAT(content(), HasSubstr("sha256:1"));
}

TEST_F(UsageFile, EnginesAreKeptApart) {
  const auto store = open();
  store->pulled("one", "a:1", "sha256:1", false);
  now += 1h;
  store->used_volume("two", "v");
  EXPECT_THAT(store->usage("one").images, SizeIs(1));
  EXPECT_THAT(store->usage("two").images, IsEmpty());
  EXPECT_THAT(store->usage("one").volumes, IsEmpty());
  EXPECT_EQ(store->usage("two").since, begin + 1h);
}

TEST_F(UsageFile, ADamagedOneIsBegunAnew) {
  std::string whole;
  {
    const auto store = open();
    store->pulled(engine, "a:1", "sha256:1", false);
    whole = content();
  }
  std::vector<std::string> damaged{
      "",
      "{",
      "null",
      "[]",
      "7",
      R"({"version":1})",
      R"({"version":2,"engines":{}})",
      R"({"version":1,"engines":{"e":{"since":"x"}}})",
      R"({"version":1,"engines":{"e":{"since":1,"images":[],"volumes":{}}}})",
      std::string(3, '\0')};
  for (std::size_t cut = 1; cut + 2 < whole.size(); cut += 5)
    damaged.push_back(whole.substr(0, cut));
  now += 24h;
  for (const auto& text : damaged) {
    SCOPED_TRACE(text);
    write(text);
    EXPECT_EQ(UsageStore::read(file, engine), std::nullopt);
    const auto store = open();
    const auto usage = store->usage(engine);
    EXPECT_EQ(usage.since, now) << "everything counts as used now";
    EXPECT_THAT(usage.images, IsEmpty());
    EXPECT_TRUE(store->flush());
    EXPECT_TRUE(std::filesystem::exists(dir.path() / "usage.bad"));
    EXPECT_TRUE(UsageStore::read(file, engine));
  }
}

TEST_F(UsageFile, IsReadByOthers) {
  EXPECT_EQ(UsageStore::read(file, engine), std::nullopt) << "there is none yet";
  const auto store = open();
  store->used_volume(engine, "v");
  store->flush();
  const auto usage = UsageStore::read(file, engine);
  ASSERT_TRUE(usage);
  EXPECT_THAT(usage->volumes, ElementsAre(Pair("v", begin)));
  EXPECT_EQ(UsageStore::read(file, "another"), std::nullopt);
}

TEST_F(UsageFile, ForgetsWhatIsGone) {
  const auto store = open();
  store->pulled(engine, "a:1", "sha256:1", false);
  store->pulled(engine, "b:1", "sha256:2", false);
  store->used_volume(engine, "v1");
  store->used_volume(engine, "v2");
  const auto looked = now += 1h;
  now += 1min;
  store->used_volume(engine, "new");
  store->keep_only(engine, {"sha256:2"}, {"v1"}, looked);
  const auto usage = store->usage(engine);
  EXPECT_THAT(usage.images, SizeIs(1));
  EXPECT_TRUE(usage.images.contains("sha256:2"));
  EXPECT_THAT(usage.volumes, ElementsAre(Pair("new", now), Pair("v1", begin)));
}

TEST_F(UsageFile, IsBounded) {
  const auto store = open();
  for (int i = 0; i < 200; ++i) store->pulled(engine, "a:" + std::to_string(i), "sha256:1", false);
  EXPECT_THAT(store->usage(engine).images.at("sha256:1").names, SizeIs(100));
  for (int i = 0; i < 10'050; ++i) {
    if (i % 100 == 0) now += 1s;
    store->used_volume(engine, "v" + std::to_string(i));
  }
  const auto volumes = store->usage(engine).volumes;
  EXPECT_THAT(volumes, SizeIs(10'000));
  EXPECT_TRUE(volumes.contains("v10049"));
  for (int i = 0; i < 100; ++i) {
    now += 1s;
    store->used_volume("engine" + std::to_string(i), "v");
  }
  EXPECT_THAT(store->usage(engine).volumes, IsEmpty()) << "the oldest Engine was dropped";
}

TEST_F(UsageFile, AClockThatWentBackKeepsNothingForYears) {
  {
    const auto store = open();
    store->used_volume(engine, "v");
    store->pulled(engine, "a", "sha256:1", false);
  }
  now -= 24h * 365;
  const auto store = open();
  const auto usage = store->usage(engine);
  EXPECT_EQ(usage.since, now);
  EXPECT_EQ(usage.volumes.at("v"), now);
  EXPECT_EQ(usage.images.at("sha256:1").used, now);
}

TEST_F(UsageFile, ADirectoryThatIsGoneIsNoFailure) {
  const auto store = open();
  std::filesystem::remove_all(dir.path());
  store->pulled(engine, "a", "sha256:1", false);
  EXPECT_FALSE(store->flush());
  std::filesystem::create_directories(dir.path());
  EXPECT_TRUE(store->flush()) << "it is tried again";
  EXPECT_THAT(content(), HasSubstr("sha256:1"));
}

TEST_F(UsageFile, IsWrittenByItsCoroutine) {
  const auto test = [this]() {
    return [](UsageFile* self) -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      UsageStore store{executor, self->file, [self] { return self->now; }};
      util::TaskGroup tasks{executor};
      tasks.start(store.keep_written());
      co_await util::sleep_for(10ms);
      EXPECT_FALSE(std::filesystem::exists(self->file)) << "nothing to write";
      store.used_volume(engine, "first");
      co_await util::sleep_for(10ms);
      EXPECT_THAT(self->content(), HasSubstr("first"));
      store.used_volume(engine, "second");
      co_await util::sleep_for(50ms);
      EXPECT_THAT(self->content(), testing::Not(HasSubstr("second"))) << "not so soon";
      tasks.cancel();
      co_await tasks.join();
      EXPECT_TRUE(store.flush());
      EXPECT_THAT(self->content(), HasSubstr("second"));
    }(this);
  };
  tests::run_test(test);
}

}  // namespace
}  // namespace slipway::runner
