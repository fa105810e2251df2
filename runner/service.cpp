#include "runner/service.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <csignal>

#include "config/paths.hpp"
#include "executors/docker/docker_executor.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using namespace std::chrono_literals;

constexpr auto reaper_interval = 30s;
constexpr auto last_reaping_limit = 30s;

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

gitlab_api::ClientOptions client_options(const ServiceOptions& options,
                                         const config::Runner& runner) {
  const auto tls = config::tls_paths(runner, options.certs_dir, config::file_exists);
  gitlab_api::ClientOptions client;
  client.url = runner.url;
  client.token = runner.token;
  client.system_id = options.system_id;
  client.ca_file = tls.ca_file;
  client.certificate_file = tls.certificate_file;
  client.key_file = tls.key_file;
  client.info.version = options.version;
  client.info.revision = options.revision;
  client.info.executor = runner.executor;
  client.info.shell = runner.shell.empty() ? "bash" : runner.shell;
  if (runner.docker) client.info.gpus = runner.docker->gpus;
  return client;
}

/// A runner that can take jobs; why not is logged.
bool usable(const config::Runner& runner) {
  if (runner.token.reveal().find_first_not_of(" \t\r\n") == std::string::npos) {
    spdlog::warn("the runner has no token and is skipped; register it again runner={}",
                 runner.name);
    return false;
  }
  if (runner.executor != "docker") {
    spdlog::error(
        "executor \"{}\" is not supported by this version (supported: docker); the runner is "
        "skipped runner={}",
        runner.executor, runner.name);
    return false;
  }
  if (!runner.docker) {
    spdlog::error("the runner has no [runners.docker] section and is skipped runner={}",
                  runner.name);
    return false;
  }
  return true;
}

}  // namespace

Service::Service(asio::any_io_executor executor, ServiceOptions options)
    : executor_{executor},
      options_{std::move(options)},
      state_{options_.state_dir},
      room_{executor},
      running_{executor},
      polling_{executor},
      helpers_{executor} {
  if (options_.config.concurrent < 1)
    throw std::runtime_error{fmt::format("{}: concurrent is {}, but must be at least 1",
                                         options_.config.path, options_.config.concurrent)};
  for (const auto& runner : options_.config.runners) {
    if (!usable(runner)) continue;
    pollers_.emplace_back(executor_, *this, runner, client_options(options_, runner),
                          options_.config.check_interval);
  }
}

Service::~Service() = default;

asio::awaitable<int> Service::run() {
  helpers_.start(watch_signals());
  helpers_.start(drain_reaper());
  if (options_.wait_timeout > 0s) helpers_.start(watch_idle());
  for (auto& poller : pollers_) polling_.start(poller.run());
  spdlog::info("Starting multi-runner from {}... runners={} concurrent={} builds=0",
               options_.config.path, pollers_.size(), options_.config.concurrent);
  while (!draining_) co_await room_.wait();
  std::exception_ptr problem;
  try {
    co_await polling_.join();
  } catch (const std::exception&) {
    problem = std::current_exception();  // told when the jobs have ended
  }
  co_await running_.join();
  spdlog::info("All workers stopped.");
  helpers_.cancel();
  co_await helpers_.join();
  if (reaper_.pending() > 0) {
    try {
      auto reaping = reaper_.drain();
      co_await util::with_timeout(std::move(reaping), last_reaping_limit);
    } catch (const util::TimeoutError&) {
      spdlog::warn("objects of finished jobs are left behind count={}", reaper_.pending());
    }
  }
  if (problem) std::rethrow_exception(problem);
  spdlog::info("Can exit now!");
  co_return exit_code_;
}

bool Service::has_room() const {
  const auto unreported =
      std::count_if(jobs_.begin(), jobs_.end(), [](const ActiveJob& job) { return !job.reported; });
  return !draining_ && unreported < options_.config.concurrent;
}

asio::awaitable<void> Service::room_changed() {
  co_await room_.wait();
}

int Service::jobs_of(const Poller& poller) const {
  return static_cast<int>(std::count_if(jobs_.begin(), jobs_.end(), [&](const ActiveJob& job) {
    return job.poller == &poller && !job.reported;
  }));
}

executors::docker::Engine& Service::engine_for(const config::Runner& runner) {
  const auto& docker = *runner.docker;
  const auto key = fmt::format("{}|{}|{}", docker.host, docker.tls_verify, docker.tls_cert_path);
  auto& engine = engines_[key];
  if (!engine) {
    executors::docker::Engine::Settings settings;
    settings.host = docker.host;
    settings.tls_verify = docker.tls_verify;
    settings.tls_cert_path = docker.tls_cert_path;
    settings.helper_binary = options_.helper_binary;
    settings.helper_image_archive = options_.helper_image_archive;
    settings.helper_image_name = options_.helper_image_name;
    settings.state_id = state_.id();
    engine = std::make_unique<executors::docker::Engine>(executor_, std::move(settings));
  }
  return *engine;
}

