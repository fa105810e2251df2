#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <boost/asio/this_coro.hpp>
#include <fstream>
#include <list>

#include "executors/executor.hpp"
#include "gitlab_api/client.hpp"
#include "runner/job_run.hpp"
#include "runner/state_dir.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/log_text.hpp"
#include "tests/bench/process.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::bench {

namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

constexpr double bytes_per_second = 512.0 * 1024;  // of each job, without timestamps
constexpr double line_size = 128;
constexpr double stamped_line_size = line_size + 32;
constexpr auto print_every = 50ms;
constexpr auto look_every = 500ms;
constexpr auto reply_limit = 30s;
constexpr auto end_limit = 2min;
/// The lag swings with the intervals; more than this is growth.
constexpr double growth_goal = 1.25;

/// What all jobs of the figure share.
struct Printing {
  std::chrono::seconds time;
  std::uint64_t lines = 0;  ///< printed so far, of all jobs
  int over = 0;             ///< jobs that have printed all
};

/// Prints numbered lines at a steady rate; where it was held up it catches up.
class Printer final : public executors::Executor {
 public:
  Printer(Printing& printing, runner::ExecutorRequest request)
      : printing_{printing}, log_{request.log} {
    environment_.variables = request.job.variables.expanded();
    environment_.builds_dir = "/builds";
    environment_.project_dir = "/builds/bench";
    environment_.temp_dir = "/builds/bench.tmp";
    environment_.cache_dir = "/cache";
    environment_.hostname = "bench";
  }

  asio::awaitable<void> prepare() override { co_return; }
  asio::awaitable<void> run(executors::Stage stage) override {
    if (stage.name != "step_script") co_return;
    const auto text = wide_log();
    const auto begin = Clock::now();
    const auto whole =
        static_cast<std::uint64_t>(Seconds{printing_.time}.count() * bytes_per_second / line_size);
    print(std::string{log_begin} + "\n");
    for (std::uint64_t done = 0; done < whole;) {
      co_await util::sleep_for(print_every);
      const auto due = Seconds{Clock::now() - begin}.count() * bytes_per_second / line_size;
      const auto until = std::min(whole, static_cast<std::uint64_t>(due));
      std::string piece;
      for (; done < until; ++done, ++printing_.lines) {
        const auto number = std::to_string(done);
        piece.append(static_cast<std::size_t>(text.width) - number.size(), '0');
        piece += number + "\n";
      }
      print(piece);
    }
    print(std::string{log_end} + "\n");
    ++printing_.over;
  }
  void stop_stage() override {}
  std::string snapshot() const override { return "{}"; }
  asio::awaitable<void> adopt(std::string) override { co_return; }
  asio::awaitable<void> leave() override { co_return; }
  asio::awaitable<void> cleanup() override { co_return; }
  const executors::JobEnvironment& environment() const override { return environment_; }

 private:
  void print(std::string_view text) { log_.write(job::LogStream::script, job::LogKind::out, text); }

  Printing& printing_;
  executors::JobLog& log_;
  executors::JobEnvironment environment_;
};

/// What the coordinator's process has written about `what` last; 0 = nothing yet.
std::uint64_t last_report(const std::filesystem::path& file, const std::string& what) {
  std::ifstream in{file};
  std::uint64_t value = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("wrong ")) throw WrongResult{line};
    if (line.starts_with(what + " ")) value = std::stoull(line.substr(what.size() + 1));
  }
  return value;
}

asio::awaitable<std::uint64_t> await_report(std::filesystem::path file, std::string what,
                                            std::chrono::milliseconds limit) {
  const auto until = Clock::now() + limit;
  while (true) {
    const auto value = last_report(file, what);
    if (value != 0) co_return value;
    if (Clock::now() > until) throw WrongResult{"the coordinator never said: " + what};
    co_await util::sleep_for(20ms);
  }
}

std::unique_ptr<runner::JobRun> make_run(asio::any_io_executor executor, gitlab_api::Client& gitlab,
                                         const runner::StateDir& state, Printing& printing,
                                         gitlab_api::JobRequestResult taken) {
  runner::JobRun::Settings settings;
  settings.job = std::move(*taken.job);
  settings.runner.name = "bench";
  settings.runner.executor = "docker";
  settings.runner.token = gitlab.options().token;
  settings.runner.output_limit = std::uint64_t{1} << 40;
  settings.runner.docker.emplace();
  settings.system_id = gitlab.options().system_id;
  settings.hostname = "bench";
  settings.program = "slipway-bench";
  settings.header.job = settings.job.id;
  settings.header.payload = taken.payload;
  settings.make_executor = [&printing](runner::ExecutorRequest request) {
    return std::make_unique<Printer>(printing, std::move(request));
  };
  return std::make_unique<runner::JobRun>(std::move(executor), gitlab, state, std::move(settings),
                                          [] {});
}

