#include "runner/metrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace slipway::runner {

namespace {

using Type = Exposition::Type;

/// Of GitLab Runner's `mode` label: how a job's scripts run. Native step execution is the other
/// one.
constexpr auto mode = "traditional";

#if defined(__aarch64__)
constexpr auto architecture = "arm64";
#else
constexpr auto architecture = "amd64";
#endif

MetricLabels labels_of(const RunnerLabels& runner) {
  return {{"runner", runner.short_token},
          {"runner_name", runner.name},
          {"system_id", runner.system_id}};
}

MetricLabels with(MetricLabels labels, const MetricLabels& more) {
  labels.insert(labels.end(), more.begin(), more.end());
  return labels;
}

template <class Map, class Key>
double value_of(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? 0 : static_cast<double>(found->second);
}

void gauge(Exposition& out, const char* name, const char* help, double value) {
  out.family(name, Type::gauge, help);
  out.sample(value);
}

void counter(Exposition& out, const char* name, const char* help, std::uint64_t value) {
  out.family(name, Type::counter, help);
  out.sample(static_cast<double>(value));
}

/// `0`, `5+`: a label that the server makes up must not become any text.
std::string project_jobs_label(std::string_view text) {
  const auto number = text.ends_with('+') ? text.substr(0, text.size() - 1) : text;
  const bool good = !number.empty() && number.size() <= 3 &&
                    std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
  return good ? std::string{text} : "unknown";
}

/// The names of steps come with the job.
std::string stage_label(const std::string& stage) {
  const bool known = !stage.starts_with("step_") || stage == "step_script" ||
                     stage == "step_release" || stage == "step_run";
  return known ? stage : "step_other";
}

MetricLabels manager_of(const RunnerLabels& runner) {
  return {{"runner", runner.short_token}, {"system_id", runner.system_id}};
}

/// One family over all runners.
template <class Value>
void per_runner(Exposition& out, const MetricsMoment& moment, const char* name, Type type,
                const char* help, MetricLabels (*labels)(const RunnerLabels&), Value value) {
  out.family(name, type, help);
  for (const auto& runner : moment.runners)
    out.sample(labels(runner.labels), static_cast<double>(value(runner)));
}

}  // namespace

void Metrics::job_taken(const RunnerLabels& runner, const job::JobInfo& info,
                        std::string_view executor) {
  static const std::vector<double> bounds{1, 3, 10, 30, 60, 120, 300, 900, 1800, 3600};
  ++taken_[runner];
  ++executors_[std::string{executor}];
  queued_.try_emplace({runner, project_jobs_label(info.project_jobs_running)}, bounds)
      .first->second.observe(info.time_in_queue_seconds);
  queues_[runner] = {info.queue_size, info.queue_depth};
}

void Metrics::job_ended(const RunnerLabels& runner, Ended result, std::string_view failure_reason,
                        std::chrono::duration<double> took) {
  ++ended_[result];
  if (result == Ended::failed) ++failed_[{runner, std::string{failure_reason}}];
  static const std::vector<double> bounds{30, 60, 300, 600, 1800, 3600, 7200, 10800, 18000, 36000};
  durations_.try_emplace(runner, bounds).first->second.observe(took.count());
}

void Metrics::orphans_found(std::string_view kind, std::uint64_t count) {
  orphans_[std::string{kind}] += count;
}

std::string Metrics::exposition(const MetricsMoment& moment) const {
  Exposition out;
  out.family("gitlab_runner_version_info", Type::gauge, "This program.");
  out.sample({{"name", "slipway"},
              {"version", moment.version},
              {"revision", moment.revision},
              {"os", "linux"},
              {"architecture", architecture}},
             1);
  out.family("gitlab_runner_process_state_info", Type::gauge, "What the process is doing.");
  out.sample({{"state", moment.process_state}}, 1);
  write_runners(out, moment);
  write_queues(out);
  write_requests(out, moment);
  write_process(out, moment);
  api_.write(out);
  write_jobs(out);
  write_recovery(out, moment);
  return std::move(out).text();
}

