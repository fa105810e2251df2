#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/bench/figures.hpp"
#include "tests/bench/payloads.hpp"
#include "tests/bench/proxy.hpp"
#include "tests/bench/site.hpp"

namespace slipway::bench {

namespace {

constexpr int trivial_calls_goal = 8;
constexpr int git_calls_goal = 14;
constexpr int service_calls_goal = 5;
constexpr double pickup_goal = 20;  // ms

/// The calls of one job as the proxy saw them.
struct JobCalls {
  std::vector<ProxiedCall>
      counted;  ///< received → final state, without removal and once-per-Engine
  int starts = 0;
  int all = 0;         ///< until the daemon's last word on the job
  int daemon_all = 0;  ///< its own count of the same
  int daemon_starts = 0;
  double pickup = 0;  ///< ms from offered to the first call
};

bool once_per_engine(const ProxiedCall& call) {
  const auto is = [&call](std::string_view path) { return call.path == path; };
  return is("/_ping") || is("/info") || is("/events") || is("/version") ||
         call.path.starts_with("/volumes/slipway-helper-");
}

std::string short_path(std::string path) {
  // Ids and names say nothing here.
  const auto begin = path.find('/', 1);
  if (begin == std::string::npos) return path;
  const auto end = path.find('/', begin + 1);
  if (path.substr(begin) == "/create" || path.substr(begin) == "/prune") return path;
  return path.substr(0, begin) + "/*" + (end == std::string::npos ? "" : path.substr(end));
}

std::string list_calls(const std::vector<ProxiedCall>& calls) {
  std::string text;
  for (const auto& call : calls)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", call.method, short_path(call.path));
  return text;
}

JobCalls sort_calls(const std::vector<ProxiedCall>& calls, std::size_t first,
                    const local::JobRecord& job) {
  JobCalls found;
  for (auto call = calls.begin() + static_cast<std::ptrdiff_t>(first); call != calls.end();
       ++call) {
    if (found.all == 0) found.pickup = milliseconds(call->at - job.enqueued_at);
    ++found.all;
    if (call->method == "POST" && call->path.ends_with("/start")) ++found.starts;
    const bool removal = call->method == "DELETE";
    if (!removal && !once_per_engine(*call) && call->at <= *job.finished_at)
      found.counted.push_back(*call);
  }
  return found;
}

asio::awaitable<JobCalls> count_job(Site& site, CountingProxy& proxy, nlohmann::json payload,
                                    std::string line) {
  const auto first = proxy.calls().size();
  const auto* job = co_await site.run(std::move(payload));
  expect_line(*job, line);
  const auto end = co_await site.ended(job->id);
  auto found = sort_calls(proxy.calls(), first, *job);
  found.daemon_all = static_cast<int>(end.number("engine_calls"));
  found.daemon_starts = static_cast<int>(end.number("starts"));
  co_return found;
}

Row calls_row(const std::string& figure, const std::string& goal, const JobCalls& calls, int minus,
              int minus_starts, int most, int most_starts) {
  const auto count = static_cast<int>(calls.counted.size()) - minus;
  const auto starts = calls.starts - minus_starts;
  Row row{.figure = figure, .goal = goal};
  row.measured = {static_cast<double>(count)};
  row.unit = "calls";
  row.ratio = fmt::format("{} start{}", starts, starts == 1 ? "" : "s");
  row.verdict = judge(count <= most && starts <= most_starts);
  row.remark = list_calls(calls.counted);
  if (calls.daemon_all != calls.all || calls.daemon_starts != calls.starts) {
    row.verdict = Verdict::wrong;
    row.remark += fmt::format(
        "; the daemon counted {} calls and {} starts until all was removed, the proxy {} and {}",
        calls.daemon_all, calls.daemon_starts, calls.all, calls.starts);
  }
  return row;
}

asio::awaitable<void> measure_small(Lab& lab, Site& site, CountingProxy& proxy) {
  auto payload = git_job(lab.commit("warm-up")).build();
  co_await site.run(std::move(payload));
  Samples pickup;
  JobCalls trivial;
  for (int i = 0; i < lab.options().runs; ++i) {
    payload = trivial_job().build();
    trivial = co_await count_job(site, proxy, std::move(payload), "hello");
    pickup.add(trivial.pickup);
  }
  payload = git_job(lab.commit("counted")).build();
  const auto git = co_await count_job(site, proxy, std::move(payload), "counted");
  lab.table().add(calls_row("Engine calls / starts, trivial job", "<= 8 / 1", trivial, 0, 0,
                            trivial_calls_goal, 1));
  lab.table().add(
      calls_row("Engine calls / starts with sources", "<= 14 / 2", git, 0, 0, git_calls_goal, 2));
  Row row{.figure = "pickup: offered -> first Engine call", .goal = "<= 20 ms"};
  row.measured = pickup;
  row.unit = "ms";
  row.verdict = judge(pickup.median() <= pickup_goal);
  lab.table().add(std::move(row));
}

Row service_row(const std::string& figure, const JobCalls& alone, const JobCalls& with) {
  auto row = calls_row(figure, "<= 5 / 1", with, static_cast<int>(alone.counted.size()),
                       alone.starts, service_calls_goal, 1);
  row.remark = "whole job with it: " + row.remark;
  return row;
}

asio::awaitable<void> measure_service(Lab& lab, Site& site, CountingProxy& proxy) {
  auto payload = git_job(lab.commit("warm-up of the site")).image(cli_image).build();
  co_await site.run(std::move(payload));
  payload = git_job(lab.commit("alone")).image(cli_image).build();
  const auto alone = co_await count_job(site, proxy, std::move(payload), "alone");
  const auto sha = lab.commit("with a service");
  payload = dind_job().git(Lab::project, "main", sha).build();
  const auto with = co_await count_job(site, proxy, std::move(payload), first_line);
  lab.table().add(service_row("a dind service adds, job with sources", alone, with));
  payload = trivial_job().image(cli_image).build();
  const auto bare = co_await count_job(site, proxy, std::move(payload), "hello");
  payload = dind_job().build();
  const auto bare_with = co_await count_job(site, proxy, std::move(payload), first_line);
  lab.table().add(service_row("a dind service adds, job without sources", bare, bare_with));
}

asio::awaitable<void> measure_behind(Lab& lab, CountingProxy& proxy, std::string host) {
  SiteOptions small;
  small.docker_host = host;
  const SiteBody small_jobs = [&lab, &proxy](Site& site) {
    return measure_small(lab, site, proxy);
  };
  co_await with_site(lab, std::move(small), small_jobs);
  SiteOptions dind;
  dind.docker_host = host;
  dind.image = cli_image;
  dind.privileged = true;
  dind.volumes = {"/certs/client"};
  const SiteBody service = [&lab, &proxy](Site& site) { return measure_service(lab, site, proxy); };
  co_await with_site(lab, std::move(dind), service);
}

}  // namespace

asio::awaitable<void> measure_calls(Lab& lab) {
  const auto path = (lab.scratch() / "engine.sock").string();
  CountingProxy proxy{lab.executor(), path, lab.engine_endpoint()};
  util::TaskGroup tasks{lab.executor()};
  tasks.start(proxy.run());
  std::exception_ptr failure;
  try {
    co_await measure_behind(lab, proxy, "unix://" + path);
  } catch (...) {
    failure = std::current_exception();
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  tasks.cancel();
  co_await tasks.join();
  std::filesystem::remove(path);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace slipway::bench
