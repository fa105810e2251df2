// When a job's caches are restored and saved, and what becomes of the job if they cannot be.

#include <nlohmann/json.hpp>

#include "job_run_fixture.hpp"

namespace slipway::runner {
namespace {

using local::JobBuilder;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class CacheJob : public JobRunTest {
 public:
  static JobBuilder with(json caches) {
    JobBuilder builder;
    builder.trace_sections(true).field("cache", std::move(caches));
    return builder;
  }
  static json cache(const char* key, const char* when = "on_success", const char* policy = "") {
    return {{"key", key}, {"paths", {"vendor"}}, {"when", when}, {"policy", policy}};
  }
  static json everything() {
    return json::array({cache("s"), cache("f", "on_failure"), cache("a", "always")});
  }
  /// Without the stages that every job has.
  std::vector<std::string> files_and_scripts() const {
    std::vector<std::string> result;
    for (const auto& name : stages)
      if (name != "prepare_script" && name != "get_sources" && name != "cleanup_file_variables")
        result.push_back(name);
    return result;
  }
};

TEST_F(CacheJob, IsRestoredBeforeAndSavedAfterTheScript) {
  const auto test = [](CacheJob& f) -> asio::awaitable<void> {
    auto builder = with(everything());
    builder.after_script({"echo"}).artifacts({"out"});
    builder.dependency(5, "token", "build", "build.zip", 1);
    co_await f.run_job(builder);
    EXPECT_THAT(f.files_and_scripts(),
                ElementsAre("restore_cache", "download_artifacts", "step_script", "after_script",
                            "archive_cache", "upload_artifacts_on_success"));
    const auto& trace = f.record().trace;
    for (const auto* text : {"Restoring cache", "Saving cache for successful job",
                             ":restore_cache\r", ":archive_cache\r"})
      EXPECT_THAT(trace, HasSubstr(text));
    EXPECT_EQ(f.record().state, local::JobState::success);
    EXPECT_THAT(trace, Not(HasSubstr("neither restores nor saves")));
  };
  run<CacheJob>(test);
}

TEST_F(CacheJob, Case54OfAFailedJob) {
  const auto test = [](CacheJob& f) -> asio::awaitable<void> {
    f.plays["step_script"].exit_code = 3;
    const auto builder = with(everything());
    co_await f.run_job(builder);
    EXPECT_THAT(f.files_and_scripts(),
                ElementsAre("restore_cache", "step_script", "archive_cache_on_failure"));
    EXPECT_THAT(f.record().trace, HasSubstr("Saving cache for failed job"));
    EXPECT_EQ(f.record().exit_code, 3);
  };
  run<CacheJob>(test);
}

TEST_F(CacheJob, Case15WithoutAnythingToSaveThereIsNoSection) {
  const auto test = [](CacheJob& f) -> asio::awaitable<void> {
    f.plays["step_script"].exit_code = 3;
    const auto builder = with(json::array({cache("s"), {{"key", "nothing"}, {"when", "always"}}}));
    co_await f.run_job(builder);
    EXPECT_THAT(f.files_and_scripts(), ElementsAre("restore_cache", "step_script"));
    EXPECT_THAT(f.record().trace, Not(HasSubstr("Saving cache")));
    f.stages.clear();
    const auto none = with(json::array({{{"key", "nothing"}}}));
    co_await f.run_job(none);
    EXPECT_THAT(f.files_and_scripts(), ElementsAre("step_script"));
    EXPECT_THAT(f.record().trace, Not(HasSubstr("Restoring cache")));
  };
  run<CacheJob>(test);
}

TEST_F(CacheJob, Case12AnUnknownPolicyEndsTheJobBeforeItsScript) {
  const auto test = [](CacheJob& f) -> asio::awaitable<void> {
    auto builder = with(json::array({cache("k", "always", "sometimes")}));
    builder.after_script({"echo"});
    co_await f.run_job(builder);
    EXPECT_THAT(f.files_and_scripts(), ElementsAre());
    EXPECT_EQ(f.record().failure_reason, "runner_system_failure");
    EXPECT_THAT(f.record().trace, HasSubstr("unknown cache policy sometimes for k"));
    EXPECT_THAT(f.record().trace, Not(HasSubstr("Restoring cache")));
    EXPECT_THAT(f.record().trace, HasSubstr("Cleaning up project directory"));
  };
  run<CacheJob>(test);
}

TEST_F(CacheJob, AHelperThatFailsIsAskedAgain) {
  const auto test = [](CacheJob& f) -> asio::awaitable<void> {
    f.plays["restore_cache"].exit_code = 1;
    auto builder = with(everything());
    builder.variable("RESTORE_CACHE_ATTEMPTS", "2");
    co_await f.run_job(builder);
    EXPECT_THAT(f.files_and_scripts(),
                ElementsAre("restore_cache", "restore_cache", "archive_cache_on_failure"));
    EXPECT_THAT(f.record().trace, HasSubstr("WARNING: Retrying..."));
    EXPECT_EQ(f.record().state, local::JobState::failed);
  };
  run<CacheJob>(test);
}

}  // namespace
}  // namespace slipway::runner
