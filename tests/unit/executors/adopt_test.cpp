#include <gmock/gmock.h>

#include <algorithm>

#include "engine_double.hpp"
#include "executors/docker/docker_executor.hpp"
#include "plan_support.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/task_group.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Silence : JobLog {
  void write(job::LogStream, job::LogKind, std::string_view) override {}
  void flush(job::LogStream) override {}
};

struct Text : JobLog {
  void write(job::LogStream, job::LogKind, std::string_view bytes) override { text += bytes; }
  void flush(job::LogStream) override {}
  std::string text;
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

/// A process that takes a job over from one before it, and the Engine as it finds that.
struct Successor {
  explicit Successor(asio::any_io_executor executor)
      : fake{executor}, serving{executor}, engine{executor, settings()}, job{make_job({})} {
    fake.on("GET /info", {{200, R"({"ID":"e","OSType":"linux","Architecture":"x86_64"})"}});
    fake.on("GET /containers/json", {{200, "[]"}});
    for (const auto* call : {"DELETE /containers/b1", "DELETE /containers/h1"})
      fake.on(call, {{204, ""}});
    serving.start(fake.run());
  }

  Engine::Settings settings() const {
    Engine::Settings settings;
    settings.host = "unix://" + fake.endpoint().host;
    settings.helper_binary = "/bin/true";
    settings.helper_image_archive = "/nonexistent/archive";
    settings.helper_image_name = "slipway-helper:1";
    return settings;
  }

  std::unique_ptr<DockerExecutor> make_job(const json& changes) {
    return std::make_unique<DockerExecutor>(engine, plan_of(changes), log, reaper);
  }

  void finds(const std::string& container, const char* status) {
    const json details{{"Id", container},
                       {"State", {{"Status", status}, {"Running", false}, {"ExitCode", 0}}},
                       {"Config", json::object()}};
    fake.on("GET /containers/" + container + "/json", {{200, details.dump()}});
  }
  void finds_nothing_of(const std::string& container) {
    fake.on("GET /containers/" + container + "/json", {{404, "No such container: " + container}});
  }

  /// "" or why not.
  asio::awaitable<std::string> adopt(json snapshot) {
    auto text = snapshot.dump();
    std::string problem;
    try {
      co_await job->adopt(std::move(text));
    } catch (const job::Failure& failure) {
      problem = failure.what();
    }
    co_return problem;
  }

  /// Why it failed: the double has no images, so everything does.
  asio::awaitable<std::string> run(int sequence, Stage::Place place) {
    Stage stage;
    stage.name = "some_stage";
    stage.place = place;
    stage.sequence = sequence;
    std::string problem;
    try {
      co_await job->run(stage);
    } catch (const std::runtime_error& error) {
      problem = error.what();
    }
    co_return problem;
  }

  bool was_called(const std::string& call) const {
    return std::find(fake.calls().begin(), fake.calls().end(), call) != fake.calls().end();
  }

  asio::awaitable<void> end() {
    co_await job->leave();
    job.reset();
    serving.cancel();
    co_await serving.join();
  }

