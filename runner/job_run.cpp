#include "runner/job_run.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "job/log_lines.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using job::Failure;
using job::FailureReason;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// After stop(): the stage has 10 s to end itself; what is still there then is cut off.
constexpr auto forced_end_after = 15s;
}  // namespace

JobRun::JobRun(asio::any_io_executor executor, gitlab_api::Client& gitlab, const StateDir& state,
               Settings settings, std::function<void()> on_reported)
    : executor_{executor},
      gitlab_{gitlab},
      state_{state},
      settings_{std::move(settings)},
      on_reported_{std::move(on_reported)},
      started_{Clock::now()},
      work_{executor},
      stage_{executor},
      timers_{executor} {}

void JobRun::start_log() {
  const auto& job = settings_.job;
  const auto variables = job.variables.expanded();
  job::TraceOptions options;
  options.masked_values = variables.masked_values();
  options.masked_values.push_back(job.token.reveal());
  options.masked_values.push_back(settings_.runner.token.reveal());
  options.token_prefixes = job.features.token_mask_prefixes;
  options.mask_all_default_tokens =
      feature_flag(settings_.runner, variables, "FF_MASK_ALL_DEFAULT_TOKENS");
  options.timestamps = feature_flag(settings_.runner, variables, "FF_TIMESTAMPS");
  options.limit_bytes = settings_.runner.output_limit;
  trace_ = std::make_unique<Trace>(
      executor_, state_.spool_path(job::short_token(settings_.runner.token.reveal()), job.id),
      std::move(options));
  sections_ = job.features.trace_sections;

  TraceSender::Settings sending;
  sending.job = job.id;
  sending.token = job.token;
  sending.debug_trace =
      !settings_.runner.debug_trace_disabled && (variables.get_bool("CI_DEBUG_TRACE", false) ||
                                                 variables.get_bool("CI_DEBUG_SERVICES", false));
  sending.final_tries = settings_.runner.job_status_final_update_retry_limit;
  sender_ = std::make_unique<TraceSender>(
      executor_, gitlab_, *trace_, std::move(sending),
      [this] { stop(StopReason::canceled, "canceled"); }, [this] { cancel_gracefully(); });
}

void JobRun::print_header() {
  trace_->plain("Running with " + settings_.program);
  const auto token = job::short_token(settings_.runner.token.reveal());
  if (!token.empty())
    trace_->plain(fmt::format("  on {} {}, system ID: {}", settings_.runner.name, token,
                              settings_.system_id));
}

asio::awaitable<void> JobRun::run() {
  std::optional<JobFailure> failure;
  try {
    start_log();
  } catch (const std::exception&) {
    failure = classify(std::current_exception());
  }
  if (failure) {
    spdlog::error("job not started: {} job={}", failure->text, settings_.job.id);
    gitlab_api::JobUpdate update;
    update.state = "failed";
    update.failure_reason = "runner_system_failure";
    co_await gitlab_.update_job(settings_.job.id, settings_.job.token, update);
    on_reported_();
    co_return;
  }
  const bool accepted = co_await sender_->accept();
  if (!accepted) {
    spdlog::info("job was given up by the coordinator before it started job={}", settings_.job.id);
    on_reported_();
    co_return;
  }
  const bool cancelled_at_once = stop_reason_ == StopReason::canceled;
  sender_->start();
  if (!cancelled_at_once) co_await execute();
  if (cancelled_at_once)
    failure = JobFailure{FailureReason::job_canceled, stop_text_, 0};
  else if (failure_)
    failure = classify(failure_);
  // Whatever goes wrong with the report, what the job made must go; at once where the job was ended
  // from outside, for the coordinator may be away for longer than this process is given.
  util::TaskGroup removal{executor_};
  if (environment_ && stop_reason_ != StopReason::none) removal.start(environment_->cleanup());
  std::exception_ptr problem;
  try {
    co_await report(failure, cancelled_at_once);
  } catch (const std::exception&) {
    problem = std::current_exception();
  }
  on_reported_();
  co_await removal.join();
  if (environment_) co_await environment_->cleanup();
  log_end(failure);
  if (problem) std::rethrow_exception(problem);
}

/// Runs work() so that stop() and the deadline can end it, and keeps how it ended in failure_.
asio::awaitable<void> JobRun::execute() {
  work_.start(work());
  timers_.start(watch_deadline());
  std::exception_ptr ended;
  try {
    co_await work_.join();
  } catch (...) {
    ended = std::current_exception();
  }
  timers_.cancel();
  co_await timers_.join();
  if (stop_reason_ == StopReason::none) {
    failure_ = ended;
    co_return;
  }
  const auto reason = stop_reason_ == StopReason::canceled    ? FailureReason::job_canceled
                      : stop_reason_ == StopReason::timed_out ? FailureReason::job_execution_timeout
                                                              : FailureReason::runner_interrupted;
  failure_ = std::make_exception_ptr(Failure{reason, stop_text_});
}