void Metrics::write_runners(Exposition& out, const MetricsMoment& moment) const {
  gauge(out, "gitlab_runner_concurrent", "The configured concurrent.", moment.concurrent);
  out.family("gitlab_runner_limit", Type::gauge, "The configured limit of a runner.");
  for (const auto& runner : moment.runners) out.sample(labels_of(runner.labels), runner.limit);
  out.family("gitlab_runner_jobs", Type::gauge, "Jobs under way.");
  std::map<std::tuple<RunnerLabels, std::string, std::string, std::string>, int> jobs;
  for (const auto& runner : moment.runners) jobs[{runner.labels, "idle", "idle", "idle"}] = 0;
  for (const auto& job : moment.jobs)
    ++jobs[{job.runner, job.state, stage_label(job.stage), job.executor_stage}];
  for (const auto& [key, count] : jobs) {
    const auto& [runner, state, stage, executor_stage] = key;
    out.sample(with(labels_of(runner),
                    {{"state", state}, {"stage", stage}, {"executor_stage", executor_stage}}),
               count);
  }
  out.family("gitlab_runner_jobs_total", Type::counter, "Jobs taken.");
  auto taken = taken_;
  for (const auto& runner : moment.runners) taken.try_emplace(runner.labels, 0);
  for (const auto& [runner, count] : taken)
    out.sample(labels_of(runner), static_cast<double>(count));
}

void Metrics::write_queues(Exposition& out) const {
  out.family("gitlab_runner_job_queue_duration_seconds", Type::histogram,
             "How long jobs waited at GitLab.");
  for (const auto& [key, histogram] : queued_)
    out.sample(with(labels_of(key.first), {{"project_jobs_running", key.second}}), histogram);
  out.family("gitlab_runner_job_queue_size", Type::gauge, "GitLab's queue, as the last job told.");
  for (const auto& [runner, queue] : queues_)
    out.sample(labels_of(runner), static_cast<double>(queue.size));
  out.family("gitlab_runner_job_queue_depth", Type::gauge,
             "How far GitLab looked for a job, as the last job told.");
  for (const auto& [runner, queue] : queues_)
    out.sample(labels_of(runner), static_cast<double>(queue.depth));
  out.family("gitlab_runner_job_execution_mode_total", Type::counter, "Jobs taken, by executor.");
  for (const auto& [executor, count] : executors_)
    out.sample({{"mode", mode}, {"executor", executor}}, static_cast<double>(count));
}

void Metrics::write_requests(Exposition& out, const MetricsMoment& moment) const {
  using Runner = MetricsMoment::Runner;
  per_runner(out, moment, "gitlab_runner_request_concurrency", Type::gauge,
             "Requests for jobs under way.", manager_of,
             [](const Runner& runner) { return runner.requests; });
  per_runner(out, moment, "gitlab_runner_request_concurrency_hard_limit", Type::gauge,
             "The configured request_concurrency.", manager_of,
             [](const Runner& runner) { return runner.request_limit; });
  per_runner(out, moment, "gitlab_runner_request_concurrency_adaptive_limit", Type::gauge,
             "What of it the answers so far allow, before it is rounded.", manager_of,
             [](const Runner& runner) { return runner.adaptive_limit; });
  per_runner(out, moment, "gitlab_runner_request_concurrency_used_limit", Type::gauge,
             "How many requests may be under way.", manager_of,
             [](const Runner& runner) { return std::ceil(runner.adaptive_limit); });
  per_runner(out, moment, "gitlab_runner_request_concurrency_exceeded_total", Type::counter,
             "Times that this limit held a request back.", manager_of,
             [](const Runner& runner) { return runner.exceeded; });
  per_runner(out, moment, "gitlab_runner_worker_feeds_total", Type::counter,
             "Requests for jobs made.", labels_of,
             [](const Runner& runner) { return runner.feeds; });
  per_runner(out, moment, "gitlab_runner_worker_feed_failures_total", Type::counter,
             "Requests for jobs that GitLab refused.", labels_of,
             [](const Runner& runner) { return runner.refused; });
  per_runner(out, moment, "gitlab_runner_worker_health_check_failures_total", Type::counter,
             "Refusals after which the runner waits.", labels_of,
             [](const Runner& runner) { return runner.refused; });
}

