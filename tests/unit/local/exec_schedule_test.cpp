#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "ci_support.hpp"
#include "local/exec/schedule.hpp"

namespace slipway::local::exec {
namespace {

using namespace std::chrono_literals;
using ci::When;
using testing::ElementsAre;
using testing::IsEmpty;
using Ids = std::vector<std::size_t>;

const Schedule::Clock::time_point start{};
const JobEnd good{true, false, {}, std::nullopt};
const JobEnd bad{false, false, "script_failure", 1};

ScheduledJob job(std::string name, std::size_t stage, When when = When::on_success) {
  ScheduledJob result;
  result.name = std::move(name);
  result.stage = stage;
  result.when = when;
  return result;
}

ScheduledJob needing(std::string name, Ids needs, When when = When::on_success) {
  auto result = job(std::move(name), 0, when);
  result.needs = std::move(needs);
  return result;
}

/// Runs everything to its end; a job fails if its name begins with `bad`. Returns the order.
std::vector<std::string> run(Schedule& schedule) {
  std::vector<std::string> order;
  auto now = start;
  while (!schedule.idle()) {
    const auto ready = schedule.advance(now);
    if (ready.empty()) {
      const auto due = schedule.next_wakeup();
      if (!due) break;
      now = *due;
      continue;
    }
    for (const auto at : ready) {
      schedule.started(at);
      order.push_back(schedule.job(at).name);
      schedule.ended(at, schedule.job(at).name.starts_with("bad") ? bad : good);
    }
  }
  return order;
}

TEST(ExecSchedule, StagesOneAfterTheOther) {
  Schedule schedule{{job("a", 0), job("b", 0), job("c", 1)}};
  EXPECT_THAT(schedule.advance(start), ElementsAre(0, 1));
  EXPECT_THAT(schedule.advance(start), IsEmpty());
  schedule.started(0);
  EXPECT_EQ(schedule.status_of(0), Status::running);
  schedule.ended(0, good);
  EXPECT_THAT(schedule.advance(start), IsEmpty());
  schedule.ended(1, good);
  EXPECT_THAT(schedule.advance(start), ElementsAre(2));
  EXPECT_FALSE(schedule.idle());
  schedule.ended(2, good);
  EXPECT_THAT(schedule.advance(start), IsEmpty());
  EXPECT_TRUE(schedule.idle());
  EXPECT_EQ(schedule.status(), Status::success);
}

TEST(ExecSchedule, FailureSkipsWhatFollows) {
  Schedule schedule{{job("bad", 0), job("next", 1), job("clean", 2, When::always),
                     job("repair", 1, When::on_failure)}};
  EXPECT_THAT(run(schedule), ElementsAre("bad", "repair", "clean"));
  EXPECT_EQ(schedule.status_of(1), Status::skipped);
  EXPECT_EQ(schedule.status(), Status::failed);
}

TEST(ExecSchedule, OnFailureIsSkippedWhenAllIsWell) {
  Schedule schedule{{job("a", 0), job("repair", 1, When::on_failure), job("c", 2)}};
  EXPECT_THAT(run(schedule), ElementsAre("a", "c"));
  EXPECT_EQ(schedule.status(), Status::success);
}

TEST(ExecSchedule, AllowedFailureGoesOn) {
  auto first = job("bad", 0);
  first.allow_failure.always = true;
  Schedule schedule{{first, job("next", 1)}};
  EXPECT_THAT(run(schedule), ElementsAre("bad", "next"));
  EXPECT_TRUE(schedule.failure_allowed(0));
  EXPECT_EQ(schedule.status(), Status::success);
}

TEST(ExecSchedule, AllowedExitCodesAlone) {
  for (const int code : {1, 2}) {
    auto first = job("first", 0);
    first.allow_failure.exit_codes = {2, 3};
    Schedule schedule{{first}};
    schedule.advance(start);
    schedule.ended(0, {false, false, "script_failure", code});
    EXPECT_EQ(schedule.failure_allowed(0), code == 2);
    EXPECT_EQ(schedule.status(), code == 2 ? Status::success : Status::failed);
  }
}

TEST(ExecSchedule, NeedsDoNotWaitForStages) {
  auto late = needing("late", {0});
  late.stage = 2;
  auto at_once = needing("at once", {});
  at_once.stage = 5;
  Schedule schedule{{job("a", 0), job("slow", 1), late, at_once}};
  EXPECT_THAT(schedule.advance(start), ElementsAre(0, 3));
  schedule.ended(0, good);
  EXPECT_THAT(schedule.advance(start), ElementsAre(1, 2));
}

TEST(ExecSchedule, SkippedNeedIsNoSuccess) {
  Schedule schedule{{job("a", 0), needing("never", {0}, When::on_failure), needing("after", {1}),
                     needing("anyway", {1}, When::always)}};
  EXPECT_THAT(run(schedule), ElementsAre("a", "anyway"));
  EXPECT_EQ(schedule.status_of(2), Status::skipped);
}

TEST(ExecSchedule, FailedNeedRunsOnFailure) {
  Schedule schedule{{job("bad", 0), needing("repair", {0}, When::on_failure), needing("x", {0})}};
  EXPECT_THAT(run(schedule), ElementsAre("bad", "repair"));
}

TEST(ExecSchedule, OptionalManualJobHoldsNothingUp) {
  auto deploy = job("deploy", 0, When::manual);
  deploy.allow_failure.always = true;
  Schedule schedule{{job("a", 0), deploy, job("c", 1)}};
  EXPECT_THAT(run(schedule), ElementsAre("a", "c"));
  EXPECT_EQ(schedule.status_of(1), Status::manual);
  EXPECT_EQ(schedule.status(), Status::success);
}

TEST(ExecSchedule, BlockingManualJobHoldsUp) {
  Schedule schedule{{job("a", 0), job("gate", 1, When::manual), job("c", 2)}};
  EXPECT_THAT(run(schedule), ElementsAre("a"));
  EXPECT_TRUE(schedule.idle());
  EXPECT_EQ(schedule.status_of(2), Status::created);
  EXPECT_EQ(schedule.status(), Status::manual);
}

TEST(ExecSchedule, ManualJobsThatAreAskedFor) {
  Schedule schedule{{job("a", 0), job("gate", 1, When::manual), job("c", 2)}};
  schedule.set({{1}, false, false, {}});
  EXPECT_THAT(run(schedule), ElementsAre("a", "gate", "c"));
  Schedule all{{job("gate", 1, When::manual)}};
  all.set({{}, true, false, {}});
  EXPECT_THAT(run(all), ElementsAre("gate"));
}

TEST(ExecSchedule, ForcedJobsRunWhateverTheirWhen) {
  Schedule schedule{{job("repair", 0, When::on_failure), job("gate", 1, When::manual)}};
  schedule.set({{}, false, false, {0, 1}});
  EXPECT_THAT(run(schedule), ElementsAre("repair", "gate"));
}

TEST(ExecSchedule, DelayedJobWaitsForItsTime) {
  auto late = job("late", 1, When::delayed);
  late.delay = 90s;
  Schedule schedule{{job("a", 0), late}};
  schedule.advance(start);
  EXPECT_FALSE(schedule.next_wakeup());
  schedule.ended(0, good);
  EXPECT_THAT(schedule.advance(start + 5s), IsEmpty());
  EXPECT_EQ(schedule.status_of(1), Status::scheduled);
  EXPECT_EQ(schedule.next_wakeup(), start + 95s);
  EXPECT_FALSE(schedule.idle());
  EXPECT_THAT(schedule.advance(start + 94s), IsEmpty());
  EXPECT_THAT(schedule.advance(start + 95s), ElementsAre(1));
}

TEST(ExecSchedule, NoDelay) {
  auto late = job("late", 0, When::delayed);
  late.delay = 90s;
  Schedule schedule{{late}};
  schedule.set({{}, false, true, {}});
  EXPECT_THAT(schedule.advance(start), ElementsAre(0));
}

TEST(ExecSchedule, RetriesAsOftenAsItMay) {
  auto first = job("bad", 0);
  first.retries = 2;
  Schedule schedule{{first, job("next", 1)}};
  EXPECT_THAT(run(schedule), ElementsAre("bad", "bad", "bad"));
  EXPECT_EQ(schedule.attempts(0), 3);
  EXPECT_EQ(schedule.status(), Status::failed);
}

TEST(ExecSchedule, WhatFollowsWaitsForTheRetry) {
  auto first = job("first", 0);
  first.retries = 1;
  auto other = needing("other", {0});
  other.stage = 1;
  Schedule schedule{{first, job("next", 1), other}};
  schedule.advance(start);
  EXPECT_TRUE(schedule.ended(0, bad));
  EXPECT_THAT(schedule.advance(start), ElementsAre(0));
  EXPECT_FALSE(schedule.ended(0, good));
  EXPECT_THAT(schedule.advance(start), ElementsAre(1, 2));
}

TEST(ExecSchedule, RetriesForItsReasonsAlone) {
  struct Case {
    std::vector<std::string> when;
    std::vector<int> codes;
    JobEnd end;
    bool again;
  };
  const JobEnd timeout{false, false, "job_execution_timeout", std::nullopt};
  const JobEnd system{false, false, "runner_system_failure", std::nullopt};
  const JobEnd canceled{false, true, "", std::nullopt};
  for (const auto& one : std::vector<Case>{{{}, {}, bad, true},
                                           {{"always"}, {}, system, true},
                                           {{"script_failure"}, {}, bad, true},
                                           {{"script_failure"}, {}, system, false},
                                           {{"stuck_or_timeout_failure"}, {}, timeout, true},
                                           {{"job_execution_timeout"}, {}, timeout, true},
                                           {{}, {1, 3}, bad, true},
                                           {{}, {2}, bad, false},
                                           {{"api_failure"}, {1}, bad, true},
                                           {{}, {}, good, false},
                                           {{}, {}, canceled, false}}) {
    auto first = job("first", 0);
    first.retries = 1;
    first.retry_when = one.when;
    first.retry_exit_codes = one.codes;
    Schedule schedule{{first}};
    schedule.advance(start);
    EXPECT_EQ(schedule.ended(0, one.end), one.again) << one.end.failure_reason;
  }
}

TEST(ExecSchedule, ResourceGroupOneAtATime) {
  auto a = job("a", 0);
  auto b = job("b", 0);
  a.resource_group = b.resource_group = "production";
  auto other = job("c", 0);
  other.resource_group = "staging";
  Schedule schedule{{a, b, other}};
  EXPECT_THAT(schedule.advance(start), ElementsAre(0, 2));
  EXPECT_EQ(schedule.status_of(1), Status::waiting_for_resource);
  schedule.started(0);
  EXPECT_THAT(schedule.advance(start), IsEmpty());
  schedule.ended(0, bad);
  EXPECT_THAT(schedule.advance(start), ElementsAre(1));
}

TEST(ExecSchedule, CancelStartsNothingMore) {
  auto first = job("a", 0);
  first.retries = 2;
  Schedule schedule{{first, job("b", 1), job("c", 2, When::always)}};
  schedule.advance(start);
  schedule.started(0);
  schedule.cancel();
  EXPECT_FALSE(schedule.idle());
  EXPECT_FALSE(schedule.ended(0, {false, true, "", std::nullopt}));
  EXPECT_THAT(schedule.advance(start), IsEmpty());
  EXPECT_TRUE(schedule.idle());
  EXPECT_EQ(schedule.status_of(2), Status::canceled);
  EXPECT_EQ(schedule.status(), Status::canceled);
}

TEST(ExecSchedule, NothingToDo) {
  Schedule schedule{{}};
  EXPECT_THAT(schedule.advance(start), IsEmpty());
  EXPECT_TRUE(schedule.idle());
  EXPECT_EQ(schedule.status(), Status::skipped);
}

/// Whatever the pipeline is, it comes to an end, and no job begins before those it waits for.
TEST(ExecSchedule, AlwaysEnds) {
  std::mt19937 random{20260101};
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  const std::vector<When> whens{When::on_success, When::on_failure, When::always, When::manual,
                                When::delayed};
  for (int round = 0; round < 2'000; ++round) {
    std::vector<ScheduledJob> jobs;
    const auto count = 1 + below(8);
    for (std::size_t at = 0; at < count; ++at) {
      auto one = job((below(3) == 0 ? "bad" : "good") + std::to_string(at), below(3),
                     whens[below(whens.size())]);
      one.delay = std::chrono::seconds{below(3)};
      one.allow_failure.always = below(3) == 0;
      one.retries = static_cast<int>(below(3));
      if (below(3) == 0) one.resource_group = "group";
      if (below(2) == 0) {
        one.needs.emplace();
        for (std::size_t other = 0; other < at; ++other)
          if (below(3) == 0) one.needs->push_back(other);
      }
      jobs.push_back(one);
    }
    Schedule schedule{jobs};
    if (below(2) == 0) schedule.set({{}, true, below(2) == 0, {}});
    auto now = start;
    for (int step = 0; step < 1'000 && !schedule.idle(); ++step) {
      for (const auto at : schedule.advance(now)) {
        for (const auto other : jobs[at].needs.value_or(Ids{}))
          EXPECT_TRUE(is_over(schedule.status_of(other)) ||
                      schedule.status_of(other) == Status::manual);
        schedule.started(at);
        schedule.ended(at, jobs[at].name.starts_with("bad") ? bad : good);
      }
      if (const auto due = schedule.next_wakeup()) now = std::max(now, *due);
    }
    ASSERT_TRUE(schedule.idle()) << "round " << round;
  }
}

TEST(ExecSelection, WholePipelineAndParts) {
  const auto pipeline = ci::compile_text(R"(
stages: [build, test, deploy]
build: {stage: build, script: make}
lint: {stage: build, script: lint}
unit: {stage: test, script: test, needs: [build], parallel: 2}
all: {stage: test, script: test}
ship: {stage: deploy, script: ship}
)");
  const auto chosen = [&](Selection selection) {
    std::vector<std::string> names;
    for (const auto at : select_jobs(pipeline, selection)) names.push_back(pipeline.jobs[at].name);
    return names;
  };
  EXPECT_EQ(chosen({}).size(), 6u);
  EXPECT_THAT(chosen({{"unit"}, false, ""}), ElementsAre("unit 1/2", "unit 2/2"));
  EXPECT_THAT(chosen({{"unit 2/2"}, false, ""}), ElementsAre("unit 2/2"));
  EXPECT_THAT(chosen({{"unit 2/2"}, true, ""}), ElementsAre("build", "unit 2/2"));
  EXPECT_THAT(chosen({{"all"}, true, ""}), ElementsAre("build", "lint", "all"));
  EXPECT_THAT(chosen({{}, false, "test"}), ElementsAre("unit 1/2", "unit 2/2", "all", "ship"));
}

TEST(ExecSelection, SaysWhatIsNotThere) {
  const auto pipeline = ci::compile_text(R"(
a: {script: x}
b: {script: x, rules: [{if: '$NOT_SET'}]}
)");
  const auto error = [&](Selection selection) -> std::string {
    try {
      select_jobs(pipeline, selection);
    } catch (const std::invalid_argument& problem) {
      return problem.what();
    }
    return {};
  };
  EXPECT_THAT(error({{"c"}, false, ""}), testing::HasSubstr("no job 'c'"));
  EXPECT_THAT(error({{"b"}, false, ""}), testing::HasSubstr("not in this pipeline"));
  EXPECT_THAT(error({{}, false, "nowhere"}), testing::HasSubstr("'nowhere'"));
}

TEST(ExecSelection, ScheduleHasWhatThePipelineSays) {
  const auto pipeline = ci::compile_text(R"(
stages: [one, two]
a:
  stage: one
  script: x
  retry: {max: 2, when: [script_failure], exit_codes: [3]}
  resource_group: group
b: {stage: two, script: x, needs: [a], when: delayed, start_in: 2 minutes}
)");
  const auto jobs = scheduled_jobs(pipeline);
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0].retries, 2);
  EXPECT_THAT(jobs[0].retry_when, ElementsAre("script_failure"));
  EXPECT_THAT(jobs[0].retry_exit_codes, ElementsAre(3));
  EXPECT_EQ(jobs[0].resource_group, "group");
  EXPECT_EQ(jobs[1].stage, 1u);
  EXPECT_THAT(*jobs[1].needs, ElementsAre(0));
  EXPECT_EQ(jobs[1].delay, 120s);
  // Alone, it waits for nothing that does not run.
  const Ids only{1};
  EXPECT_THAT(*scheduled_jobs(pipeline, &only).at(0).needs, IsEmpty());
}

}  // namespace
}  // namespace slipway::local::exec
