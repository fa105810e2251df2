#include <fmt/format.h>
#include <signal.h>

#include "tests/bench/figures.hpp"
#include "tests/bench/process.hpp"
#include "tests/bench/site.hpp"
#include "util/async.hpp"

namespace slipway::bench {

namespace {

constexpr int startup_runs = 30;
constexpr double startup_goal = 5;  // ms more than /bin/true
constexpr double idle_goal = 1;     // per cent of one core

asio::awaitable<void> measure_idling(Lab& lab, Site& site) {
  const auto time = lab.options().idle_time;
  const auto before = site.daemon().cpu_time();
  const auto begin = Clock::now();
  co_await util::sleep_for(time);
  const auto used = std::chrono::duration<double, std::milli>(site.daemon().cpu_time() - before);
  const auto percent = 100 * used.count() / milliseconds(Clock::now() - begin);
  const auto polls = site.gitlab().count(local::Endpoint::request_job);
  Row row{.figure = fmt::format("{} idle runners, CPU over {} s", lab.options().idle_runners,
                                time.count())};
  row.goal = "<= 1 % of a core";
  row.measured = {percent};
  row.unit = "%";
  row.verdict = judge(percent <= idle_goal);
  row.remark = fmt::format("{} job requests served; VmRSS {:.1f} MiB", polls,
                           static_cast<double>(site.daemon().resident_kib()) / 1024);
  lab.table().add(std::move(row));
}

}  // namespace

asio::awaitable<void> measure_startup(Lab& lab) {
  const std::vector<std::string> version{(lab.options().programs / "slipway").string(),
                                         "--version"};
  const std::vector<std::string> nothing{"/bin/true"};
  time_program(version);
  time_program(nothing);
  Samples slipway;
  Samples floor;
  for (int i = 0; i < startup_runs; ++i) {
    floor.add(time_program(nothing));
    slipway.add(time_program(version));
  }
  const auto more = slipway.median() - floor.median();
  Row row{.figure = "slipway --version", .goal = "<= 5 ms more than /bin/true"};
  row.measured = slipway;
  row.unit = "ms";
  row.ratio = fmt::format("{:+.1f} ms", more);
  row.verdict = judge(more <= startup_goal);
  row.remark = fmt::format("/bin/true {:.2f} ms", floor.median());
  lab.table().add(std::move(row));
  co_return;
}

asio::awaitable<void> measure_idle(Lab& lab) {
  SiteOptions options;
  options.runners = lab.options().idle_runners;
  const SiteBody body = [&lab](Site& site) { return measure_idling(lab, site); };
  co_await with_site(lab, std::move(options), body);
}

}  // namespace slipway::bench
