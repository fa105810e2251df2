#include "runner/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>
#include <sstream>

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
  metrics.job_taken(first);
  metrics.job_taken(first);
  metrics.job_taken(second);
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
      "slipway_jobs_ended_total{result=\"success\"} 1",
      "slipway_jobs_ended_total{result=\"failed\"} 1",
      "slipway_jobs_ended_total{result=\"canceled\"} 1",
  };
  for (const auto& line : wanted) EXPECT_THAT(text, HasSubstr("\n" + line + "\n"));
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