JobRun::Settings Service::job_settings(Poller& poller, job::Job job,
                                       const Slots::Numbers& numbers) {
  JobRun::Settings settings;
  settings.job = std::move(job);
  settings.runner = poller.runner();
  settings.system_id = options_.system_id;
  settings.hostname = host_name();
  settings.user_agent = fmt::format("slipway {} linux/amd64", options_.version);
  settings.program = fmt::format("slipway {} ({})", options_.version, options_.revision);
  const auto calls = std::make_shared<std::uint64_t>(0);  // owners: the two functions below
  settings.make_executor =
      [this, &poller, numbers, calls](
          const job::Job& payload, executors::JobLog& log,
          std::chrono::seconds timeout) -> std::unique_ptr<executors::Executor> {
    executors::docker::PlanContext context;
    context.system_id = options_.system_id;
    context.state_id = state_.id();
    context.version = options_.version;
    context.revision = options_.revision;
    context.random = random_hex(8);
    context.slot = numbers.global;
    context.project_slot = numbers.project;
    context.tls_ca = poller.gitlab().ca_content();
    context.job_timeout = timeout;
    auto plan = executors::docker::make_plan(payload, poller.runner(), context);
    auto& engine = engine_for(poller.runner());
    if (*calls == 0) *calls = engine.client().calls();
    return std::make_unique<executors::docker::DockerExecutor>(engine, std::move(plan), log,
                                                               reaper_);
  };
  settings.counters.engine_calls = [this, &poller, calls] {
    return engine_for(poller.runner()).client().calls() - *calls;
  };
  return settings;
}

void Service::start_job(Poller& poller, job::Job job) {
  ++jobs_taken_;
  spdlog::info("Checking for jobs... received job={} project={} runner={}", job.id,
               job.info.project_id, job::short_token(poller.runner().token.reveal()));
  const auto active = jobs_.emplace(jobs_.end());
  active->poller = &poller;
  active->numbers = slots_.take(poller.runner().token.reveal(), job.info.project_id);
  auto settings = job_settings(poller, std::move(job), active->numbers);
  active->run = std::make_unique<JobRun>(executor_, poller.gitlab(), state_, std::move(settings),
                                         [this, active] { reported(active); });
  running_.start(run_job(active));
  if (aborting_) active->run->stop(StopReason::interrupted, abort_text_);
  if (options_.max_builds > 0 && jobs_taken_ >= options_.max_builds) {
    spdlog::info("This runner has processed its build limit, so now exiting");
    drain();
  }
}

void Service::reported(std::list<ActiveJob>::iterator active) {
  active->reported = true;
  --running_now_;
  room_.notify_all();
}

asio::awaitable<void> Service::run_job(std::list<ActiveJob>::iterator active) {
  std::string problem;
  try {
    // Two polls may have brought a job each for the last place.
    while (running_now_ >= options_.config.concurrent && !aborting_) co_await room_.wait();
    ++running_now_;
    co_await active->run->run();
  } catch (const boost::system::system_error&) {
    problem = "abandoned";
  } catch (const std::exception& error) {
    problem = error.what();
  }
  const auto id = active->run->job().id;
  if (!active->reported) reported(active);
  if (!problem.empty()) spdlog::error("job ended badly: {} job={}", problem, id);
  slots_.give_back(active->poller->runner().token.reveal(), active->run->job().info.project_id,
                   active->numbers);
  jobs_.erase(active);
  idle_since_ = std::chrono::steady_clock::now();
  room_.notify_all();
}

void Service::end_polling() {
  draining_ = true;
  polling_.cancel();
  room_.notify_all();
}

void Service::drain() {
  if (!draining_ && !jobs_.empty())
    spdlog::warn("Starting graceful shutdown, waiting for builds to finish builds={}",
                 jobs_.size());
  end_polling();
}

void Service::abort(std::string signal) {
  if (aborting_) return;
  aborting_ = true;
  spdlog::warn(
      "Starting forceful shutdown; SIGQUIT would let the running jobs finish StopSignal={} "
      "shutdown-timeout={}s",
      signal, options_.config.shutdown_timeout.count());
  abort_text_ = "aborted: " + signal;
  end_polling();
  for (auto& job : jobs_) job.run->stop(StopReason::interrupted, abort_text_);
  helpers_.start(limit_shutdown());
}

asio::awaitable<void> Service::limit_shutdown() {
  co_await util::sleep_for(options_.config.shutdown_timeout);
  spdlog::error("shutdown timed out, {} jobs are left behind", jobs_.size());
  std::_Exit(1);
}

asio::awaitable<void> Service::watch_signals() {
  asio::signal_set signals{executor_, SIGQUIT, SIGTERM, SIGINT};
  signals.add(SIGHUP);
  while (true) {
    const int number = co_await signals.async_wait(asio::use_awaitable);
    if (number == SIGHUP) {
      // `systemctl reload` must not end the daemon and leave its jobs behind.
      spdlog::warn("SIGHUP: this version does not reload {}; restart to use its changes",
                   options_.config.path);
      continue;
    }
    if (number == SIGQUIT) {
      drain();
      continue;
    }
    if (aborting_) {
      spdlog::error("forced exit with stop signal: {}",
                    number == SIGINT ? "interrupt" : "terminated");
      std::_Exit(1);
    }
    abort(number == SIGINT ? "interrupt" : "terminated");
  }
}

asio::awaitable<void> Service::drain_reaper() {
  while (true) {
    co_await util::sleep_for(reaper_interval);
    if (reaper_.pending() > 0) co_await reaper_.drain();
  }
}

/// run-single: ends the process when no job came for so long since the start or the last job's end.
asio::awaitable<void> Service::watch_idle() {
  while (true) {
    const auto left = idle_since_ + options_.wait_timeout - std::chrono::steady_clock::now();
    if (left <= 0s && jobs_.empty()) break;
    co_await util::sleep_for(std::chrono::duration_cast<std::chrono::milliseconds>(
        std::max<std::chrono::steady_clock::duration>(left, 1s)));
  }
  spdlog::info("This runner has not received a job in {} seconds, so now exiting",
               options_.wait_timeout.count());
  drain();
}

}  // namespace slipway::runner
