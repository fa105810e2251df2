#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tests/bench/bare_engine.hpp"
#include "tests/bench/dind_jobs.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/floor.hpp"
#include "tests/bench/payloads.hpp"
#include "tests/bench/site.hpp"

namespace slipway::bench {

namespace {

using namespace std::chrono_literals;

constexpr double bare_factor = 1.2;
constexpr double side_by_side_goal = 0.8;
constexpr int own_certificate_runs = 3;

asio::awaitable<void> measure(Lab& lab, Site& site) {
  const BareEngine bare_engine{lab};
  FloorSamples floor;
  Samples bare;
  Samples own_certificates;
  Samples job_first;
  Samples job_whole;
  Samples prepare;
  // The first of each is not counted: caches, helper volume.
  for (int i = 0; i <= lab.options().runs; ++i) {
    const auto raw = co_await run_floor(lab.engine(), cli_image);
    const auto engine = co_await bare_engine.run();
    if (i < own_certificate_runs) {
      const auto slow = co_await bare_engine.run_without_certificates();
      own_certificates.add(slow);
    }
    auto payload = dind_job().build();
    const auto* job = co_await site.run(std::move(payload), dind_limit);
    check_dind(*job);
    const auto end = co_await site.ended(job->id);
    if (i == 0) continue;
    floor.add(raw);
    bare.add(engine);
    job_first.add(first_line_milliseconds(*job));
    job_whole.add(job_milliseconds(*job));
    prepare.add(end.number("prepare"));
  }
  const auto allowed = floor.total().median() + bare_factor * bare.median();
  Row row{.figure = "dind over TLS: received -> first script line",
          .goal = "<= floor + 1.2 x bare engine"};
  row.measured = job_first;
  row.unit = "ms";
  row.ratio = ratio_text(job_first.median() / allowed) + " of allowed";
  row.verdict = judge(job_first.median() <= allowed);
  row.remark = fmt::format(
      "floor (docker cli image) {:.0f} ms, bare engine {:.0f} [{:.0f}-{:.0f}] ms, allowed {:.0f} "
      "ms; bare "
      "engine that makes its own certificates {:.0f} [{:.0f}-{:.0f}] ms; whole job {:.0f} ms, of "
      "which "
      "prepare {:.0f}",
      floor.total().median(), bare.median(), bare.min(), bare.max(), allowed,
      own_certificates.median(), own_certificates.min(), own_certificates.max(), job_whole.median(),
      prepare.median());
  lab.table().add(std::move(row));
}

/// Hands out all jobs at once and waits for their ends. `took`: milliseconds from the first being
/// received to the last being final.
asio::awaitable<void> run_many(Lab& lab, Site& site, double& took) {
  std::vector<std::int64_t> ids;
  const auto count = lab.options().dind_jobs;
  for (int i = 0; i < count; ++i) {
    const auto id = site.gitlab().enqueue(dind_job().build());
    ids.push_back(id);
  }
  const auto begin = Clock::now();
  auto last = begin;
  for (const auto id : ids) {
    co_await site.gitlab().wait_finished(id, count * dind_limit);
    const auto& job = site.gitlab().job(id);
    site.check(job);
    check_dind(job);
    last = std::max(last, *job.finished_at);
  }
  took = milliseconds(last - begin);
  for (const auto id : ids) co_await site.ended(id);
  co_await lab.settle();
}

}  // namespace

asio::awaitable<void> measure_dind(Lab& lab) {
  const SiteBody body = [&lab](Site& site) { return measure(lab, site); };
  auto options = dind_site(1);
  co_await with_site(lab, std::move(options), body);
}

asio::awaitable<void> measure_many_dind(Lab& lab) {
  double alone = 0;
  double together = 0;
  const SiteBody serial = [&lab, &alone](Site& site) { return run_many(lab, site, alone); };
  auto one = dind_site(1);
  co_await with_site(lab, std::move(one), serial);
  const SiteBody parallel = [&lab, &together](Site& site) { return run_many(lab, site, together); };
  auto several = dind_site(lab.options().dind_concurrent);
  co_await with_site(lab, std::move(several), parallel);
  const auto ratio = together / alone;
  const bool full_size = lab.options().dind_jobs == 16 && lab.options().dind_concurrent == 4;
  Row row{.figure = fmt::format("{} dind jobs at concurrent = {}", lab.options().dind_jobs,
                                lab.options().dind_concurrent)};
  row.goal = "16 at 4: <= 0.8 x one by one";
  row.measured = {together};
  row.unit = "ms";
  row.ratio = ratio_text(ratio);
  row.verdict = full_size ? judge(ratio <= side_by_side_goal) : Verdict::shown;
  row.remark = fmt::format("one after another {:.0f} ms; none failed", alone);
  lab.table().add(std::move(row));
}

}  // namespace slipway::bench
