#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "local/exec/line_view.hpp"
#include "local/exec/live_view.hpp"
#include "local/exec/results.hpp"
#include "local/exec/run.hpp"

namespace slipway::local::exec {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

PipelineResult sample() {
  PipelineResult result;
  result.id = 7;
  result.sha = "abc";
  result.status = Status::failed;
  result.duration = 65s;
  JobResult job;
  job.name = "build";
  job.stage = "build";
  job.status = Status::success;
  job.attempts = 1;
  job.duration = 3'240ms;
  job.coverage = "81.5";
  result.jobs.push_back(job);
  job = {};
  job.name = "test <&\"";
  job.stage = "test";
  job.status = Status::failed;
  job.attempts = 2;
  job.duration = 1s;
  job.failure_reason = "script_failure";
  job.exit_code = 3;
  result.jobs.push_back(job);
  job.failure_allowed = true;
  job.name = "lint";
  result.jobs.push_back(job);
  job = {};
  job.name = "deploy";
  job.stage = "deploy";
  job.pipeline = "child";
  job.status = Status::skipped;
  result.jobs.push_back(job);
  return result;
}

TEST(ExecResults, Summary) {
  const auto text = summary_text(sample(), false);
  EXPECT_THAT(text, HasSubstr("STAGE   JOB             STATUS            TIME\n"));
  EXPECT_THAT(text, HasSubstr("build   build           success           3.2 s       coverage 81.5 "
                              "%\n"));
  EXPECT_THAT(text, HasSubstr("failed            1.0 s       script_failure, exit code 3, 2 "
                              "attempts\n"));
  EXPECT_THAT(text, HasSubstr("failed (allowed)"));
  EXPECT_THAT(text, HasSubstr("deploy  child > deploy  skipped\n"));
  EXPECT_THAT(text, HasSubstr("pipeline 7: failed in 1 min 05 s\n"));
  EXPECT_THAT(summary_text(sample(), true), HasSubstr("\x1b[31mfailed"));
}

TEST(ExecResults, Json) {
  const auto json = result_json(sample());
  EXPECT_EQ(json["status"], "failed");
  EXPECT_EQ(json["jobs"].size(), 4u);
  EXPECT_EQ(json["jobs"][1]["exit_code"], 3);
  EXPECT_EQ(json["jobs"][1]["failure_reason"], "script_failure");
  EXPECT_TRUE(json["jobs"][0]["failure_reason"].is_null());
  EXPECT_EQ(json["jobs"][3]["trigger"], "child");
}

TEST(ExecResults, Junit) {
  const auto text = result_junit(sample());
  EXPECT_THAT(text,
              HasSubstr("<testsuite name=\"test\" tests=\"2\" failures=\"1\" skipped=\"1\">"));
  EXPECT_THAT(text, HasSubstr("name=\"test &lt;&amp;&quot;\""));
  EXPECT_THAT(text,
              HasSubstr("<failure message=\"failed: script_failure, exit code 3, 2 attempts"));
  EXPECT_THAT(text, HasSubstr("<testcase classname=\"build\" name=\"build\" time=\"3.240\"/>"));
}

TEST(ExecResults, ExitCodes) {
  EXPECT_EQ(exit_code_of(Status::success), 0);
  EXPECT_EQ(exit_code_of(Status::manual), 0);
  EXPECT_EQ(exit_code_of(Status::skipped), 0);
  EXPECT_EQ(exit_code_of(Status::failed), 1);
  EXPECT_EQ(exit_code_of(Status::canceled), 130);
}

TEST(ExecResults, Durations) {
  EXPECT_EQ(duration_text(0ms), "0.0 s");
  EXPECT_EQ(duration_text(59'940ms), "59.9 s");
  EXPECT_EQ(duration_text(61s), "1 min 01 s");
  EXPECT_EQ(duration_text(3'720s), "1 h 02 min");
}

TEST(ExecCoverage, LastMatchCounts) {
  const std::string log = "lines: 10.5%\nother\nlines: 81%\n";
  EXPECT_EQ(find_coverage(log, R"(/lines: (\d+\.?\d*)%/)"), "81");
  EXPECT_EQ(find_coverage(log, R"(/lines: \d+\.\d+/)"), "10.5");
  EXPECT_EQ(find_coverage(log, "/nothing/"), "");
  EXPECT_EQ(find_coverage(log, "/(/"), "");
  EXPECT_EQ(find_coverage("", "/x*/"), "");
}

/// What the views were told and what they wrote.
template <class View>
void play(View& view) {
  JobResult one;
  one.name = "one";
  JobResult two;
  two.name = "second job";
  view.job_added(0, one);
  view.job_added(1, two);
  one.status = Status::pending;
  view.job_changed(0, one);
  one.status = Status::running;
  one.attempts = 1;
  view.job_changed(0, one);
  view.job_log(0, "section_start:1:prepare\r\x1b[0Khel");
  view.job_log(0, "lo\nun\x1b[2Jfinished");
  two.status = Status::running;
  view.job_changed(1, two);
  view.job_log(1, "bad thing\n");
}

TEST(ExecLineView, PrefixesWholeLines) {
  std::string out;
  LineView view{false, [&](std::string_view text) { out += text; }};
  play(view);
  EXPECT_THAT(out, HasSubstr("one        | => running\n"));
  EXPECT_THAT(out, HasSubstr("one        | hello\n"));
  EXPECT_THAT(out, Not(HasSubstr("finished")));
  JobResult one;
  one.name = "one";
  one.status = Status::success;
  one.duration = 2s;
  view.job_changed(0, one);
  EXPECT_THAT(out, HasSubstr("one        | unfinished\none        | => succeeded in 2.0 s\n"));
  view.note("a note");
  EXPECT_THAT(out, HasSubstr("=> a note\n"));
}

TEST(ExecLiveView, FoldsWhatWentWell) {
  std::string out;
  LiveView view{[&](std::string_view text) { out += text; }, [] { return std::size_t{40}; }};
  play(view);
  const auto now = LiveView::Clock::now();
  view.draw(now);
  EXPECT_THAT(out, HasSubstr("one"));
  EXPECT_THAT(out, HasSubstr("second job"));
  out.clear();
  view.draw(now + 1s);
  EXPECT_THAT(out, testing::StartsWith("\x1b[2A\r\x1b[J"));
  out.clear();
  JobResult one;
  one.name = "one";
  one.status = Status::success;
  view.job_changed(0, one);
  EXPECT_THAT(out, HasSubstr("✓\x1b[0m one succeeded"));
  EXPECT_THAT(out, Not(HasSubstr("hello")));
  out.clear();
  JobResult two;
  two.name = "second job";
  two.status = Status::failed;
  two.failure_reason = "script_failure";
  two.log = "/state/job.log";
  view.job_changed(1, two);
  EXPECT_THAT(out, HasSubstr("  bad thing"));
  EXPECT_THAT(out, HasSubstr("whole log: /state/job.log"));
  out.clear();
  view.draw(now + 2s);
  EXPECT_EQ(out, "");
}

TEST(ExecLiveView, ManyJobsFitOnTheScreen) {
  std::string out;
  LiveView view{[&](std::string_view text) { out += text; }, [] { return std::size_t{80}; }};
  for (std::size_t job = 0; job < 50; ++job) {
    JobResult known;
    known.name = "job " + std::to_string(job);
    view.job_added(job, known);
    known.status = Status::running;
    view.job_changed(job, known);
  }
  view.draw(LiveView::Clock::now());
  EXPECT_THAT(out, HasSubstr("and 35 more"));
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 16);
}

TEST(ExecLiveView, CutsToTheTerminal) {
  EXPECT_EQ(cut_to_width("abcdef", 3), "abc");
  EXPECT_EQ(cut_to_width("äöüß", 3), "äöü");
  EXPECT_EQ(cut_to_width("\x1b[31mabc\x1b[0m", 2), "\x1b[31mab\x1b[0m");
  EXPECT_EQ(cut_to_width("a\x1b[5Ab\tc", 9), "abc");
  EXPECT_EQ(cut_to_width("a\x1b[", 9), "a");
}

}  // namespace
}  // namespace slipway::local::exec
