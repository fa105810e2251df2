// What layers that stay for the slot's next job save: one image, built by two jobs in turn.

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/bench/dind_jobs.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/payloads.hpp"
#include "tests/bench/trace_lines.hpp"

namespace slipway::bench {

namespace {

constexpr auto build_begins = "bench-build-begins";
constexpr auto build_ends = "bench-build-ends";
constexpr int copied_layers = 3;

/// Builds an image whose layers are other ones for another `seed`.
local::JobBuilder build_job(int seed) {
  auto job = plain_dind_job();
  job.variable("DOCKER_BUILDKIT", "0");
  job.script({"docker info --format 'engine={{.OperatingSystem}} containers={{.Containers}}'",
              fmt::format("mkdir context && cd context && echo {} >seed", seed),
              fmt::format("yes {} | head -c 20000000 >large", seed),
              "printf 'FROM scratch\\nCOPY seed /\\nCOPY large /a\\nCOPY large /b\\n' >Dockerfile",
              fmt::format("echo {}", build_begins), "docker build -t built .",
              fmt::format("echo {}", build_ends)});
  return job;
}

struct Build {
  double took = 0;  ///< milliseconds
  int cached = 0;   ///< steps that were not done again
};

Build build_of(const local::JobRecord& job) {
  std::optional<std::chrono::system_clock::time_point> begin;
  Build build;
  TraceLines lines{job.trace};
  while (lines.next()) {
    if (lines.text() == build_begins) begin = lines.time();
    if (lines.text().ends_with("Using cache")) ++build.cached;
    if (lines.text() != build_ends || !begin) continue;
    build.took = std::chrono::duration<double, std::milli>{lines.time() - *begin}.count();
    return build;
  }
  throw WrongResult{fmt::format("job {}: the build's begin and end are not in its log", job.id)};
}

asio::awaitable<Build> run_build(Site& site, int seed) {
  auto payload = build_job(seed).build();
  const auto* job = co_await site.run(std::move(payload), dind_limit);
  check_dind(*job);
  co_await site.ended(job->id);
  co_return build_of(*job);
}

asio::awaitable<void> measure(Lab& lab, Site& site) {
  Samples firsts;
  Samples seconds;
  bool all_cached = true;
  for (int i = 0; i < lab.options().runs; ++i) {
    const auto first = co_await run_build(site, i);
    const auto second = co_await run_build(site, i);
    if (first.cached != 0) throw WrongResult{"the first build of an image found layers"};
    all_cached = all_cached && second.cached == copied_layers;
    firsts.add(first.took);
    seconds.add(second.took);
  }
  Row row{.figure = "layer_cache = \"slot\": second build of an image against the first",
          .goal = "rebuilds nothing"};
  row.measured = seconds;
  row.unit = "ms";
  row.ratio = ratio_text(seconds.median() / firsts.median());
  row.verdict = judge(all_cached);
  row.remark =
      fmt::format("first: {:.0f} [{:.0f}-{:.0f}] ms", firsts.median(), firsts.min(), firsts.max());
  lab.table().add(std::move(row));
}

}  // namespace

asio::awaitable<void> measure_layer_cache(Lab& lab) {
  const SiteBody body = [&lab](Site& site) { return measure(lab, site); };
  auto options = dind_site(1);
  options.dind = "      layer_cache = \"slot\"";
  co_await with_site(lab, std::move(options), body);
}

}  // namespace slipway::bench
