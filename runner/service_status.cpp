// What the daemon tells of itself: metrics, status file, pages.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "runner/executors_of.hpp"
#include "runner/log_counts.hpp"
#include "runner/process_stats.hpp"
#include "runner/service.hpp"

namespace slipway::runner {

namespace {
using executors::docker::DiskSpace;

/// The jobs' states and the parts of the executor as GitLab Runner's metrics name them.
const char* metric_state(Phase phase) {
  return phase == Phase::taken ? "pending" : phase == Phase::ended ? "finished" : "running";
}

const char* executor_stage(const config::Runner& runner, Phase phase) {
  if (!uses_engine(runner))
    return phase == Phase::staged ? "run" : phase == Phase::ended ? "cleanup" : "prepare";
  return phase == Phase::staged  ? "docker_run"
         : phase == Phase::ended ? "docker_cleanup"
                                 : "docker_prepare";
}
}  // namespace

const char* Service::process_state() const {
  if (aborting_ || leaving_) return "forceful-shutdown";
  if (draining_) return "graceful-shutdown";
  return swept_.is_set() ? "running" : "starting";
}

RunnerLabels Service::labels_of(const config::Runner& runner) const {
  return {job::short_token(runner.token.reveal()), runner.name, options_.system_id};
}

void Service::count_end(const ActiveJob& job) {
  const auto& state = job.run->state();
  if (job.run->journal_failed()) metrics_.journal_failed();
  if (!state.final_update || job.run->was_over()) return;
  const bool canceled =
      state.stop_reason == StopReason::canceled || state.progress.script_cancelled;
  const auto result = state.final_update->state == "success" ? Metrics::Ended::success
                      : canceled                             ? Metrics::Ended::canceled
                                                             : Metrics::Ended::failed;
  metrics_.job_ended(labels_of(job.runner), result, state.final_update->failure_reason, state.age);
}

MetricsMoment Service::moment() const {
  MetricsMoment now;
  now.version = options_.version;
  now.revision = options_.revision;
  now.process_state = process_state();
  now.concurrent = options_.config.concurrent;
  for (const auto& poller : pollers_) {
    const auto& counts = poller.counts();
    now.runners.push_back({labels_of(poller.runner()), poller.runner().limit,
                           poller.requests_under_way(), poller.request_limit().hard(),
                           poller.request_limit().adaptive(), counts.feeds, counts.exceeded,
                           counts.refused});
  }
  now.log_lines = log_line_counts();
  for (const auto& job : jobs_) {
    const auto& state = job.run->state();
    now.jobs.push_back({labels_of(job.runner), metric_state(state.phase), state.progress.section,
                        executor_stage(job.runner, state.phase)});
    if (job.run->undelivered()) ++now.undelivered;
  }
  now.reaper_pending = reaper_.pending();
  now.reaper_failures = reaper_.failures();
  now.reaper_removed = reaper_.removed();
  const auto disk = fullest_disk();
  if (disk) now.disk = {disk->total(), disk->free};
  for (const auto& [key, engine] : engines_) {
    now.freed_bytes += engine.disk->figures().freed;
    now.paused_for_disk = now.paused_for_disk || !engine.disk->room();
  }
  return now;
}

std::optional<DiskSpace> Service::fullest_disk() const {
  std::optional<DiskSpace> fullest;
  for (const auto& [key, engine] : engines_) {
    const auto& disk = engine.disk->disk();
    if (disk && (!fullest || disk->used_share() > fullest->used_share())) fullest = disk;
  }
  return fullest;
}

Status Service::status() const {
  Status now;
  now.pid = ::getpid();
  now.version = options_.version;
  now.started = started_;
  now.state = process_state();
  for (const auto& job : jobs_) {
    const auto& state = job.run->state();
    const auto& info = job.run->job();
    if (job.run->undelivered())
      now.undelivered.push_back({job.run->key(), info.id, info.info.project_id,
                                 state.final_update->state, job.since,
                                 job.run->delivery_problem()});
    else
      now.jobs.push_back({job.run->key(), info.id, info.info.project_id, to_string(state.phase),
                          job.since, job.run->recovered()});
  }
  now.reaper_pending = reaper_.pending();
  now.reaper_failures = reaper_.failures();
  for (const auto& left : reaper_.objects())
    now.objects.push_back({std::string{executors::to_string(left.object.kind)}, left.object.id,
                           left.object.job, left.tries, left.last_error});
  const auto disk = fullest_disk();
  if (!disk) return now;
  const auto figures = moment();
  now.disk = {disk->path, disk->total(), disk->free, figures.freed_bytes, figures.paused_for_disk};
  return now;
}

std::string Service::jobs_page() const {
  std::string page;
  for (const auto& job : jobs_) {
    const auto& state = job.run->state();
    page += fmt::format("id={} project={} runner={} phase={} stage={} age={}s\n", job.run->job().id,
                        job.run->job().info.project_id, job::short_token(job.runner.token.reveal()),
                        to_string(state.phase), state.progress.section,
                        std::chrono::duration_cast<std::chrono::seconds>(job.run->age()).count());
  }
  return page;
}

MetricsServer::Pages Service::pages() {
  MetricsServer::Pages pages;
  pages.metrics = [this] { return metrics_.exposition(moment()) + process_stats(); };
  pages.ready = [this] { return !draining_; };
  pages.process_state = [this] { return std::string{process_state()}; };
  pages.jobs = [this] { return jobs_page(); };
  return pages;
}

}  // namespace slipway::runner
