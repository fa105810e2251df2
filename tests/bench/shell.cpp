#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tests/bench/figures.hpp"
#include "tests/bench/payloads.hpp"
#include "tests/bench/process.hpp"
#include "tests/bench/site.hpp"

namespace slipway::bench {

namespace {

constexpr double shell_goal = 50;  // ms more than the bare shell

asio::awaitable<void> sample(Site& site, Samples& samples) {
  auto payload = trivial_job().build();
  const auto* job = co_await site.run(std::move(payload));
  expect_line(*job, "hello");
  samples.add(job_milliseconds(*job));
}

asio::awaitable<void> measure(Lab& lab, Site& site) {
  const std::vector<std::string> bare{"/usr/bin/env", "bash", "-l", "-c", "echo hello"};
  Samples warm_up;
  co_await sample(site, warm_up);
  time_program(bare);
  Samples floor;
  Samples job;
  for (int i = 0; i < lab.options().runs; ++i) {
    floor.add(time_program(bare));
    co_await sample(site, job);
  }
  const auto more = job.median() - floor.median();
  Row row{.figure = "shell job `echo hello`, received -> final state",
          .goal = "<= 50 ms more than bash -l -c"};
  row.measured = job;
  row.unit = "ms";
  row.ratio = fmt::format("{:+.1f} ms", more);
  row.verdict = judge(more <= shell_goal);
  row.remark = fmt::format("bash -l -c 'echo hello' {:.1f} ms", floor.median());
  lab.table().add(std::move(row));
}

}  // namespace

asio::awaitable<void> measure_shell(Lab& lab) {
  const SiteBody body = [&lab](Site& site) { return measure(lab, site); };
  SiteOptions options;
  options.executor = "shell";
  co_await with_site(lab, std::move(options), body);
}

}  // namespace slipway::bench
