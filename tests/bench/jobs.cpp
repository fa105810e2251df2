#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tests/bench/figures.hpp"
#include "tests/bench/floor.hpp"
#include "tests/bench/payloads.hpp"
#include "tests/bench/site.hpp"

namespace slipway::bench {

namespace {

constexpr double trivial_goal = 1.0;
constexpr double git_goal = 1.8;

/// Durations of one kind of job, and what the daemon says of its phases.
struct JobSamples {
  Samples total, prepare, sources, script;

  void add(const local::JobRecord& job, const JobEnd& end) {
    total.add(job_milliseconds(job));
    prepare.add(end.number("prepare"));
    sources.add(end.number("sources"));
    script.add(end.number("script"));
  }
  std::string phases() const {
    const auto rest = total.median() - prepare.median() - sources.median() - script.median();
    return fmt::format("daemon: prepare {:.0f}, sources {:.0f}, script {:.0f}, rest {:.0f} ms",
                       prepare.median(), sources.median(), script.median(), rest);
  }
};

asio::awaitable<void> sample_trivial(Site& site, JobSamples& samples) {
  auto payload = trivial_job().build();
  const auto* job = co_await site.run(std::move(payload));
  expect_line(*job, "hello");
  const auto end = co_await site.ended(job->id);
  samples.add(*job, end);
}

asio::awaitable<void> sample_git(Lab& lab, Site& site, JobSamples& samples) {
  static int number = 0;
  const auto content = fmt::format("content of commit {}", ++number);
  auto payload = git_job(lab.commit(content)).build();
  const auto* job = co_await site.run(std::move(payload));
  expect_line(*job, content);
  const auto end = co_await site.ended(job->id);
  samples.add(*job, end);
}

Row job_row(const char* figure, const JobSamples& job, const FloorSamples& floor, double goal) {
  const auto ratio = job.total.median() / floor.total().median();
  Row row{.figure = figure, .goal = fmt::format("<= {:.1f} x floor", goal)};
  row.measured = job.total;
  row.unit = "ms";
  row.ratio = ratio_text(ratio);
  row.verdict = judge(ratio <= goal);
  row.remark = job.phases();
  return row;
}

asio::awaitable<void> measure(Lab& lab, Site& site) {
  // Once per Engine: helper volume, helper image.
  JobSamples warm_up;
  co_await sample_git(lab, site, warm_up);
  co_await run_floor(lab.engine(), small_image);
  FloorSamples floor;
  JobSamples trivial;
  JobSamples git;
  for (int i = 0; i < lab.options().runs; ++i) {
    const auto raw = co_await run_floor(lab.engine(), small_image);
    floor.add(raw);
    co_await sample_trivial(site, trivial);
    co_await sample_git(lab, site, git);
  }
  Row row{.figure = "floor (raw Engine calls, busybox)", .goal = "-"};
  row.measured = floor.total();
  row.unit = "ms";
  row.ratio = "1.00";
  row.remark = floor.phases();
  lab.table().add(std::move(row));
  lab.table().add(job_row("trivial job, received -> final state", trivial, floor, trivial_goal));
  lab.table().add(job_row("same with git fetch", git, floor, git_goal));
}

}  // namespace

asio::awaitable<void> measure_jobs(Lab& lab) {
  const SiteBody body = [&lab](Site& site) { return measure(lab, site); };
  SiteOptions options;
  co_await with_site(lab, std::move(options), body);
}

}  // namespace slipway::bench
