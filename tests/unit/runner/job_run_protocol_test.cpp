// What the coordinator is told of a job from its arrival to its end.

#include <nlohmann/json.hpp>

#include "job_run_fixture.hpp"

namespace slipway::runner {
namespace {

using local::JobBuilder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class JobProtocol : public JobRunTest {
 public:
  /// Runs the job and hands back its only final PUT.
  asio::awaitable<local::StatusUpdate> end_of(JobBuilder builder) {
    co_await run_job(builder);
    const auto ends = final_updates();
    EXPECT_EQ(ends.size(), 1u);
    co_return ends.empty() ? local::StatusUpdate{} : ends.front();
  }
};

TEST_F(JobProtocol, Edge19TheJobIsAcceptedBeforeAnythingIsMade) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    const JobBuilder plain;
    const auto end = co_await f.end_of(plain);
    EXPECT_EQ(end.state, "success");
    EXPECT_EQ(f.updates_before_prepare, 1u);
    const auto& first = f.record().updates.front();
    EXPECT_EQ(first.state, "running");
    EXPECT_EQ(nlohmann::json::parse(first.body).at("output"), nlohmann::json::object());
    EXPECT_TRUE(f.cleaned);
  };
  run<JobProtocol>(test);
}

TEST_F(JobProtocol, Edge19AcceptanceRefusedTheJobIsForgotten) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    f.gitlab.faults().fail_next(Endpoint::update_job, 403);
    const JobBuilder plain;
    co_await f.run_job(plain);
    EXPECT_THAT(f.stages, IsEmpty());
    EXPECT_EQ(f.count(Endpoint::update_job), 1u);
    EXPECT_EQ(f.count(Endpoint::finish_job), 0u);
    EXPECT_EQ(f.count(Endpoint::patch_trace), 0u);
  };
  run<JobProtocol>(test);
}

TEST_F(JobProtocol, Edge19CancelingAtAcceptanceNothingIsExecuted) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    f.gitlab.faults().fail_next(
        Endpoint::update_job,
        {.status = 200, .body = "", .headers = {{"Job-Status", "canceling"}}});
    JobBuilder builder;
    builder.failure_reasons({"script_failure"});
    const auto end = co_await f.end_of(builder);
    EXPECT_THAT(f.stages, IsEmpty());
    EXPECT_EQ(end.state, "failed");
    EXPECT_EQ(end.failure_reason, "job_canceled") << "as it is, whatever the server lists";
  };
  run<JobProtocol>(test);
}

TEST_F(JobProtocol, Edge19ConflictOrFailureAtAcceptanceTheJobRuns) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    for (const int status : {409, 500}) {
      f.stages.clear();
      f.gitlab.faults().fail_next(Endpoint::update_job, status, status == 500 ? 5 : 1);
      const JobBuilder plain;
      const auto end = co_await f.end_of(plain);
      EXPECT_EQ(end.state, "success");
      EXPECT_THAT(f.stages, Contains("step_script"));
    }
  };
  run<JobProtocol>(test);
}

TEST_F(JobProtocol, Edge20UnknownExecutorOptionsFailTheJob) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    JobBuilder builder;
    builder.field("image", {{"name", "busybox"},
                            {"executor_opts", {{"docker", {{"user", 1000}, {"blob", "x"}}}}}});
    const auto end = co_await f.end_of(builder);
    EXPECT_THAT(f.stages, IsEmpty());
    EXPECT_EQ(end.failure_reason, "runner_system_failure");
    EXPECT_EQ(end.exit_code, 3);
    EXPECT_THAT(f.record().trace,
                HasSubstr("Unsupported \"image\" options [blob] for \"docker executor\"; supported "
                          "options are [platform user]"));
  };
  run<JobProtocol>(test);
}