/// Seconds of output that the coordinator is behind, as long as every job prints.
asio::awaitable<Samples> watch_lag(const Printing& printing, std::filesystem::path reports,
                                   int jobs) {
  Samples lags;
  while (printing.over == 0) {
    co_await util::sleep_for(look_every);
    const auto printed = static_cast<double>(printing.lines) * stamped_line_size;
    const auto behind = printed - static_cast<double>(last_report(reports, "bytes"));
    const auto per_second = bytes_per_second / line_size * stamped_line_size * jobs;
    lags.add(std::max(behind, 0.0) / per_second);
  }
  co_return lags;
}

double mean(const std::vector<double>& values, std::size_t begin, std::size_t end) {
  double sum = 0;
  for (auto i = begin; i < end; ++i) sum += values.at(i);
  return sum / static_cast<double>(end - begin);
}

Row lag_row(const Options& options, const Samples& lags) {
  const auto& values = lags.values();
  const auto third = values.size() / 3;
  if (third < 3) throw WrongResult{"the jobs printed for too short a time"};
  const auto before = mean(values, third, 2 * third);
  const auto after = mean(values, 2 * third, values.size());
  Row row{.figure = fmt::format("{} jobs of 0.5 MiB/s each for {} s: lag", options.log_jobs,
                                options.log_time.count()),
          .goal = "does not grow"};
  row.measured = Samples{};
  for (auto i = third; i < values.size(); ++i) row.measured.add(values[i]);
  row.unit = "s";
  row.ratio = ratio_text(after / before);
  row.verdict = judge(after <= growth_goal * before);
  row.remark = fmt::format(
      "how far the coordinator is behind, mean of the second third {:.2f} s, of the last {:.2f} s; "
      "all lines there",
      before, after);
  return row;
}

asio::awaitable<void> print_and_watch(Lab& lab, std::filesystem::path reports) {
  const auto executor = lab.executor();
  const auto jobs = lab.options().log_jobs;
  const auto port = co_await await_report(reports, "port", reply_limit);
  gitlab_api::ClientOptions client;
  client.url = fmt::format("http://127.0.0.1:{}", port);
  client.token = util::Secret{lab.runner_token(0)};
  client.system_id = "s_00000000be00";
  gitlab_api::Client gitlab{executor, std::move(client)};
  const runner::StateDir state{lab.scratch() / "many-logs"};
  Printing printing{lab.options().log_time};
  std::list<std::unique_ptr<runner::JobRun>> runs;
  for (int i = 0; i < jobs; ++i) {
    auto taken = co_await gitlab.request_job();
    if (!taken.job) throw WrongResult{"no job: " + taken.call.text};
    runs.push_back(make_run(executor, gitlab, state, printing, std::move(taken)));
  }
  Samples lags;
  const auto watching = [](const Printing& printing, std::filesystem::path reports, int jobs,
                           Samples& lags) -> asio::awaitable<void> {
    lags = co_await watch_lag(printing, std::move(reports), jobs);
  };
  std::vector<asio::awaitable<void>> tasks;
  for (const auto& run : runs) tasks.push_back(run->run());
  tasks.push_back(watching(printing, reports, jobs, lags));
  co_await util::run_all(std::move(tasks));
  const auto whole = co_await await_report(reports, "whole", end_limit);
  if (whole != printing.lines)
    throw WrongResult{fmt::format("{} of {} lines arrived", whole, printing.lines)};
  lab.table().add(lag_row(lab.options(), lags));
  gitlab.close_idle();
}

}  // namespace

asio::awaitable<void> measure_many_logs(Lab& lab) {
  // The jobs' own lines say nothing here.
  const auto level = spdlog::get_level();
  spdlog::set_level(spdlog::level::err);
  const auto reports = lab.scratch() / "log-coordinator";
  const std::vector<std::string> arguments{
      std::filesystem::read_symlink("/proc/self/exe").string(), "log-coordinator",
      std::to_string(lab.options().log_jobs), lab.runner_token(0)};
  Process coordinator{arguments, {}, reports};
  std::exception_ptr failure;
  try {
    auto work = print_and_watch(lab, reports);
    co_await std::move(work);
  } catch (...) {
    failure = std::current_exception();
  }
  spdlog::set_level(level);
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await coordinator.end(SIGTERM, 10s);
  co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
  if (failure) std::rethrow_exception(failure);
}

}  // namespace slipway::bench