asio::awaitable<void> JobRun::work() {
  print_header();
  refuse_unsupported();
  const auto begin = Clock::now();
  auto preparing = prepare();
  co_await in_section("prepare_executor", std::move(preparing));
  finish_phase("prepare", begin);
  const auto sources = Clock::now();
  co_await prepare_environment();

  std::exception_ptr failure;
  try {
    co_await get_sources();
    finish_phase("sources", sources);
  } catch (const boost::system::system_error&) {
    throw;
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (!failure) {
    const auto script = Clock::now();
    std::exception_ptr script_failure;
    try {
      co_await run_user_stages();
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const std::exception&) {
      script_failure = std::current_exception();
    }
    check_stopped();
    finish_phase("script", script);
    try {
      co_await after_script(script_failure);
    } catch (const Failure&) {
      failure = std::current_exception();
    }
    if (script_failure) failure = script_failure;
  }
  check_stopped();
  co_await cleanup_files();
  if (failure) std::rethrow_exception(failure);
}

void JobRun::check_stopped() const {
  if (stop_reason_ != StopReason::none) throw Failure{FailureReason::job_canceled, stop_text_};
}

/// What this version cannot do is said by name, instead of a job that looks as if it had done it.
void JobRun::refuse_unsupported() {
  const auto& job = settings_.job;
  const auto refuse = [](bool present, const char* what) {
    if (present)
      throw Failure{FailureReason::runner_system_failure,
                    fmt::format("this version of slipway does not support {}", what)};
  };
  refuse(job.has_secrets, "`secrets`");
  refuse(job.has_run, "`run` (native steps)");
  refuse(job.has_inputs, "job `inputs`");
  for (const auto& unknown : job.image.unknown_options) {
    const auto dot = unknown.find('.');
    throw Failure{
        FailureReason::runner_system_failure,
        fmt::format("Unsupported \"image\" options [{}] for \"{} executor\"; supported "
                    "options are [platform user]",
                    unknown.substr(dot == std::string::npos ? 0 : dot + 1), unknown.substr(0, dot)),
        3};
  }
  if (!job.caches.empty())
    trace_->warning("This version of slipway neither restores nor saves `cache`");
  const bool has_artifacts = std::any_of(
      job.artifacts.begin(), job.artifacts.end(),
      [](const auto& artifact) { return !artifact.paths.empty() || artifact.untracked; });
  if (has_artifacts) trace_->warning("This version of slipway does not upload `artifacts`");
  if (!job.dependencies.empty())
    trace_->warning("This version of slipway does not download the artifacts of other jobs");
}

void JobRun::stop(StopReason reason, std::string text) {
  if (stop_reason_ != StopReason::none) return;
  stop_reason_ = reason;
  stop_text_ = std::move(text);
  if (!stage_running_ || !environment_) {
    work_.cancel();
    return;
  }
  environment_->stop_stage();
  timers_.start(force_stage_end(stage_number_));
}

/// The last resort after stop_stage(): a stage that is still under way is cut off.
asio::awaitable<void> JobRun::force_stage_end(int number) {
  co_await util::sleep_for(forced_end_after);
  if (number == stage_number_) stage_.cancel();
}

asio::awaitable<void> JobRun::watch_deadline() {
  const std::chrono::seconds timeout{settings_.job.timeout_seconds};
  co_await util::sleep_for(timeout);
  stop(StopReason::timed_out,
       fmt::format("execution took longer than {} seconds", job::duration_text(timeout)));
}

void JobRun::cancel_gracefully() {
  if (stop_reason_ != StopReason::none || script_cancelled_) return;
  if (!in_script_) {
    // Before the script there is nothing that after_script could look at; after it there is nothing
    // left to cancel.
    if (phases_.size() < 3) stop(StopReason::canceled, "canceled");
    return;
  }
  script_cancelled_ = true;
  if (!stage_running_) return;
  environment_->stop_stage();
  timers_.start(force_stage_end(stage_number_));
}

asio::awaitable<void> JobRun::report(std::optional<JobFailure> failure, bool unmapped) {
  gitlab_api::JobUpdate update;
  if (!failure) {
    trace_->info("Job succeeded");
    update.state = "success";
  } else {
    const bool system = failure->reason == FailureReason::runner_system_failure;
    trace_->error(
        fmt::format("Job failed{}: {}", system ? " (system failure)" : "", failure->text));
    update.state = "failed";
    update.failure_reason =
        unmapped ? job::to_string(failure->reason)
                 : job::wire_reason(failure->reason, settings_.job.features.failure_reasons);
    update.exit_code = failure->exit_code;
  }
  trace_->close();
  co_await sender_->finish(std::move(update));
}

void JobRun::finish_phase(const char* name, Clock::time_point since) {
  phases_.push_back(
      {name, std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since)});
}

void JobRun::log_end(const std::optional<JobFailure>& failure) {
  std::string phases;
  for (const auto& phase : phases_)
    phases += fmt::format(" {}={}ms", phase.name, phase.duration.count());
  const auto total =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_).count();
  const auto calls =
      environment_ && settings_.counters.engine_calls ? settings_.counters.engine_calls() : 0;
  spdlog::info("job finished job={} project={} result={}{} duration={}ms starts={} engine_calls={}",
               settings_.job.id, settings_.job.info.project_id,
               failure ? job::to_string(failure->reason) : "success", phases, total,
               environment_ ? environment_->container_starts() : 0, calls);
}

StageInput JobRun::stage_input() const {
  return {settings_.job, settings_.runner, environment_->environment(), settings_.user_agent};
}

}  // namespace slipway::runner