TEST_F(JobProtocol, Edge32ChecksumAndSizeAreThoseOfWhatArrived) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    f.runner.output_limit = 4096;
    auto& script = f.plays["step_script"];
    for (int i = 0; i < 300; ++i)
      script.out += "line with s3cret-value and \xff, glpat-abc, \xc3\xa9\xe2\x82 and more\n";
    script.err = "?private_token=x\rhalf a line";
    JobBuilder builder;
    builder.masked_variable("KEY", "s3cret-value");
    const auto end = co_await f.end_of(builder);
    const auto& record = f.record();
    EXPECT_EQ(end.bytesize, record.trace.size());
    EXPECT_EQ(record.wrong_checksums, 0);
    EXPECT_THAT(end.checksum, ::testing::StartsWith("crc32:"));
    EXPECT_THAT(record.trace, Not(HasSubstr("s3cret")));
    EXPECT_THAT(record.trace, HasSubstr("Job's log exceeded limit of 4096 bytes."));
  };
  run<JobProtocol>(test);
}

TEST_F(JobProtocol, Edge33ALogOverItsLimitStillEndsWell) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    f.runner.output_limit = 640;
    f.plays["step_script"].out = std::string(2000, 'x') + "\nthe end\n";
    const JobBuilder plain;
    const auto end = co_await f.end_of(plain);
    EXPECT_EQ(end.state, "success");
    EXPECT_THAT(f.record().trace, HasSubstr("exceeded limit of 640 bytes"));
    EXPECT_THAT(f.record().trace, EndsWith("Job succeeded\x1b[0;m\n"));
  };
  run<JobProtocol>(test);
}

TEST_F(JobProtocol, Edge39SectionsAreThereExactlyWhenWanted) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    for (const bool wanted : {false, true}) {
      f.plays["step_script"].exit_code = wanted ? 1 : 0;
      JobBuilder builder;
      builder.trace_sections(wanted);
      co_await f.run_job(builder);
      const auto& trace = f.record().trace;
      const auto times = [&](const std::string& part) {
        std::size_t found = 0;
        for (auto at = trace.find(part); at != std::string::npos; at = trace.find(part, at + 1))
          ++found;
        return found;
      };
      EXPECT_EQ(times("section_start:"), times("section_end:"));
      EXPECT_EQ(times("section_start:") > 0, wanted);
      EXPECT_EQ(times(":step_script\r"), wanted ? 2u : 0u) << trace;
    }
  };
  run<JobProtocol>(test);
}

TEST_F(JobProtocol, Edge40DebugTracesAreMarkedWhereTheyAreAllowed) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    struct Row {
      const char* variable;
      bool disabled;
      bool marked;
    };
    for (const auto& row :
         {Row{"CI_DEBUG_TRACE", false, true}, Row{"CI_DEBUG_SERVICES", false, true},
          Row{"CI_DEBUG_TRACE", true, false}, Row{"OTHER", false, false}}) {
      f.runner.debug_trace_disabled = row.disabled;
      JobBuilder builder;
      builder.variable(row.variable, "true");
      co_await f.run_job(builder);
      EXPECT_FALSE(f.record().patches.empty());
      for (const auto& patch : f.record().patches) EXPECT_EQ(patch.debug_trace, row.marked);
    }
  };
  run<JobProtocol>(test);
}

TEST_F(JobProtocol, Edge41ExitCodesAndSuccess) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    f.plays["step_script"].exit_code = 7;
    const JobBuilder plain;
    auto end = co_await f.end_of(plain);
    EXPECT_EQ(end.state, "failed");
    EXPECT_EQ(end.failure_reason, "script_failure");
    EXPECT_EQ(end.exit_code, 7);
    EXPECT_THAT(f.record().trace, HasSubstr("ERROR: Job failed: exit code 7\x1b[0;m\n"));
    f.plays["step_script"].exit_code = 0;
    end = co_await f.end_of(plain);
    const auto body = nlohmann::json::parse(end.body);
    EXPECT_EQ(end.state, "success");
    EXPECT_FALSE(body.contains("failure_reason"));
    EXPECT_FALSE(body.contains("exit_code"));
    EXPECT_THAT(f.record().trace, EndsWith("Job succeeded\x1b[0;m\n"));
  };
  run<JobProtocol>(test);
}

