#include "runner/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <cmath>
#include <limits>
#include <regex>
#include <sstream>

#include "runner/log_counts.hpp"
#include "runner/process_stats.hpp"

namespace slipway::runner {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Type = Exposition::Type;

const RunnerLabels first{"abcdef123", "the first", "s_0123"};
const RunnerLabels second{"ghijkl456", "second", "s_0123"};

/// Every line is a comment or a sample, and every sample belongs to the family before it.
void expect_well_formed(const std::string& text) {
  static const std::regex sample{
      R"(([a-z_]+)(\{[a-z_]+="([^"\\]|\\.)*"(,[a-z_]+="([^"\\]|\\.)*")*\})? ([-+0-9.e]+|\+Inf|NaN))"};
  std::istringstream lines{text};
  std::string line;
  std::string family;
  while (std::getline(lines, line)) {
    if (line.starts_with("# TYPE ")) family = line.substr(7, line.find(' ', 7) - 7);
    if (line.starts_with("#")) continue;
    std::smatch match;
    ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
    EXPECT_TRUE(match[1].str().starts_with(family)) << line << " in " << family;
  }
  EXPECT_TRUE(text.ends_with('\n'));
}

MetricsMoment moment() {
  MetricsMoment moment;
  moment.version = "1.2.3";
  moment.revision = "abc";
  moment.process_state = "running";
  moment.concurrent = 4;
  moment.runners = {{first, 2}, {second, 0}};
  return moment;
}

TEST(Exposition, WritesWhatPrometheusReads) {
  Exposition out;
  out.family("a_total", Type::counter, "Help.");
  out.sample(3);
  out.sample({{"k", "v"}, {"l", ""}}, 0.25);
  EXPECT_EQ(std::move(out).text(),
            "# HELP a_total Help.\n# TYPE a_total counter\na_total 3\na_total{k=\"v\",l=\"\"} "
            "0.25\n");
}

TEST(Exposition, EscapesAndCutsLabelValues) {
  const std::pair<std::string, std::string> cases[] = {
      {R"(a "name")", R"(a \"name\")"},
      {R"(back\slash)", R"(back\\slash)"},
      {"two\nlines", R"(two\nlines)"},
      {"\xc3\xa9", "\xc3\xa9"},
      {std::string(1000, 'x'), std::string(256, 'x')},
  };
  for (const auto& [value, want] : cases) {
    Exposition out;
    out.family("m", Type::gauge, "h");
    out.sample({{"k", value}}, 1);
    EXPECT_THAT(std::move(out).text(), HasSubstr("m{k=\"" + want + "\"} 1\n"));
  }
}

TEST(Exposition, WritesNumbersExactly) {
  const std::pair<double, std::string> cases[] = {
      {0, "0"},
      {-1, "-1"},
      {0.1, "0.1"},
      {123456789012345, "123456789012345"},
      {1e300, "1e+300"},
      {std::numeric_limits<double>::infinity(), "+Inf"},
      {std::nan(""), "NaN"},
  };
  for (const auto& [value, want] : cases) {
    Exposition out;
    out.family("m", Type::gauge, "h");
    out.sample(value);
    EXPECT_THAT(std::move(out).text(), HasSubstr("\nm " + want + "\n"));
  }
}

TEST(Histogram, CountsUpToItsBounds) {
  Histogram histogram{{1, 10}};
  for (const double value : {0.5, 1.0, 1.5, 10.0, 11.0}) histogram.observe(value);
  EXPECT_EQ(histogram.at_or_below(0), 2u);
  EXPECT_EQ(histogram.at_or_below(1), 4u);
  EXPECT_EQ(histogram.count(), 5u);
  Exposition out;
  out.family("h", Type::histogram, "x");
  out.sample({{"k", "v"}}, histogram);
  EXPECT_THAT(
      std::move(out).text(),
      HasSubstr("h_bucket{k=\"v\",le=\"1\"} 2\nh_bucket{k=\"v\",le=\"10\"} 4\n"
                "h_bucket{k=\"v\",le=\"+Inf\"} 5\nh_sum{k=\"v\"} 24\nh_count{k=\"v\"} 5\n"));
}

TEST(Metrics, NamesOfStepsDoNotBecomeLabels) {
  auto now = moment();
  const auto runner = now.runners.front().labels;
  now.jobs = {{runner, "running", "step_release", "docker_run"},
              {runner, "running", "step_a9f3", "docker_run"},
              {runner, "running", "step_77c0", "docker_run"}};
  const auto text = Metrics{}.exposition(now);
  expect_well_formed(text);
  EXPECT_THAT(text, AllOf(HasSubstr("stage=\"step_release\""), HasSubstr("stage=\"step_other\""),
                          testing::Not(HasSubstr("a9f3")), testing::Not(HasSubstr("77c0"))));
}

TEST(Metrics, BeginAtZero) {
  const auto text = Metrics{}.exposition(moment());
  expect_well_formed(text);
  EXPECT_THAT(text, AllOf(HasSubstr("\ngitlab_runner_concurrent 4\n"),
                          HasSubstr("\ngitlab_runner_limit{runner=\"abcdef123\",runner_name=\"the "
                                    "first\",system_id=\"s_0123\"} 2\n"),
                          HasSubstr("\ngitlab_runner_jobs{runner=\"ghijkl456\",runner_name="
                                    "\"second\",system_id=\"s_0123\",state=\"idle\",stage=\"idle\","
                                    "executor_stage=\"idle\"} 0\n"),
                          HasSubstr("\ngitlab_runner_jobs_total{runner=\"abcdef123\",runner_name="
                                    "\"the first\",system_id=\"s_0123\"} 0\n"),
                          HasSubstr("gitlab_runner_process_state_info{state=\"running\"} 1\n")));
  for (const auto* zero :
       {"slipway_jobs_ended_total{result=\"success\"}",
        "slipway_jobs_ended_total{result=\"failed\"}",
        "slipway_jobs_resumed_total{how=\"adopted\"}",
        "slipway_jobs_resumed_total{how=\"finished\"}",
        "slipway_jobs_resumed_total{how=\"restarted\"}", "slipway_undelivered_final_states",
        "slipway_reaper_pending", "slipway_reaper_failures_total", "slipway_freed_bytes_total",
        "slipway_orphans_total{kind=\"volume\"}", "slipway_journal_errors_total",
        "slipway_polling_paused{reason=\"disk\"}"})
    EXPECT_THAT(text, HasSubstr("\n" + std::string{zero} + " 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("slipway_disk_")));
}

TEST(Metrics, CountJobs) {
  Metrics metrics;
  job::JobInfo info;
  info.time_in_queue_seconds = 2;
  info.project_jobs_running = "5+";
  info.queue_size = 12;
  info.queue_depth = 3;
  metrics.job_taken(first, info, "docker");
  metrics.job_taken(first, info, "docker");
  info.project_jobs_running = "0\"} evil{";
  metrics.job_taken(second, info, "docker");
  metrics.job_ended(first, Metrics::Ended::success, "", std::chrono::seconds{45});
  metrics.job_ended(first, Metrics::Ended::failed, "script_failure", std::chrono::minutes{50});
  metrics.job_ended(second, Metrics::Ended::canceled, "", std::chrono::milliseconds{500});
  auto now = moment();
  now.jobs = {{first, "running", "step_script", "docker_run"},
              {first, "running", "step_script", "docker_run"},
              {second, "pending", "prepare", "docker_pulling_image"}};
  const auto text = metrics.exposition(now);
  expect_well_formed(text);
  const std::string r = "runner=\"abcdef123\",runner_name=\"the first\",system_id=\"s_0123\"";
  const std::string wanted[] = {
      "gitlab_runner_jobs{" + r +
          ",state=\"running\",stage=\"step_script\",executor_stage=\"docker_run\"} 2",
      "gitlab_runner_jobs_total{" + r + "} 2",
      "gitlab_runner_failed_jobs_total{runner=\"abcdef123\",runner_name=\"the "
      "first\",failure_reason=\"script_failure\",mode=\"traditional\"} 1",
      "gitlab_runner_job_duration_seconds_bucket{" + r + ",mode=\"traditional\",le=\"30\"} 0",
      "gitlab_runner_job_duration_seconds_bucket{" + r + ",mode=\"traditional\",le=\"60\"} 1",
      "gitlab_runner_job_duration_seconds_bucket{" + r + ",mode=\"traditional\",le=\"3600\"} 2",
      "gitlab_runner_job_duration_seconds_sum{" + r + ",mode=\"traditional\"} 3045",
      "gitlab_runner_job_duration_seconds_count{" + r + ",mode=\"traditional\"} 2",
      "gitlab_runner_job_queue_duration_seconds_bucket{" + r +
          ",project_jobs_running=\"5+\",le=\"1\"} 0",
      "gitlab_runner_job_queue_duration_seconds_bucket{" + r +
          ",project_jobs_running=\"5+\",le=\"3\"} 2",
      "gitlab_runner_job_queue_size{" + r + "} 12",
      "gitlab_runner_job_queue_depth{" + r + "} 3",
      "gitlab_runner_job_execution_mode_total{mode=\"traditional\",executor=\"docker\"} 3",
      "gitlab_runner_worker_processing_failures_total{" + r + ",failure_type=\"job_failure\"} 1",
      "slipway_jobs_ended_total{result=\"success\"} 1",
      "slipway_jobs_ended_total{result=\"failed\"} 1",
      "slipway_jobs_ended_total{result=\"canceled\"} 1",
  };
  for (const auto& line : wanted) EXPECT_THAT(text, HasSubstr("\n" + line + "\n"));
  EXPECT_THAT(text, HasSubstr("project_jobs_running=\"unknown\""));
  EXPECT_THAT(text, Not(HasSubstr("evil")));
}

TEST(Metrics, TellOfRequestsAndTheProcess) {
  Metrics metrics;
  metrics.config_saved(true);
  metrics.config_saved(false);
  auto now = moment();
  auto& runner = now.runners[0];
  runner.requests = 2;
  runner.request_limit = 4;
  runner.adaptive_limit = 1.1;
  runner.feeds = 40;
  runner.exceeded = 3;
  runner.refused = 5;
  now.log_lines = {{"error", 6}, {"info", 0}};
  const auto text = metrics.exposition(now);
  expect_well_formed(text);
  const std::string m = "{runner=\"abcdef123\",system_id=\"s_0123\"} ";
  const std::string r = "{runner=\"abcdef123\",runner_name=\"the first\",system_id=\"s_0123\"} ";
  const std::string wanted[] = {
      "gitlab_runner_request_concurrency" + m + "2",
      "gitlab_runner_request_concurrency_hard_limit" + m + "4",
      "gitlab_runner_request_concurrency_adaptive_limit" + m + "1.1",
      "gitlab_runner_request_concurrency_used_limit" + m + "2",
      "gitlab_runner_request_concurrency_exceeded_total" + m + "3",
      "gitlab_runner_worker_feeds_total" + r + "40",
      "gitlab_runner_worker_feed_failures_total" + r + "5",
      "gitlab_runner_worker_health_check_failures_total" + r + "5",
      "gitlab_runner_worker_slots_number 4",
      "gitlab_runner_worker_slot_operations_total{operation=\"started\"} 4",
      "gitlab_runner_configuration_loaded_total 1",
      "gitlab_runner_configuration_saved_total 1",
      "gitlab_runner_configuration_saving_error_total 1",
      "gitlab_runner_errors_total{level=\"error\"} 6",
      "gitlab_runner_errors_total{level=\"info\"} 0",
  };
  for (const auto& line : wanted) EXPECT_THAT(text, HasSubstr("\n" + line + "\n"));
}

TEST(Metrics, CountCallsToGitLab) {
  Metrics metrics;
  gitlab_api::CallRecord call;
  call.endpoint = "request_job";
  call.method = "POST";
  call.status = 204;
  call.attempts = 1;
  call.took = std::chrono::seconds{50};
  metrics.api_call(first, call);
  call.attempts = 5;
  call.status = 503;
  call.took = std::chrono::milliseconds{200};
  metrics.api_call(first, call);
  call.endpoint = "patch_trace";
  call.method = "PATCH";
  call.status = 99999;  // of a server that makes them up
  call.attempts = 1;
  metrics.api_call(second, call);
  const auto text = metrics.exposition(moment());
  expect_well_formed(text);
  const std::string m = "{runner=\"abcdef123\",system_id=\"s_0123\",endpoint=\"request_job\",";
  const std::string wanted[] = {
      "gitlab_runner_api_request_statuses_total" + m + "status=\"204\",method=\"post\"} 1",
      "gitlab_runner_api_request_statuses_total" + m + "status=\"503\",method=\"post\"} 1",
      "gitlab_runner_api_request_duration_seconds_bucket" + m +
          "status_class=\"2xx\",method=\"post\",le=\"30\"} 0",
      "gitlab_runner_api_request_duration_seconds_bucket" + m +
          "status_class=\"2xx\",method=\"post\",le=\"60\"} 1",
      "gitlab_runner_api_request_duration_seconds_bucket" + m +
          "status_class=\"5xx\",method=\"post\",le=\"0.25\"} 1",
      "gitlab_runner_api_request_retries_total{path=\"/api/v4/jobs/request\",method=\"post\"} 4",
  };
  for (const auto& line : wanted) EXPECT_THAT(text, HasSubstr("\n" + line + "\n"));
  EXPECT_THAT(text, HasSubstr("endpoint=\"patch_trace\",status=\"0\",method=\"patch\"} 1"));
}

TEST(LogCounts, AreThoseOfTheLevels) {
  count_log_lines();
  count_log_lines();
  const auto before = log_line_counts();
  spdlog::error("one");
  spdlog::warn("two");
  spdlog::warn("three");
  const auto after = log_line_counts();
  EXPECT_EQ(after.at("error") - before.at("error"), 1u);
  EXPECT_EQ(after.at("warning") - before.at("warning"), 2u);
  EXPECT_EQ(after.at("panic"), 0u);
}

TEST(Metrics, TellOfRecoveryAndCleanUp) {
  Metrics metrics;
  for (const auto how : {Metrics::Resumed::adopted, Metrics::Resumed::adopted,
                         Metrics::Resumed::finished, Metrics::Resumed::delivered})
    metrics.job_resumed(how);
  metrics.orphans_found("volume", 3);
  metrics.journal_failed();
  auto now = moment();
  now.reaper_pending = 2;
  now.reaper_failures = 7;
  now.reaper_removed = 9;
  now.undelivered = 1;
  now.freed_bytes = 5'000'000'000;
  now.paused_for_disk = true;
  now.disk = {100, 5};
  const auto text = metrics.exposition(now);
  expect_well_formed(text);
  for (const auto* line :
       {"slipway_jobs_resumed_total{how=\"adopted\"} 2",
        "slipway_jobs_resumed_total{how=\"finished\"} 1",
        "slipway_jobs_resumed_total{how=\"restarted\"} 0",
        "slipway_jobs_resumed_total{how=\"delivered\"} 1", "slipway_reaper_pending 2",
        "slipway_reaper_failures_total 7", "slipway_reaper_removed_total 9",
        "slipway_undelivered_final_states 1", "slipway_orphans_total{kind=\"volume\"} 3",
        "slipway_freed_bytes_total 5000000000", "slipway_journal_errors_total 1",
        "slipway_polling_paused{reason=\"disk\"} 1", "slipway_disk_size_bytes 100",
        "slipway_disk_free_bytes 5"})
    EXPECT_THAT(text, HasSubstr("\n" + std::string{line} + "\n"));
}

TEST(ProcessStats, AreThoseOfThisProcess) {
  const auto text = process_stats();
  expect_well_formed(text);
  const auto value = [&](const std::string& name) {
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  };
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GT(value("process_max_fds"), value("process_open_fds"));
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LT(std::abs(now - value("process_start_time_seconds")), 3600);
}

}  // namespace
}  // namespace slipway::runner
