#include <gmock/gmock.h>

#include "engine_double.hpp"
#include "executors/docker/docker_executor.hpp"
#include "plan_support.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/task_group.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::Contains;
using ::testing::Not;

struct Silence : JobLog {
  void write(job::LogStream, job::LogKind, std::string_view) override {}
  void flush(job::LogStream) override {}
};

/// What a process left whose helper container had been removed, and was not made again yet.
json left(bool removed) {
  return json::parse(R"({"containers":[],"volumes":[],"network":"","services":[],"image":"sha256:1",
      "image_digests":[],"image_user":"","build_started":false,"next_stage":4,"starts":1,
      "begun":{"sequence":0,"id":0,"in_helper":false,"commands":0}})",
                     nullptr, true)
      .patch(json::array({{{"op", "add"}, {"path", "/helper_removed"}, {"value", removed}}}));
}

asio::awaitable<void> take_over(bool removed) {
  const auto executor = co_await asio::this_coro::executor;
  EngineDouble fake{executor};
  fake.on("GET /info", {{200, R"({"ID":"e","OSType":"linux","Architecture":"x86_64"})"}});
  fake.on("GET /containers/json", {{200, "[]"}});
  util::TaskGroup serving{executor};
  serving.start(fake.run());
  Engine::Settings settings;
  settings.host = "unix://" + fake.endpoint().host;
  settings.helper_binary = "/bin/true";
  settings.helper_image_archive = "/nonexistent/archive";
  settings.helper_image_name = "slipway-helper:1";
  Engine engine{executor, settings};
  Silence log;
  Reaper reaper;
  {
    DockerExecutor job{engine, plan_of({}), log, reaper};
    const auto snapshot = left(removed);
    auto text = snapshot.dump();
    std::string problem;
    try {
      co_await job.adopt(std::move(text));
    } catch (const std::exception& error) {
      problem = error.what();
    }
    EXPECT_EQ(problem, "");
    EXPECT_EQ(json::parse(job.snapshot()), snapshot);
    Stage stage;
    stage.name = "cleanup_file_variables";
    stage.place = Stage::Place::predefined;
    stage.sequence = 1;
    bool failed = false;
    try {
      co_await job.run(stage);
    } catch (const std::exception&) {
      failed = true;  // by the double, which has no images
    }
    EXPECT_TRUE(failed);
    co_await job.leave();
  }
  const auto helper = Contains("GET /images/slipway-helper%3A1/json");
  if (removed)
    EXPECT_THAT(fake.calls(), helper);
  else
    EXPECT_THAT(fake.calls(), Not(helper));
  serving.cancel();
  co_await serving.join();
}

TEST(Adopt, AHelperThatWasRemovedIsMadeAgainByTheNextProcess) {
  for (const bool removed : {true, false}) {
    SCOPED_TRACE(removed);
    tests::run_test([removed] { return take_over(removed); });
  }
}

}  // namespace
}  // namespace slipway::executors::docker
