// What the features of [runners.docker.dind] save: two daemons, one with a feature off, take turns.

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/bench/dind_jobs.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/payloads.hpp"

namespace slipway::bench {

namespace {

/// The image makes its keys at random: fewer runs say little.
constexpr int least_runs = 7;

struct Feature {
  const char* name;
  const char* off;
  double goal;
  local::JobBuilder (*job)();
};

asio::awaitable<void> take_turns(Lab& lab, Site& on, Site& off, Feature feature) {
  Samples with;
  Samples without;
  // The first of each is not counted: helper volume, page cache.
  for (int i = 0; i <= std::max(lab.options().runs, least_runs); ++i) {
    for (const auto& [site, samples] : {std::pair{&on, &with}, std::pair{&off, &without}}) {
      auto payload = feature.job().build();
      const auto* job = co_await site->run(std::move(payload), dind_limit);
      check_dind(*job);
      co_await site->ended(job->id);
      if (i > 0) samples->add(first_line_milliseconds(*job));
    }
  }
  const auto ratio = with.median() / without.median();
  Row row{.figure = fmt::format("dind with {} against without", feature.name),
          .goal = fmt::format("<= {} x", feature.goal)};
  row.measured = with;
  row.unit = "ms";
  row.ratio = ratio_text(ratio);
  row.verdict = judge(ratio <= feature.goal);
  row.remark = fmt::format("received -> first script line; off: {:.0f} [{:.0f}-{:.0f}] ms",
                           without.median(), without.min(), without.max());
  lab.table().add(std::move(row));
}

asio::awaitable<void> measure(Lab& lab, Feature feature) {
  const SiteBody outer = [&lab, &feature](Site& on) -> asio::awaitable<void> {
    return [](Lab& the_lab, Site& first, const Feature& what) -> asio::awaitable<void> {
      const SiteBody inner = [&](Site& off) { return take_turns(the_lab, first, off, what); };
      auto options = dind_site(1);
      options.dind = fmt::format("      {} = false", what.off);
      co_await with_site(the_lab, std::move(options), inner);
    }(lab, on, feature);
  };
  auto options = dind_site(1);
  co_await with_site(lab, std::move(options), outer);
}

}  // namespace

asio::awaitable<void> measure_dind_features(Lab& lab) {
  const Feature mint{"mint_certs", "mint_certs", 0.6, dind_job};
  co_await measure(lab, mint);
  const Feature plain{"plain_tls_flag", "plain_tls_flag", 0.3, plain_dind_job};
  co_await measure(lab, plain);
}

}  // namespace slipway::bench
