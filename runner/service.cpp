#include "runner/service.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <csignal>

#include "config/paths.hpp"
#include "runner/log_counts.hpp"
#include "runner/runnable.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using namespace std::chrono_literals;

constexpr auto last_reaping_limit = 30s;
constexpr std::chrono::milliseconds unstarted_pause = 10s;

std::int64_t unix_time() {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

}  // namespace

Service::Service(asio::any_io_executor executor, ServiceOptions options)
    : executor_{executor},
      options_{std::move(options)},
      state_{options_.state_dir},
      started_{unix_time()},
      usage_{executor, state_.path() / "usage"},
      status_file_{executor, state_.path(), [this] { return status(); }},
      rotation_{pollers_,
                [this](const config::Runner& before, const config::TokenChange& change) {
                  store_token(before, change);
                },
                gitlab_api::RetryClock::system()},
      swept_{executor},
      room_{executor},
      running_{executor},
      polling_{executor},
      helpers_{executor},
      rotating_{executor} {
  check_runnable(options_.config);
  std::vector<const config::Runner*> runners;
  for (const auto& runner : options_.config.runners)
    if (is_usable(runner) && has_engine(runner)) runners.push_back(&runner);
  const std::chrono::milliseconds interval = options_.config.check_interval;
  for (const auto* runner : runners) {
    // They take turns, so that a coordinator is not asked by all at once.
    const auto turn = interval * pollers_.size() / runners.size();
    pollers_.emplace_back(executor_, *this, *runner, client_options(*runner), interval, turn);
  }
  if (!options_.config.listen_address.empty()) {
    count_log_lines();
    metrics_server_.emplace(executor_, options_.config.listen_address, pages());
  }
  recover();
}

Service::~Service() = default;

gitlab_api::ClientOptions Service::client_options(const config::Runner& runner) {
  const auto tls = config::tls_paths(runner, options_.certs_dir, config::file_exists);
  gitlab_api::ClientOptions client;
  client.url = runner.url;
  client.token = runner.token;
  client.system_id = options_.system_id;
  client.ca_file = tls.ca_file;
  client.certificate_file = tls.certificate_file;
  client.key_file = tls.key_file;
  client.connection_max_age = options_.config.connection_max_age;
  client.on_call = [this, labels = labels_of(runner)](const gitlab_api::CallRecord& call) {
    metrics_.api_call(labels, call);
  };
  client.info.version = options_.version;
  client.info.revision = options_.revision;
  client.info.executor = runner.executor;
  client.info.shell = runner.shell.empty() ? "bash" : runner.shell;
  client.info.labels = runner.labels;
  if (runner.docker) client.info.gpus = runner.docker->gpus;
  return client;
}

asio::awaitable<int> Service::run() {
  // Fails here where there are too few file descriptors: a stop must not become a crash later on.
  const asio::signal_set first{executor_};
  helpers_.start(watch_signals());
  helpers_.start(tidy());
  helpers_.start(usage_.keep_written());
  helpers_.start(status_file_.run());
  if (metrics_server_) {
    spdlog::info("Metrics server listening address={}", metrics_server_->address());
    helpers_.start(metrics_server_->run());
  }
  if (options_.wait_timeout > 0s) helpers_.start(watch_idle());
  // One whose end was only to be removed is gone at once.
  for (auto job = jobs_.begin(); job != jobs_.end();) running_.start(run_job(job++));
  for (auto& poller : pollers_) polling_.start(poller.run());
  if (rotation_.needed()) rotating_.start(rotation_.run());
  if (options_.load_config) helpers_.start(watch_config());
  if (options_.manager.present()) helpers_.start(tell_manager());
  spdlog::info("Starting multi-runner from {}... runners={} concurrent={} builds={}",
               options_.config.path, pollers_.size(), options_.config.concurrent, jobs_.size());
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
  rotating_.cancel();
  co_await helpers_.join();
  co_await rotating_.join();
  if (reaper_.pending() > 0) {
    try {
      auto reaping = reaper_.drain(executors::Reaper::Which::all);
      co_await util::with_timeout(std::move(reaping), last_reaping_limit);
    } catch (const util::TimeoutError&) {
      spdlog::warn("objects of finished jobs are left behind count={}", reaper_.pending());
    }
  }
  status_file_.write_now();
  if (problem) std::rethrow_exception(problem);
  spdlog::info("Can exit now!");
  co_return exit_code_;
}

bool Service::has_engine(const config::Runner& runner) {
  try {
    engine_in_use(runner);
    return true;
  } catch (const std::exception& error) {
    spdlog::error("the runner is skipped: {} runner={}", error.what(), runner.name);
  }
  return false;
}

bool Service::has_room(Poller& poller, int requests) {
  const auto present = std::count_if(jobs_.begin(), jobs_.end(), is_present);
  if (draining_ || present + requests >= options_.config.concurrent) return false;
  if (std::chrono::steady_clock::now() < no_jobs_before_) return false;
  return engine_in_use(poller.runner()).disk->room();
}

asio::awaitable<void> Service::room_changed() {
  co_await room_.wait();
}

/// With its removal, since the next job would otherwise get another slot, and with it other caches.
bool Service::is_present(const ActiveJob& job) {
  return !job.reported || job.run->removing();
}

/// Of the runner, also those that another poller of it took before a reload.
int Service::jobs_of(Poller& poller) const {
  const auto& runner = poller.runner();
  return static_cast<int>(std::count_if(jobs_.begin(), jobs_.end(), [&](const ActiveJob& job) {
    const bool own = job.gitlab == &poller.gitlab() ||
                     (job.runner.token == runner.token && job.runner.url == runner.url);
    return own && is_present(job);
  }));
}

