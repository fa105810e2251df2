// What an earlier process left: its jobs go on or end, and what belongs to no job is removed.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "config/load.hpp"
#include "runner/runnable.hpp"
#include "runner/service.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using namespace std::chrono_literals;

constexpr auto reaper_interval = 30s;
constexpr int reaper_rounds_per_sweep = 6;
/// For what is left over at the start, before jobs that begin anew stop waiting for it.
constexpr auto first_sweep_limit = 10s;

bool same_runner(const config::Runner& a, const config::Runner& b) {
  return a.token.reveal() == b.token.reveal() && a.url == b.url;
}

/// The runner as it was when the job began; `known`: its configuration is.
config::Runner runner_of(const JournalHeader& header, bool& known) {
  known = true;
  if (!header.config.empty()) {
    const auto config =
        config::parse(header.config, "the job's journal", config::process_environment());
    for (const auto& runner : config.runners)
      if (runner.name == header.runner_name && runner.docker) return runner;
  }
  known = false;
  config::Runner runner;
  runner.name = header.runner_name;
  runner.executor = "docker";
  runner.docker.emplace();
  return runner;
}

Metrics::Resumed counted_as(Recovery::Way way) {
  switch (way) {
    case Recovery::Way::deliver:
      return Metrics::Resumed::delivered;
    case Recovery::Way::restart:
      return Metrics::Resumed::restarted;
    case Recovery::Way::adopt:
      return Metrics::Resumed::adopted;
    case Recovery::Way::finish:
      break;
  }
  return Metrics::Resumed::finished;
}

const char* name_of(Recovery::Way way) {
  switch (way) {
    case Recovery::Way::deliver:
      return "delivered";
    case Recovery::Way::restart:
      return "begun again";
    case Recovery::Way::adopt:
      return "adopted";
    case Recovery::Way::finish:
      break;
  }
  return "finished";
}
}  // namespace

JournalHeader Service::journal_header(const config::Runner& runner, const job::Job& job,
                                      std::string payload, Slots::Numbers numbers) const {
  JournalHeader header;
  header.program = fmt::format("slipway {} ({})", options_.version, options_.revision);
  header.job = job.id;
  header.project = job.info.project_id;
  header.payload = std::move(payload);
  header.config = config_text(options_.config, runner);
  header.runner_name = runner.name;
  header.runner_url = runner.url;
  header.runner_token = runner.token;
  header.slots = numbers;
  header.received = ClockReading::now();
  return header;
}

void Service::recover() {
  for (const auto& directory : state_.jobs()) {
    try {
      auto left = Journal::Left::open(directory);
      if (!left) {
        // Cut off before the first object was made.
        std::filesystem::remove_all(directory);
        continue;
      }
      recover_job(std::move(*left));
    } catch (const std::exception& error) {
      spdlog::error("a job of an earlier process is left alone: {}", error.what());
      foreign_jobs_.insert(directory.filename().string());
    }
  }
}

void Service::recover_job(Journal::Left left) {
  auto parsed = job::parse_payload(left.header.payload);
  if (!parsed.job) throw std::runtime_error{"its payload cannot be read: " + parsed.error.text};
  bool configured = false;
  auto runner = runner_of(left.header, configured);
  runner.url = left.header.runner_url;
  runner.token = left.header.runner_token;
  const auto age = left.state.age + elapsed(left.state.clock, ClockReading::now());
  auto recovery =
      plan_recovery(left.state, age, std::chrono::seconds{parsed.job->timeout_seconds}, configured);
  spdlog::info("a job of an earlier process is {} job={} project={} age={}s", name_of(recovery.way),
               left.header.job, left.header.project, age.count() / 1000);

  // Its Engine is swept even if no runner is configured for it any more.
  make_engine_for(runner, recovery.way);
  std::list<ActiveJob> fresh(1);
  const auto active = fresh.begin();
  active->numbers = left.header.slots;
  active->since =
      std::chrono::duration_cast<std::chrono::seconds>(left.header.received.wall).count();
  const auto way = recovery.way;
  active->waits_for_room = recovery.way == Recovery::Way::restart;
  active->waits_for_sweep = active->waits_for_room;
  active->live = recovery.way == Recovery::Way::adopt;
  for (auto& poller : pollers_)
    if (same_runner(poller.runner(), runner)) active->gitlab = &poller.gitlab();
  if (active->gitlab == nullptr) {
    active->own_gitlab = std::make_unique<gitlab_api::Client>(executor_, client_options(runner));
    active->gitlab = active->own_gitlab.get();
  }
  active->runner = std::move(runner);
  auto settings = job_settings(*active, std::move(*parsed.job));
  settings.swept = &swept_;
  JobRun::Recovered recovered{std::move(left.journal), std::move(left.state), std::move(recovery)};
  active->run = std::make_unique<JobRun>(
      executor_, *active->gitlab, state_, std::move(settings), [this, active] { reported(active); },
      std::move(recovered));
  metrics_.job_resumed(counted_as(way));
  slots_.keep(active->runner.token.reveal(), left.header.project, active->numbers);
  jobs_.splice(jobs_.end(), fresh);
}

/// What has ended is told to the coordinator also without its Engine.
void Service::make_engine_for(const config::Runner& runner, Recovery::Way way) {
  try {
    engine_in_use(runner);
  } catch (const std::exception& error) {
    if (way == Recovery::Way::adopt || way == Recovery::Way::restart) throw;
    spdlog::warn("what a job of an earlier process left may stay on its Engine: {} runner={}",
                 error.what(), runner.name);
  }
}

std::set<std::string> Service::live_jobs() const {
  auto keys = foreign_jobs_;
  for (const auto& job : jobs_)
    if (job.live && !job.run->key().empty()) keys.insert(job.run->key());
  return keys;
}

/// One look at every Engine, then at what could not be removed.
asio::awaitable<void> Service::sweep() {
  util::TaskGroup looks{executor_};
  const auto look = [](executors::docker::Sweeper* sweeper,
                       Metrics* metrics) -> asio::awaitable<void> {
    const auto result = co_await sweeper->sweep();
    for (const auto& orphan : result.orphans)
      metrics->orphans_found(executors::to_string(orphan.kind));
    if (!result.orphans.empty())
      spdlog::info("removing what jobs of an earlier process left objects={}",
                   result.orphans.size());
  };
  for (auto& [host, in_use] : engines_) looks.start(look(in_use.sweeper.get(), &metrics_));
  co_await looks.join();
  co_await reaper_.drain();
  status_file_.changed();
}

asio::awaitable<void> Service::tidy() {
  for (auto& poller : pollers_) engine_for(poller.runner());
  for (auto& [host, in_use] : engines_)
    if (!std::exchange(in_use.watched, true)) helpers_.start(in_use.disk->run());
  try {
    auto first = sweep();
    co_await util::with_timeout(std::move(first), first_sweep_limit);
  } catch (const util::TimeoutError&) {
    spdlog::warn("removing what earlier jobs left takes long; new jobs do not wait for it");
  }
  swept_.set();
  for (int round = 1;; ++round) {
    co_await util::sleep_for(reaper_interval);
    if (round % reaper_rounds_per_sweep == 0)
      co_await sweep();
    else if (reaper_.pending() > 0)
      co_await reaper_.drain();
    status_file_.changed();
  }
}

}  // namespace slipway::runner
