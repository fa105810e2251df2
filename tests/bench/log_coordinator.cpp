#include "tests/bench/log_coordinator.hpp"

#include <fmt/format.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "local/coordinator.hpp"
#include "local/payload.hpp"
#include "tests/bench/lab.hpp"
#include "tests/bench/log_text.hpp"
#include "tests/bench/trace_lines.hpp"
#include "util/async.hpp"

namespace slipway::bench {

namespace {

using namespace std::chrono_literals;

constexpr auto report_every = 100ms;

void report(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

/// How many lines stand between the marks. \throws WrongResult unless they are numbered from 0.
std::uint64_t check_lines(const local::JobRecord& job) {
  if (job.state != local::JobState::success || job.wrong_checksums != 0)
    throw WrongResult{fmt::format("job {} ended as {}", job.id, local::to_string(job.state))};
  LogText numbered = wide_log();
  TraceLines lines{job.trace};
  bool more = lines.next();
  while (more && lines.text() != log_begin) more = lines.next();
  for (numbered.lines = 0; more; ++numbered.lines) {
    more = lines.next();
    if (lines.text() == log_end) return numbered.lines;
    if (lines.text() != numbered.line(numbered.lines)) break;
  }
  throw WrongResult{
      fmt::format("job {}: line {} is \"{:.200}\"", job.id, numbered.lines, lines.text())};
}

asio::awaitable<void> watch(local::Coordinator& gitlab, std::uint64_t& bytes) {
  bool over = false;
  while (!over) {
    co_await util::sleep_for(report_every);
    report(fmt::format("bytes {}", bytes));
    over = true;
    for (const auto id : gitlab.job_ids()) over = over && local::is_final(gitlab.job(id).state);
  }
  std::uint64_t lines = 0;
  for (const auto id : gitlab.job_ids()) lines += check_lines(gitlab.job(id));
  report(fmt::format("whole {}", lines));
}

}  // namespace

int log_coordinator(int argc, char** argv) {
  if (argc != 4) return 2;
  asio::io_context io{1};
  local::Coordinator gitlab{io.get_executor(), {}};
  net::Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  const auto port = gitlab.listen(endpoint);
  gitlab.add_runner(util::Secret{argv[3]});
  for (int i = std::stoi(argv[2]); i > 0; --i) {
    local::JobBuilder job;
    job.name("printer").image(small_image).script({"print"});
    gitlab.enqueue(job.build());
  }
  std::uint64_t bytes = 0;
  gitlab.on_trace([&bytes](std::int64_t, std::string_view piece) { bytes += piece.size(); });
  report(fmt::format("port {}", port));
  asio::cancellation_signal stop;
  std::string problem;
  asio::co_spawn(io, gitlab.run(),
                 asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
  asio::co_spawn(io, watch(gitlab, bytes), [&](std::exception_ptr failure) {
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      problem = error.what();
    }
    stop.emit(asio::cancellation_type::terminal);
    io.stop();
  });
  io.run();
  if (!problem.empty()) report("wrong " + problem);
  return problem.empty() ? 0 : 1;
}

}  // namespace slipway::bench
