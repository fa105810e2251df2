#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "local/payload.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/log_text.hpp"
#include "tests/bench/payloads.hpp"
#include "tests/bench/site.hpp"
#include "tests/bench/trace_lines.hpp"
#include "util/async.hpp"

namespace slipway::bench {

namespace {

using namespace std::chrono_literals;

constexpr double idle_goal = 10;    // MiB
constexpr double quiet_goal = 0.3;  // MiB more per job
constexpr double loud_goal = 4;     // MiB more
constexpr auto loud_limit = 5min;

double resident_mib(Site& site) {
  return static_cast<double>(site.daemon().resident_kib()) / 1024;
}

Row memory_row(const std::string& figure, const std::string& goal, double value, double most) {
  Row row{.figure = figure, .goal = goal};
  row.measured = {value};
  row.unit = "MiB";
  row.verdict = judge(value <= most);
  return row;
}

bool is_up(const local::JobRecord& job) {
  return job.trace.find("bench-up\n") != std::string::npos;
}

/// Memory with `count` jobs that printed one line and now sleep; all must succeed.
asio::awaitable<double> with_quiet_jobs(Lab& lab, Site& site, int count) {
  local::JobBuilder job;
  job.name("quiet").image(small_image);
  job.script({"echo bench-up", fmt::format("sleep {}", 8 + 2 * count)});
  std::vector<std::int64_t> ids;
  for (int i = 0; i < count; ++i) {
    const auto id = site.gitlab().enqueue(job.build());
    ids.push_back(id);
  }
  const std::function<bool(const local::JobRecord&)> up = is_up;
  for (const auto id : ids) co_await site.gitlab().wait_until(id, up, 2min);
  co_await util::sleep_for(1s);
  const auto memory = resident_mib(site);
  for (const auto id : ids)
    if (local::is_final(site.gitlab().job(id).state))
      throw WrongResult{"a quiet job ended before the last one was up"};
  for (const auto id : ids) {
    co_await site.gitlab().wait_finished(id, 2min);
    site.check(site.gitlab().job(id));
    co_await site.ended(id);
  }
  co_await lab.settle();
  co_return memory;
}

asio::awaitable<void> measure_quiet(Lab& lab, Site& site) {
  co_await util::sleep_for(1s);
  const auto fresh = resident_mib(site);
  auto payload = trivial_job().build();
  co_await site.run(std::move(payload));
  const auto warm = resident_mib(site);
  const auto one = co_await with_quiet_jobs(lab, site, 1);
  const auto count = lab.options().memory_jobs;
  const auto many = co_await with_quiet_jobs(lab, site, count);
  lab.table().add(memory_row("memory: daemon idle, fresh", "<= 10 MiB", fresh, idle_goal));
  auto idle = memory_row("memory: daemon idle, after a job", "<= 10 MiB", warm, idle_goal);
  idle.remark =
      fmt::format("after {} jobs, {} at once: {:.2f} MiB", count + 2, count, resident_mib(site));
  lab.table().add(std::move(idle));
  auto quiet =
      memory_row("memory: more per quiet job", "<= 0.3 MiB", (many - warm) / count, quiet_goal);
  quiet.remark = fmt::format("one job {:.2f} MiB, {} jobs {:.2f} MiB", one, count, many);
  lab.table().add(std::move(quiet));
}

/// Notes the highest VmRSS until cancelled.
asio::awaitable<void> watch_peak(Site& site, double& peak) {
  while (true) {
    peak = std::max(peak, resident_mib(site));
    co_await util::sleep_for(10ms);
  }
}

asio::awaitable<void> run_loud(Site& site, const LogText& text) {
  local::JobBuilder job;
  job.name("loud").image(small_image).script(text.script);
  auto payload = job.build();
  const auto* record = co_await site.run(std::move(payload), loud_limit);
  LogCheck check{text};
  TraceLines lines{record->trace};
  while (lines.next()) check.take(lines.text());
  if (!check.complete()) throw WrongResult{"the loud job's log is not whole"};
}

asio::awaitable<void> measure_loud(Lab& lab, Site& site) {
  auto payload = trivial_job().build();
  co_await site.run(std::move(payload));
  const auto idle = resident_mib(site);
  double peak = 0;
  const auto text = wide_log();
  auto loud = run_loud(site, text);
  auto watch = watch_peak(site, peak);
  co_await util::first_of(std::move(loud), std::move(watch));
  auto row = memory_row("memory: more with a loud job", "<= 4 MiB", peak - idle, loud_goal);
  row.remark = fmt::format("before {:.2f}, peak {:.2f}, after {:.2f} MiB; 64 MiB printed", idle,
                           peak, resident_mib(site));
  lab.table().add(std::move(row));
}

}  // namespace

asio::awaitable<void> measure_memory(Lab& lab) {
  SiteOptions quiet;
  quiet.concurrent = lab.options().memory_jobs;
  const SiteBody quiet_jobs = [&lab](Site& site) { return measure_quiet(lab, site); };
  co_await with_site(lab, std::move(quiet), quiet_jobs);
  SiteOptions loud;
  loud.output_limit_kib = 1u << 20;
  const SiteBody loud_job = [&lab](Site& site) { return measure_loud(lab, site); };
  co_await with_site(lab, std::move(loud), loud_job);
}

}  // namespace slipway::bench
