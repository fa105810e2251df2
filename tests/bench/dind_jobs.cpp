#include "tests/bench/dind_jobs.hpp"

#include <fmt/format.h>

#include "tests/bench/payloads.hpp"
#include "tests/bench/trace_lines.hpp"

namespace slipway::bench {

namespace {

std::int64_t microseconds_of(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

}  // namespace

double first_line_milliseconds(const local::JobRecord& job) {
  const auto offset = std::chrono::system_clock::now() - Clock::now().time_since_epoch();
  const auto received = microseconds_of(std::chrono::time_point_cast<std::chrono::microseconds>(
      offset + job.assigned_at->time_since_epoch()));
  TraceLines lines{job.trace};
  while (lines.next())
    if (lines.text() == first_line)
      return static_cast<double>(microseconds_of(lines.time()) - received) / 1000;
  throw WrongResult{"the script's first line is not in the log"};
}

SiteOptions dind_site(int concurrent) {
  SiteOptions options;
  options.image = cli_image;
  options.privileged = true;
  options.volumes = {"/certs/client"};
  options.concurrent = concurrent;
  return options;
}

void check_dind(const local::JobRecord& job) {
  TraceLines lines{job.trace};
  while (lines.next())
    if (lines.text().starts_with("engine=") && lines.text().ends_with(" containers=0")) return;
  throw WrongResult{fmt::format("job {}: no answer of the dind Engine in its log", job.id)};
}

}  // namespace slipway::bench