  EngineDouble fake;
  util::TaskGroup serving;
  Engine engine;
  Text log;
  Reaper reaper;
  std::unique_ptr<DockerExecutor> job;
};

constexpr auto build_image_asked = "GET /images/sha256%3A1/json";
constexpr auto helper_image_asked = "GET /images/slipway-helper%3A1/json";
constexpr auto removed_text = "not found or removed. Will retry...";

json container(const char* id, bool begun = true) {
  return {{"id", id},       {"name", id},       {"mark", "0123456789abcdef"},
          {"agent", begun}, {"started", begun}, {"offset", 10},
          {"exits", 1},     {"commands", 20},   {"protocol", agent::protocol_version}};
}

/// With a stage under way, number 7.
json under_way(json snapshot, bool in_helper) {
  snapshot["begun"] = {{"sequence", 7}, {"id", 3}, {"in_helper", in_helper}, {"commands", 20}};
  return snapshot;
}

json with_build() {
  auto snapshot = left(false);
  snapshot["containers"] = {"b1"};
  snapshot["build"] = container("b1");
  snapshot["build_started"] = true;
  return snapshot;
}

json with_helper(bool begun = true) {
  auto snapshot = left(false);
  snapshot["containers"] = {"h1"};
  snapshot["helper"] = container("h1", begun);
  return snapshot;
}

using Body = asio::awaitable<void> (*)(Successor&);

asio::awaitable<void> with_successor(Body body) {
  const auto executor = co_await asio::this_coro::executor;
  Successor next{executor};
  co_await body(next);
  co_await next.end();
}

void succeed(Body body) {
  tests::run_test([body] { return with_successor(body); });
}

TEST(Adopt, E15_ABuildContainerThatIsGoneBetweenStagesIsMadeAgain) {
  succeed([](Successor& next) -> asio::awaitable<void> {
    next.finds_nothing_of("b1");
    auto snapshot = with_build();
    const auto refusal = co_await next.adopt(snapshot);
    EXPECT_EQ(refusal, "");
    EXPECT_THAT(json::parse(next.job->snapshot()).at("containers"), IsEmpty());
    co_await next.run(7, Stage::Place::user);
    EXPECT_TRUE(next.was_called(build_image_asked));
    EXPECT_THAT(next.log.text, Not(HasSubstr(removed_text)));
  });
}

TEST(Adopt, E15_AScriptWhoseContainerIsGoneFailsAndTheNextStageGetsAnother) {
  succeed([](Successor& next) -> asio::awaitable<void> {
    next.finds_nothing_of("b1");
    auto snapshot = under_way(with_build(), false);
    const auto refusal = co_await next.adopt(snapshot);
    EXPECT_EQ(refusal, "");
    const auto problem = co_await next.run(7, Stage::Place::user);
    EXPECT_EQ(problem, "container b1 was removed while or before some_stage ran in it");
    EXPECT_THAT(next.log.text, HasSubstr("Container \"b1\" " + std::string{removed_text}));
    EXPECT_FALSE(next.was_called(build_image_asked));
    co_await next.run(8, Stage::Place::user);
    EXPECT_TRUE(next.was_called(build_image_asked));
  });
}

TEST(Adopt, E15_AScriptWhoseContainerIsGoneIsTriedAsOftenAsTheJobWants) {
  succeed([](Successor& next) -> asio::awaitable<void> {
    const json attempts{{"key", "EXECUTOR_JOB_SECTION_ATTEMPTS"}, {"value", "2"}};
    next.job = next.make_job({{"+variables", json::array({attempts})}});
    next.finds("b1", "dead");
    auto snapshot = under_way(with_build(), false);
    const auto refusal = co_await next.adopt(snapshot);
    EXPECT_EQ(refusal, "");
    co_await next.run(7, Stage::Place::user);
    EXPECT_THAT(next.log.text, AllOf(HasSubstr(removed_text), HasSubstr("Retrying some_stage")));
    EXPECT_TRUE(next.was_called(build_image_asked));
  });
}

TEST(Adopt, ABuildContainerThatHasEndedFailsTheJob) {
  succeed([](Successor& next) -> asio::awaitable<void> {
    next.finds("b1", "exited");
    auto snapshot = under_way(with_build(), false);
    const auto problem = co_await next.adopt(snapshot);
    EXPECT_EQ(problem, "container b1 ended (exit code 0) while slipway was not running");
  });
}

TEST(Adopt, E31_AHelperThatIsGoneBeforeTheScriptIsMadeAgain) {
  succeed([](Successor& next) -> asio::awaitable<void> {
    next.finds_nothing_of("h1");
    auto snapshot = with_helper();
    const auto refusal = co_await next.adopt(snapshot);
    EXPECT_EQ(refusal, "");
    EXPECT_TRUE(json::parse(next.job->snapshot()).at("helper_removed").get<bool>());
    co_await next.run(7, Stage::Place::predefined);
    EXPECT_TRUE(next.was_called(helper_image_asked));
    EXPECT_THAT(next.log.text, Not(HasSubstr(removed_text)));
  });
}

TEST(Adopt, E31_AStageWhoseHelperIsGoneFailsAndTheNextGetsAnother) {
  succeed([](Successor& next) -> asio::awaitable<void> {
    next.finds_nothing_of("h1");
    auto snapshot = under_way(with_helper(), true);
    const auto refusal = co_await next.adopt(snapshot);
    EXPECT_EQ(refusal, "");
    const auto problem = co_await next.run(7, Stage::Place::predefined);
    EXPECT_EQ(problem, "container h1 was removed while or before some_stage ran in it");
    EXPECT_FALSE(next.was_called(helper_image_asked));
    co_await next.run(8, Stage::Place::predefined);
    EXPECT_TRUE(next.was_called(helper_image_asked));
  });
}

// Its name is that of the one which takes its place.
TEST(Adopt, AHelperThatWasHalfStartedIsRemovedAndMadeAgain) {
  succeed([](Successor& next) -> asio::awaitable<void> {
    next.finds("h1", "created");
    auto snapshot = with_helper(false);
    const auto refusal = co_await next.adopt(snapshot);
    EXPECT_EQ(refusal, "");
    EXPECT_TRUE(next.was_called("DELETE /containers/h1"));
    EXPECT_THAT(json::parse(next.job->snapshot()).at("containers"), IsEmpty());
    co_await next.run(7, Stage::Place::predefined);
    EXPECT_TRUE(next.was_called(helper_image_asked));
  });
}

json service(const std::string& name) {
  return {{"id", "s1"},      {"name", name},   {"addresses", json::array({"172.17.0.2"})},
          {"ports", {80}},   {"cert_dir", ""}, {"layers", ""},
          {"end_told", true}};
}

TEST(Adopt, OtherServicesThanThoseOfThePlanAreRefused) {
  succeed([](Successor& next) -> asio::awaitable<void> {
    auto snapshot = left(false);
    snapshot["services"] = json::array({service("runner-x-redis-0")});
    const auto problem = co_await next.adopt(snapshot);
    EXPECT_THAT(problem, AllOf(HasSubstr("cannot be adopted"), HasSubstr("1 services"),
                               HasSubstr("the 0 of its plan")));
    EXPECT_EQ(json::parse(next.job->snapshot()), snapshot) << "what another process may go on from";
  });
}

TEST(Adopt, ServicesAreKnownByTheirNames) {
  succeed([](Successor& next) -> asio::awaitable<void> {
    const json redis{{"services", {{{"name", "redis:7"}}}}};
    const auto name = plan_of(redis).services.at(0).container.name;
    auto snapshot = left(false);
    snapshot["services"] = json::array({service("runner-x-mysql-0")});
    next.job = next.make_job(redis);
    const auto refused = co_await next.adopt(snapshot);
    EXPECT_THAT(refused, HasSubstr("cannot be adopted"));
    snapshot["services"] = json::array({service(name)});
    next.job = next.make_job(redis);
    const auto refusal = co_await next.adopt(snapshot);
    EXPECT_EQ(refusal, "");
    EXPECT_EQ(json::parse(next.job->snapshot()), snapshot) << "with what was told of its end";
    auto older = snapshot;
    older["services"][0].erase("name");
    older["services"][0].erase("end_told");
    next.job = next.make_job(redis);
    const auto of_older = co_await next.adopt(older);
    EXPECT_EQ(of_older, "");
  });
}

TEST(Adopt, AContainerWhoseMarkWasNotStoredIsRemoved) {
  succeed([](Successor& next) -> asio::awaitable<void> {
    next.fake.on("GET /containers/json",
                 {{200, R"([{"Id":"b1","Names":["/b1"]},{"Id":"b2","Names":["/b2"]}])"}});
    next.fake.on("DELETE /containers/b2", {{204, ""}});
    next.finds("b1", "created");
    auto snapshot = with_build();
    snapshot["build_started"] = false;
    snapshot["build"]["started"] = false;
    // Known to be there, but its mark is not: the process ended between the two.
    snapshot["containers"] = {"b1", "b2", "runner-build"};
    const auto refusal = co_await next.adopt(snapshot);
    EXPECT_EQ(refusal, "");
    EXPECT_TRUE(next.was_called("DELETE /containers/b2")) << "its name must be free";
    EXPECT_FALSE(next.was_called("DELETE /containers/b1"));
    EXPECT_EQ(json::parse(next.job->snapshot())["containers"], json({"b1", "runner-build"}));
  });
}

}  // namespace
}  // namespace slipway::executors::docker
