#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "local/payload.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/filter_rate.hpp"
#include "tests/bench/floor.hpp"
#include "tests/bench/log_text.hpp"
#include "tests/bench/site.hpp"
#include "tests/bench/trace_lines.hpp"

namespace slipway::bench {

namespace {

using namespace std::chrono_literals;

constexpr double rate_goal = 0.6;
constexpr double masked_goal = 0.9;
constexpr double filters_goal = 3;           // times the rate of the whole path
constexpr double masked_filters_goal = 0.5;  // of the rate with no values
constexpr int masked_values = 500;
constexpr auto log_limit = 5min;
constexpr std::uint64_t output_limit_kib = 1u << 20;

/// MB per second.
double rate(std::uint64_t bytes, Clock::duration time) {
  return static_cast<double>(bytes) / 1000 / milliseconds(time);
}

local::JobBuilder log_job(const LogText& text, int masked) {
  local::JobBuilder job;
  job.name("log").image(small_image).script(text.script);
  int number = 0;
  for (auto& value : random_values(masked))
    job.masked_variable(fmt::format("SECRET_{}", number++), std::move(value));
  return job;
}

/// The same output through a bare attach. The check comes after the clock has stopped.
asio::awaitable<double> run_bare(Lab& lab, const LogText& text) {
  auto& engine = lab.engine();
  auto spec = bench_container(small_image);
  std::string script;
  for (const auto& line : text.script) script += line + "\n";
  spec.command = {"sh", "-c", script};
  const auto id = co_await engine.create_container(std::move(spec));
  const auto attachment = co_await engine.attach(id, false);
  co_await engine.start_container(id);
  std::string output;
  output.reserve(text.bytes() + 1000);
  Clock::time_point first;
  const docker_api::StreamParser::Sink sink = [&](docker_api::StreamType, std::string_view piece) {
    if (output.empty()) first = Clock::now();
    output += piece;
  };
  while (true) {
    const bool more = co_await attachment->read(sink);
    if (!more) break;
  }
  const auto last = Clock::now();
  const auto result = co_await engine.wait_container(id);
  co_await engine.remove_container(id, false, true);
  LogCheck check{text};
  TraceLines lines{output};
  while (lines.next()) check.take(lines.text());
  if (!check.complete() || result.status_code != 0) throw WrongResult{"the bare log is not whole"};
  co_return rate(text.bytes(), last - first);
}

/// When how much of a log was there.
struct Arrival {
  std::size_t size;
  std::chrono::system_clock::time_point at;
};

/// What one job's log took, in the order in which it happened.
struct LogRun {
  double rate = 0;         ///< MB/s, first byte stamped by the daemon → last byte accepted
  double stamped = 0;      ///< ms until the daemon had the last byte
  double accepted = 0;     ///< ms until the coordinator had it
  double daemon_cpu = 0;   ///< ms, whole job
  double process_cpu = 0;  ///< ms of this process, which is the coordinator, whole job
  std::size_t patches = 0;
};

/// Checks every byte and finds the times since the first one, as the daemon stamped it.
LogRun check_log(const local::JobRecord& job, const LogText& text,
                 const std::vector<Arrival>& arrivals) {
  LogCheck check{text};
  TraceLines lines{job.trace};
  std::chrono::system_clock::time_point first;
  while (!check.complete() && lines.next()) {
    const bool begun = check.begun();
    check.take(lines.text());
    if (!begun && check.begun()) first = lines.time();
    if (check.begun() && !lines.stamped()) throw WrongResult{"a log line without a timestamp"};
  }
  if (!check.complete()) throw WrongResult{text.name + ": the log is not whole"};
  const auto since_first = [first](std::chrono::system_clock::time_point at) {
    return milliseconds(std::chrono::duration_cast<Clock::duration>(at - first));
  };
  for (const auto& arrival : arrivals) {
    if (arrival.size < lines.end()) continue;
    LogRun run;
    run.stamped = since_first(lines.time());
    run.accepted = since_first(arrival.at);
    run.rate = static_cast<double>(text.bytes()) / 1000 / run.accepted;
    run.patches = job.patches.size();
    return run;
  }
  throw WrongResult{"the end of the log never arrived"};
}

double own_cpu() {
  return static_cast<double>(std::clock()) * 1000 / CLOCKS_PER_SEC;
}

asio::awaitable<LogRun> run_job(Site& site, const LogText& text, int masked) {
  std::vector<Arrival> arrivals;
  std::size_t size = 0;
  site.gitlab().on_trace([&](std::int64_t, std::string_view bytes) {
    size += bytes.size();
    arrivals.push_back({size, std::chrono::system_clock::now()});
  });
  auto payload = log_job(text, masked).build();
  const auto daemon = site.daemon().cpu_time();
  const auto own = own_cpu();
  const auto* job = co_await site.run(std::move(payload), log_limit);
  const auto own_used = own_cpu() - own;
  site.gitlab().on_trace(nullptr);
  auto run = check_log(*job, text, arrivals);
  run.daemon_cpu = static_cast<double>((site.daemon().cpu_time() - daemon).count());
  run.process_cpu = own_used;
  co_return run;
}

std::string describe(const LogRun& run) {
  return fmt::format(
      "last run: at the daemon after {:.0f} ms, accepted after {:.0f} ms in {} PATCHes; CPU of the "
      "whole job: daemon {:.0f} ms, coordinator {:.0f} ms",
      run.stamped, run.accepted, run.patches, run.daemon_cpu, run.process_cpu);
}

Row filters_row(const std::string& figure, const Samples& rates, const std::string& goal,
                const Samples& others, double least) {
  Row row{.figure = figure, .goal = goal};
  row.measured = rates;
  row.unit = "MB/s";
  const auto ratio = rates.median() / others.median();
  row.ratio = ratio_text(ratio);
  row.verdict = judge(ratio >= least);
  return row;
}

asio::awaitable<void> measure_log(Lab& lab, Site& site, LogText text) {
  Samples bare;
  Samples plain;
  Samples masked;
  Samples filters;
  Samples masked_filters;
  LogRun through;
  LogRun hidden;
  for (int i = 0; i < lab.options().log_runs; ++i) {
    const auto raw = co_await run_bare(lab, text);
    bare.add(raw);
    through = co_await run_job(site, text, 0);
    plain.add(through.rate);
    hidden = co_await run_job(site, text, masked_values);
    masked.add(hidden.rate);
    filters.add(filter_rate(text, 0));
    masked_filters.add(filter_rate(text, masked_values));
  }
  const auto ratio = plain.median() / bare.median();
  Row row{.figure = text.name, .goal = ">= 60 % of a bare attach"};
  row.measured = plain;
  row.unit = "MB/s";
  row.ratio = ratio_text(ratio);
  row.verdict = judge(ratio >= rate_goal);
  row.remark = fmt::format("bare attach {:.1f} [{:.1f}-{:.1f}] MB/s; {}", bare.median(), bare.min(),
                           bare.max(), describe(through));
  lab.table().add(std::move(row));
  const auto masked_ratio = masked.median() / plain.median();
  Row second{.figure = "  with 500 masked values", .goal = ">= 90 % of the rate with none"};
  second.measured = masked;
  second.unit = "MB/s";
  second.ratio = ratio_text(masked_ratio);
  second.verdict = judge(masked_ratio >= masked_goal);
  second.remark = describe(hidden);
  lab.table().add(std::move(second));
  lab.table().add(filters_row("  its filters alone, in memory", filters, ">= 3 x the whole path",
                              plain, filters_goal));
  lab.table().add(filters_row("  the same with 500 masked values", masked_filters,
                              ">= 0.5 x with none", filters, masked_filters_goal));
}

asio::awaitable<void> measure(Lab& lab, Site& site) {
  auto wide = measure_log(lab, site, wide_log());
  co_await std::move(wide);
  auto narrow = measure_log(lab, site, narrow_log());
  co_await std::move(narrow);
}

}  // namespace

asio::awaitable<void> measure_logs(Lab& lab) {
  SiteOptions options;
  options.output_limit_kib = output_limit_kib;
  const SiteBody body = [&lab](Site& site) { return measure(lab, site); };
  co_await with_site(lab, std::move(options), body);
}

}  // namespace slipway::bench