TEST_F(JobProtocol, Edge42ReasonsByWhatTheServerKnows) {
  using job::FailureReason;
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    struct Row {
      FailureReason reason;
      const char* known;
      const char* unknown;
    };
    const Row rows[] = {
        {FailureReason::runner_external_dependency_failure, "runner_external_dependency_failure",
         "runner_system_failure"},
        {FailureReason::image_pull_failure, "image_pull_failure", "runner_system_failure"},
        {FailureReason::runner_configuration_error, "runner_configuration_error", "script_failure"},
    };
    for (const auto& row : rows) {
      f.prepare_failure = std::make_exception_ptr(job::Failure{row.reason, "because"});
      for (const bool listed : {true, false}) {
        JobBuilder builder;
        builder.failure_reasons(listed ? std::vector<std::string>{row.known}
                                       : std::vector<std::string>{});
        const auto end = co_await f.end_of(builder);
        EXPECT_EQ(end.failure_reason, listed ? row.known : row.unknown);
      }
    }
  };
  run<JobProtocol>(test);
}

TEST_F(JobProtocol, Fault16OddPayloadsRunAsTheyAre) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    const std::string line(1u << 20, 's');
    JobBuilder builder;
    builder.script({"echo " + line}).variable("ODD", "@@").field("new_feature", {{"a", {1, 2}}});
    for (int i = 0; i < 10'000; ++i) builder.variable("V" + std::to_string(i), "$ODD");
    f.plays["step_script"].out = "odd \xff bytes\n";
    f.gitlab.set_payload_filter([](std::string text) {
      const auto at = text.find("@@");
      return text.replace(at, 2, "\xff\xfe");  // no UTF-8
    });
    const auto begin = std::chrono::steady_clock::now();
    const auto end = co_await f.end_of(builder);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
    EXPECT_EQ(end.state, "success");
    EXPECT_THAT(f.scripts, Contains(HasSubstr(line)));
    EXPECT_THAT(f.record().trace, HasSubstr("odd \xEF\xBF\xBD bytes\n"));
    EXPECT_EQ(f.record().wrong_checksums, 0);
  };
  run<JobProtocol>(test);
}

/// Runs a job whose script goes on until it is stopped; `meanwhile(f)` comes when it has begun.
template <class Meanwhile>
asio::awaitable<void> while_it_runs(JobProtocol& f, JobBuilder builder, Meanwhile meanwhile) {
  f.plays["step_script"].until_stopped = true;
  co_await f.take(builder);
  const auto act = [](JobProtocol& of, Meanwhile what) -> asio::awaitable<void> {
    co_await of.stage_begun("step_script");
    co_await what(of);
  };
  auto running = f.job_run().run();
  auto acting = act(f, meanwhile);
  co_await util::both(std::move(running), std::move(acting));
}

asio::awaitable<void> cancel_gracefully(JobProtocol& f) {
  f.gitlab.cancel(f.job, /*graceful=*/true);
  co_return;
}

TEST_F(JobProtocol, Fault11Edge43CancelingLetsAfterScriptSpeak) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    f.plays["after_script"].out = "good bye\n";
    JobBuilder builder;
    builder.after_script({"echo good bye"}).failure_reasons({"job_canceled"});
    co_await while_it_runs(f, builder, cancel_gracefully);
    EXPECT_THAT(f.stages, Contains("after_script"));
    const auto script = f.scripts.at(
        static_cast<std::size_t>(std::ranges::find(f.stages, "after_script") - f.stages.begin()));
    EXPECT_THAT(script, HasSubstr("canceled"));
    const auto ends = f.final_updates();
    EXPECT_EQ(ends.size(), 1u);
    EXPECT_EQ(ends.at(0).state, "failed");
    EXPECT_EQ(ends.at(0).failure_reason, "job_canceled");
    EXPECT_THAT(f.record().trace, HasSubstr("good bye\n"));
    EXPECT_THAT(f.record().trace, HasSubstr("ERROR: Job failed: canceled"));
    EXPECT_EQ(f.record().wrong_checksums, 0);
  };
  run<JobProtocol>(test);
}

asio::awaitable<void> cancel_twice(JobProtocol& f) {
  f.plays["after_script"].until_stopped = true;
  f.gitlab.cancel(f.job, /*graceful=*/true);
  co_await f.stage_begun("after_script");
  f.gitlab.cancel(f.job, /*graceful=*/false);
}

