#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <fstream>
#include <iostream>

#include "tests/bench/archive_step.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/log_coordinator.hpp"
#include "util/async.hpp"

namespace slipway::bench {

namespace {

using namespace std::chrono_literals;

constexpr auto figure_limit = 30min;

constexpr Figure all_figures[] = {
    {"startup", "slipway --version against /bin/true", measure_startup},
    {"jobs", "floor, trivial job, job with git fetch", measure_jobs},
    {"calls", "Engine calls and container starts per job, pickup", measure_calls},
    {"dind", "Docker-in-Docker over TLS until the script's first line", measure_dind},
    {"dind-features", "the same with a feature of [runners.docker.dind] on and off",
     measure_dind_features},
    {"layer-cache", "an image built again by the slot's next job", measure_layer_cache},
    {"logs", "64 MiB and 1,000,000 lines, with and without masked values", measure_logs},
    {"many-logs", "jobs that print side by side, the coordinator in a process of its own",
     measure_many_logs, false},
    {"memory", "the daemon idle, with quiet jobs and with a loud one", measure_memory},
    {"many-dind", "dind jobs side by side against one after another", measure_many_dind},
    {"idle", "CPU of many runners in their long polls", measure_idle},
    {"shell", "shell job against a bare login shell", measure_shell},
    {"archives", "zip and tar.zst archives against zip, unzip, tar and zstd", measure_archives,
     false},
    {"sources", "the get_sources stage against the bare git commands", measure_sources, false},
};

bool chosen(const Options& options, const Figure& figure) {
  return options.only.empty() || std::ranges::find(options.only, figure.name) != options.only.end();
}

bool cancelled(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    return error.code() == asio::error::operation_aborted;
  } catch (const std::exception&) {
    return false;
  }
}

/// A figure that fails is a row of the table; only cancellation goes on to the caller.
asio::awaitable<void> run_figure(Lab& lab, Figure figure) {
  std::exception_ptr failure;
  std::string problem;
  try {
    co_await util::with_timeout(figure.measure(lab), figure_limit);
  } catch (const std::exception& error) {
    failure = std::current_exception();
    problem = error.what();
  }
  if (!failure) co_return;
  if (cancelled(failure)) std::rethrow_exception(failure);
  Row row{.figure = figure.name, .goal = "-"};
  row.verdict = Verdict::wrong;
  row.remark = problem;
  lab.table().add(std::move(row));
}

asio::awaitable<void> run_all(Lab& lab) {
  const bool engine = std::ranges::any_of(all_figures, [&lab](const Figure& figure) {
    return figure.needs_engine && chosen(lab.options(), figure);
  });
  if (engine) co_await lab.open();
  std::exception_ptr failure;
  try {
    for (const auto& figure : all_figures) {
      if (!chosen(lab.options(), figure)) continue;
      say(fmt::format("{}: {}", figure.name, figure.what));
      co_await run_figure(lab, figure);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (engine) co_await lab.close();
  if (failure) std::rethrow_exception(failure);
}

int run(const Options& options) {
  asio::io_context io{1};
  Lab lab{io.get_executor(), options};
  asio::cancellation_signal stop;
  asio::signal_set signals{io, SIGINT, SIGTERM};
  signals.async_wait([&stop](boost::system::error_code error, int) {
    if (!error) stop.emit(asio::cancellation_type::terminal);
  });
  std::exception_ptr failure;
  asio::co_spawn(io, run_all(lab),
                 asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr e) {
                   failure = e;
                   io.stop();
                 }));
  io.run();
  if (!lab.table().empty()) lab.table().print(std::cout);
  if (!options.json.empty()) std::ofstream{options.json} << lab.table().json();
  if (failure && cancelled(failure)) throw std::runtime_error{"interrupted"};
  if (failure) std::rethrow_exception(failure);
  return lab.table().all_right() ? 0 : 1;
}

Options parse(CLI::App& app, int argc, char** argv) {
  Options options;
  std::string programs;
  int idle_seconds = static_cast<int>(options.idle_time.count());
  int log_seconds = static_cast<int>(options.log_time.count());
  std::vector<std::string> names;
  for (const auto& figure : all_figures) names.emplace_back(figure.name);
  app.add_option("--runs", options.runs, "Runs of every figure that is a median")
      ->check(CLI::PositiveNumber);
  app.add_option("--log-runs", options.log_runs, "Runs of the logs")->check(CLI::PositiveNumber);
  app.add_option("--log-jobs", options.log_jobs, "Jobs of many-logs")->check(CLI::Range(1, 500));
  app.add_option("--log-seconds", log_seconds, "How long they print")->check(CLI::Range(10, 600));
  app.add_option("--only", options.only, "Figures to measure")
      ->delimiter(',')
      ->check(CLI::IsMember(names));
  app.add_option("--dind-jobs", options.dind_jobs, "Jobs of many-dind")->check(CLI::PositiveNumber);
  app.add_option("--dind-concurrent", options.dind_concurrent, "Of them at once")
      ->check(CLI::PositiveNumber);
  app.add_option("--memory-jobs", options.memory_jobs, "Quiet jobs at once")
      ->check(CLI::PositiveNumber);
  app.add_option("--archive-runs", options.archive_runs, "Runs of each archive")
      ->check(CLI::PositiveNumber);
  app.add_option("--archive-files", options.archive_files, "Files in an archive")
      ->check(CLI::Range(2, 1'000'000));
  app.add_option("--archive-mib", options.archive_mib, "MiB of them together")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--idle-runners", options.idle_runners, "Runners of idle")
      ->check(CLI::Range(1, 1000));
  app.add_option("--idle-seconds", idle_seconds, "How long they idle")->check(CLI::PositiveNumber);
  app.add_option("--json", options.json, "File for the table as JSON");
  app.add_option("--programs", programs,
                 "Directory of slipway and slipway-helper, default: the bench's own");
  app.add_flag("--list", options.list, "List the figures and end");
  app.add_flag("--verbose", options.verbose, "Show the daemons' logs");
  app.parse(argc, argv);
  options.idle_time = std::chrono::seconds{idle_seconds};
  options.log_time = std::chrono::seconds{log_seconds};
  options.programs = programs.empty()
                         ? std::filesystem::read_symlink("/proc/self/exe").parent_path()
                         : std::filesystem::absolute(programs);
  return options;
}

}  // namespace

std::span<const Figure> figures() {
  return all_figures;
}

}  // namespace slipway::bench

int main(int argc, char** argv) {
  namespace bench = slipway::bench;
  if (argc > 1 && std::string_view{argv[1]} == "archive-step")
    return bench::archive_step(argc, argv);
  if (argc > 1 && std::string_view{argv[1]} == "log-coordinator")
    return bench::log_coordinator(argc, argv);
  CLI::App app{"Measures slipway against raw calls to the Docker Engine", "slipway-bench"};
  try {
    const auto options = bench::parse(app, argc, argv);
    if (options.list) {
      for (const auto& figure : bench::figures())
        fmt::print("{:<10} {}\n", figure.name, figure.what);
      return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    return bench::run(options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  } catch (const std::exception& error) {
    bench::say(error.what());
    return 1;
  }
}