void Service::start_job(Poller& poller, job::Job job, std::string payload) {
  ++jobs_taken_;
  spdlog::info("Checking for jobs... received job={} project={} runner={}", job.id,
               job.info.project_id, job::short_token(poller.runner().token.reveal()));
  std::list<ActiveJob> fresh(1);
  const auto active = fresh.begin();
  active->runner = poller.runner();
  active->gitlab = &poller.gitlab();
  active->since = unix_time();
  active->numbers = slots_.take(poller.runner().token.reveal(), job.info.project_id);
  metrics_.job_taken(labels_of(active->runner), job.info, active->runner.executor);
  auto header = journal_header(active->runner, job, std::move(payload), active->numbers);
  if (poller.retired()) header.config = poller.retired_config();
  auto settings = job_settings(*active, std::move(job));
  settings.header = std::move(header);
  active->run = std::make_unique<JobRun>(executor_, poller.gitlab(), state_, std::move(settings),
                                         [this, active] { reported(active); });
  jobs_.splice(jobs_.end(), fresh);
  running_.start(run_job(active));
  if (aborting_) active->run->stop(StopReason::interrupted, abort_text_);
  if (leaving_) active->run->leave();
  if (options_.max_builds > 0 && jobs_taken_ >= options_.max_builds) {
    spdlog::info("This runner has processed its build limit, so now exiting");
    drain();
  }
}

void Service::reported(std::list<ActiveJob>::iterator active) {
  active->reported = true;
  --running_now_;
  if (draining_ && active->run->undelivered()) active->run->leave();
  if (active->run->unstarted()) {
    active->live = false;  // nobody else removes what it has
    pause_polling();
  }
  status_file_.changed();
  room_.notify_all();
}

asio::awaitable<void> Service::run_job(std::list<ActiveJob>::iterator active) {
  std::string problem;
  try {
    if (active->waits_for_sweep) {
      co_await swept_.wait();
      active->live = true;
    }
    // Two polls may have brought a job each for the last place.
    while (active->waits_for_room && running_now_ >= options_.config.concurrent && !aborting_)
      co_await room_.wait();
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
  count_end(*active);
  if (auto* const engine = known_engine(active->runner)) engine->disk->look_soon();
  slots_.give_back(active->runner.token.reveal(), active->run->job().info.project_id,
                   active->numbers);
  jobs_.erase(active);
  idle_since_ = std::chrono::steady_clock::now();
  status_file_.changed();
  room_.notify_all();
}

/// Into the file, and into what this process knows of it.
void Service::store_token(const config::Runner& before, const config::TokenChange& change) {
  auto& config = options_.config;
  const auto same = [&before](const config::Runner& runner) {
    return runner.token == before.token && runner.url == before.url;
  };
  try {
    if (!config.path.empty() && !config::change_token(config.path, same, change))
      spdlog::warn("the runner whose token was replaced is not in {} any more runner={}",
                   config.path, before.name);
  } catch (const std::exception&) {
    metrics_.config_saved(false);
    throw;
  }
  metrics_.config_saved(true);
  const auto known = std::ranges::find_if(config.runners, same);
  if (known == config.runners.end()) return;
  const auto index = static_cast<std::size_t>(known - config.runners.begin());
  config.text = config::with_token_changed(config.text, index, change);
  known->token = change.token;
  known->token_obtained_at = change.obtained_at;
  known->token_expires_at = change.expires_at;
}

/// A state directory that takes no jobs must not eat the coordinator's whole queue.
void Service::pause_polling() {
  spdlog::warn("jobs cannot be begun, none are asked for during {} s", unstarted_pause / 1s);
  no_jobs_before_ = std::chrono::steady_clock::now() + unstarted_pause;
  const auto wake = [](util::Condition* room) -> asio::awaitable<void> {
    co_await util::sleep_for(unstarted_pause);
    room->notify_all();
  };
  helpers_.start(wake(&room_));
}

void Service::end_polling() {
  draining_ = true;
  options_.manager.tell("STOPPING=1");
  polling_.cancel();
  status_file_.changed();
  room_.notify_all();
}

void Service::drain() {
  if (!draining_ && !jobs_.empty())
    spdlog::warn("Starting graceful shutdown, waiting for builds to finish builds={}",
                 jobs_.size());
  end_polling();
  // The next process goes on trying to deliver.
  for (auto& job : jobs_)
    if (job.run->undelivered()) job.run->leave();
}

void Service::leave(std::string signal) {
  if (leaving_) return;
  leaving_ = true;
  spdlog::warn(
      "Stopping; the running jobs go on, and the next start takes them over StopSignal={} "
      "builds={}",
      signal, jobs_.size());
  end_polling();
  swept_.set();
  for (auto& job : jobs_) job.run->leave();
  helpers_.start(limit_shutdown());
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
  for (auto& job : jobs_) {
    // The next process goes on trying to deliver.
    if (job.run->undelivered())
      job.run->leave();
    else
      job.run->stop(StopReason::interrupted, abort_text_);
  }
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
  signals.add(SIGUSR1);
  while (true) {
    const int number = co_await signals.async_wait(asio::use_awaitable);
    if (number == SIGHUP) {
      // `systemctl reload` must not end the daemon and leave its jobs behind.
      if (options_.load_config)
        reload_soon();
      else
        spdlog::warn("SIGHUP: this process has no configuration file to read again");
      continue;
    }
    if (number == SIGUSR1) {
      spdlog::info("state={} runners={} builds={}\n{}", process_state(), pollers_.size(),
                   jobs_.size(), jobs_page());
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
    const std::string name = number == SIGINT ? "interrupt" : "terminated";
    if (options_.config.slipway.on_stop == config::OnStop::adopt && !leaving_)
      leave(name);
    else
      abort(name);
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