TEST_F(JobProtocol, Edge43CanceledDuringAfterScriptStopsAtOnce) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    JobBuilder builder;
    builder.after_script({"sleep 1000"});
    const auto begin = std::chrono::steady_clock::now();
    co_await while_it_runs(f, builder, cancel_twice);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    EXPECT_EQ(f.stages.back(), "after_script");
    EXPECT_TRUE(f.cleaned);
  };
  run<JobProtocol>(test);
}

asio::awaitable<void> cancel_at_once(JobProtocol& f) {
  f.gitlab.cancel(f.job, /*graceful=*/false);
  co_return;
}

TEST_F(JobProtocol, Fault12Edge44CanceledEndsTheJobWithFewCalls) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    JobBuilder builder;
    builder.after_script({"echo no"});
    co_await while_it_runs(f, builder, cancel_at_once);
    EXPECT_THAT(f.stages, Not(Contains("after_script")));
    EXPECT_TRUE(f.cleaned) << "the worker is free";
    std::size_t refused = 0;
    for (const auto& patch : f.record().patches) refused += patch.status == 403 ? 1 : 0;
    EXPECT_LE(refused, 2u) << "the one that told, and one more";
    EXPECT_LE(f.count(Endpoint::finish_job), 1u);
  };
  run<JobProtocol>(test);
}

asio::awaitable<void> forbid(JobProtocol& f) {
  f.gitlab.faults().fail_next(Endpoint::patch_trace, 403, 2);
  f.gitlab.faults().fail_next(Endpoint::finish_job, 403);
  co_return;
}

TEST_F(JobProtocol, Fault12A403DuringTheScriptEndsTheJob) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    JobBuilder builder;
    builder.after_script({"echo no"});
    co_await while_it_runs(f, builder, forbid);
    EXPECT_THAT(f.stages, Not(Contains("after_script")));
    EXPECT_EQ(f.count(Endpoint::finish_job), 1u);
    EXPECT_TRUE(f.cleaned);
  };
  run<JobProtocol>(test);
}

asio::awaitable<void> interrupt(JobProtocol& f) {
  f.job_run().stop(StopReason::interrupted, "aborted: terminated");
  co_return;
}

TEST_F(JobProtocol, Edge42Edge46AnInterruptedJobIsReported) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    for (const bool listed : {true, false}) {
      f.stages.clear();
      JobBuilder builder;
      if (!listed) builder.failure_reasons({});
      co_await while_it_runs(f, builder, interrupt);
      const auto ends = f.final_updates();
      EXPECT_EQ(ends.size(), 1u);
      EXPECT_EQ(ends.at(0).failure_reason, listed ? "runner_interrupted" : "unknown_failure");
      EXPECT_THAT(f.record().trace, HasSubstr("ERROR: Job failed: aborted: terminated"));
    }
  };
  run<JobProtocol>(test);
}

/// Everything at once: the first reason counts, and there is one end.
asio::awaitable<void> race(JobProtocol& f) {
  f.gitlab.cancel(f.job, /*graceful=*/true);
  f.job_run().stop(StopReason::timed_out, "execution took longer than 1s seconds");
  f.job_run().stop(StopReason::interrupted, "aborted: terminated");
  co_await util::sleep_for(20ms);
  f.job_run().stop(StopReason::canceled, "canceled");
}

TEST_F(JobProtocol, Edge45OneFinalPutWhateverRaces) {
  const auto test = [](JobProtocol& f) -> asio::awaitable<void> {
    const JobBuilder plain;
    co_await while_it_runs(f, plain, race);
    const auto& record = f.record();
    const auto ends = f.final_updates();
    EXPECT_EQ(ends.size(), 1u);
    EXPECT_EQ(ends.at(0).failure_reason, "job_execution_timeout");
    EXPECT_EQ(ends.at(0).bytesize, record.trace.size());
    EXPECT_EQ(record.updates.back().state, "failed");
    EXPECT_LE(record.patches.back().at, record.updates.back().at) << "the log precedes it";
    EXPECT_EQ(record.wrong_checksums, 0);
  };
  run<JobProtocol>(test);
}

}  // namespace
}  // namespace slipway::runner
