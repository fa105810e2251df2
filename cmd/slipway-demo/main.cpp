#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <exception>

#include "cmd/slipway-demo/demo.hpp"
#include "util/async.hpp"

namespace slipway::demo {

namespace {

/// Both must outlive the call.
asio::awaitable<void> wait_for_signal(asio::signal_set& signals, int& received) {
  received = co_await signals.async_wait(asio::use_awaitable);
}

/// Runs the demo within its limit, until a signal at most, and cleans up. Returns the exit code.
asio::awaitable<int> show(Options options, const Screen& screen) {
  const auto executor = co_await asio::this_coro::executor;
  // Caught until the end: a second ^C must not keep it from cleaning up.
  asio::signal_set signals{executor, SIGINT, SIGTERM, SIGHUP};
  const auto limit = options.limit;
  Demo demo{executor, std::move(options), screen};
  int received = 0;
  std::string problem;
  try {
    auto work = demo.run();
    auto limited = util::with_timeout(std::move(work), limit);
    auto interruption = wait_for_signal(signals, received);
    co_await util::first_of(std::move(limited), std::move(interruption));
  } catch (const util::TimeoutError&) {
    problem = fmt::format("the job did not end within {} s", limit.count());
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (received != 0) {
    screen.line("");
    screen.step("interrupted; cleaning up");
  } else if (!problem.empty()) {
    screen.line("");
    screen.error(problem);
    if (const auto log = demo.daemon_log_end(); !log.empty())
      screen.write("The last lines of slipway run:\n" + log);
  }
  const bool clean = co_await demo.clean_up();
  if (received != 0) co_return 128 + received;
  co_return problem.empty() && demo.good() && clean ? 0 : 1;
}

int run(int argc, char** argv) {
  int exit_code = 1;
  auto options = parse_command_line(argc, argv, exit_code);
  if (!options) return exit_code;
  std::signal(SIGPIPE, SIG_IGN);
  spdlog::set_level(spdlog::level::err);  // the coordinator's own; the daemon writes to its file
  const Screen screen;
  asio::io_context io{1};
  std::exception_ptr failure;
  auto work = show(std::move(*options), screen);
  asio::co_spawn(io, std::move(work), [&](std::exception_ptr ended, int code) {
    failure = ended;
    exit_code = code;
    io.stop();  // idle connections would keep it for a while
  });
  io.run();
  if (!failure) return exit_code;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    screen.error(error.what());
  }
  return 1;
}

}  // namespace

}  // namespace slipway::demo

int main(int argc, char** argv) {
  return slipway::demo::run(argc, argv);
}