void Metrics::write_process(Exposition& out, const MetricsMoment& moment) const {
  gauge(out, "gitlab_runner_worker_slots_number", "How many jobs may run at once.",
        moment.concurrent);
  out.family("gitlab_runner_worker_slot_operations_total", Type::counter,
             "Slots opened and closed.");
  out.sample({{"operation", "started"}}, moment.concurrent);
  out.sample({{"operation", "stopped"}}, 0);
  std::map<RunnerLabels, std::uint64_t> failures;
  for (const auto& [key, count] : failed_) failures[key.first] += count;
  out.family("gitlab_runner_worker_processing_failures_total", Type::counter,
             "Jobs that did not succeed.");
  for (const auto& [runner, count] : failures)
    out.sample(with(labels_of(runner), {{"failure_type", "job_failure"}}),
               static_cast<double>(count));
  counter(out, "gitlab_runner_configuration_loaded_total", "Times config.toml was read.",
          config_loaded_);
  counter(out, "gitlab_runner_configuration_loading_error_total",
          "Times config.toml could not be read.", config_unloaded_);
  counter(out, "gitlab_runner_configuration_saved_total", "Times config.toml was changed.",
          config_saved_);
  counter(out, "gitlab_runner_configuration_saving_error_total",
          "Times config.toml could not be changed.", config_unsaved_);
  out.family("gitlab_runner_errors_total", Type::counter, "Lines in the log, by level.");
  for (const auto& [level, count] : moment.log_lines)
    out.sample({{"level", level}}, static_cast<double>(count));
}

void Metrics::write_jobs(Exposition& out) const {
  out.family("gitlab_runner_failed_jobs_total", Type::counter, "Jobs failed, by reason.");
  for (const auto& [key, count] : failed_)
    out.sample({{"runner", key.first.short_token},
                {"runner_name", key.first.name},
                {"failure_reason", key.second},
                {"mode", mode}},
               static_cast<double>(count));
  out.family("gitlab_runner_job_duration_seconds", Type::histogram, "How long jobs took.");
  for (const auto& [runner, histogram] : durations_)
    out.sample(with(labels_of(runner), {{"mode", mode}}), histogram);
  out.family("slipway_jobs_ended_total", Type::counter, "Jobs ended, by result.");
  constexpr std::array results{std::pair{Ended::success, "success"},
                               std::pair{Ended::failed, "failed"},
                               std::pair{Ended::canceled, "canceled"}};
  for (const auto& [result, name] : results)
    out.sample({{"result", name}}, value_of(ended_, result));
}

void Metrics::write_recovery(Exposition& out, const MetricsMoment& moment) const {
  out.family("slipway_jobs_resumed_total", Type::counter,
             "Jobs that a process before this one left, by what became of them.");
  constexpr std::array ways{
      std::pair{Resumed::adopted, "adopted"}, std::pair{Resumed::finished, "finished"},
      std::pair{Resumed::restarted, "restarted"}, std::pair{Resumed::delivered, "delivered"}};
  for (const auto& [way, name] : ways) out.sample({{"how", name}}, value_of(resumed_, way));
  gauge(out, "slipway_undelivered_final_states",
        "Jobs ended whose final state GitLab has not taken yet.",
        static_cast<double>(moment.undelivered));
  gauge(out, "slipway_reaper_pending", "Objects on Engines that could not be removed yet.",
        static_cast<double>(moment.reaper_pending));
  counter(out, "slipway_reaper_failures_total", "Removals that failed and are tried again.",
          moment.reaper_failures);
  counter(out, "slipway_reaper_removed_total", "Objects removed after their job's clean-up.",
          moment.reaper_removed);
  out.family("slipway_orphans_total", Type::counter, "Objects found of jobs that were gone.");
  for (const auto* kind : {"container", "volume", "network"})
    out.sample({{"kind", kind}}, value_of(orphans_, kind));
  counter(out, "slipway_freed_bytes_total", "Freed by the disk collector.", moment.freed_bytes);
  counter(out, "slipway_journal_errors_total", "Journals that could not be written.",
          journal_errors_);
  out.family("slipway_polling_paused", Type::gauge, "1 while no jobs are asked for.");
  out.sample({{"reason", "disk"}}, moment.paused_for_disk ? 1 : 0);
  if (!moment.disk) return;
  gauge(out, "slipway_disk_size_bytes", "Of the filesystem that holds the Engine's data.",
        static_cast<double>(moment.disk->total_bytes));
  gauge(out, "slipway_disk_free_bytes", "Room left there.",
        static_cast<double>(moment.disk->free_bytes));
}

}  // namespace slipway::runner
