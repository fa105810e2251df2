#include "runner/job_run.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "config/feature_flags.hpp"
#include "job/inputs.hpp"
#include "job/log_lines.hpp"
#include "job/native_steps.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using job::Failure;
using job::FailureReason;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// After stop(): the stage has 10 s to end itself; what is still there then is cut off.
constexpr auto forced_end_after = 15s;
constexpr int open_tries = 5;
constexpr int bad_options_exit_code = 3;
constexpr std::chrono::milliseconds open_pause = 2s;

/// RFC 3339.
std::string utc_text(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

/// Options that no executor knows fail the job, so that nobody believes they are in force.
void refuse_options(const job::Image& image, const char* what) {
  for (const auto& unknown : image.unknown_options) {
    const auto dot = unknown.find('.');
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("Unsupported \"{}\" options [{}] for \"{} executor\"; supported "
                              "options are [platform user]",
                              what, unknown.substr(dot == std::string::npos ? 0 : dot + 1),
                              unknown.substr(0, dot)),
                  bad_options_exit_code};
  }
}
}  // namespace

JobRun::JobRun(asio::any_io_executor executor, gitlab_api::Client& gitlab,
               const StateDir& state_dir, Settings settings, std::function<void()> on_reported,
               std::optional<Recovered> recovered)
    : executor_{executor},
      gitlab_{gitlab},
      state_dir_{state_dir},
      settings_{std::move(settings)},
      on_reported_{std::move(on_reported)},
      started_{Clock::now()},
      reported_{executor},
      work_{executor},
      stage_{executor},
      timers_{executor},
      delivery_{executor} {
  state_.clock = ClockReading::now();
  if (!recovered) return;
  journal_.emplace(std::move(recovered->journal));
  key_ = journal_->key();
  state_ = std::move(recovered->state);
  recovery_ = std::move(recovered->recovery);
  started_ -= state_.age + elapsed(state_.clock, ClockReading::now());
}

JobRun::~JobRun() = default;

void JobRun::print_header() {
  trace_->plain("Running with " + settings_.program);
  const auto token = job::short_token(settings_.runner.token.reveal());
  if (!token.empty())
    trace_->plain(fmt::format("  on {} {}, system ID: {}", settings_.runner.name, token,
                              settings_.system_id));
  const config::FlagVariables of_job = [this](std::string_view name) {
    return settings_.job.variables.find(name);
  };
  const auto flags = config::changed_flags(settings_.runner.feature_flags, of_job);
  if (!flags.empty()) trace_->plain("  feature flags: " + flags);
}

/// What the job says of itself in terms of its inputs, and in steps, becomes what is run.
void JobRun::resolve_job() {
  auto& job = settings_.job;
  if (feature_flag(settings_.runner, job.variables, "FF_ENABLE_JOB_INPUTS_INTERPOLATION"))
    job::interpolate_inputs(job);
  job::use_step_runner(job);
}

asio::awaitable<void> JobRun::run() {
  std::string problem;
  for (int attempt = 1; attempt <= open_tries && !trace_; ++attempt) {
    try {
      open();
      problem.clear();
    } catch (const std::exception& error) {
      problem = error.what();
    }
    // What an earlier process left is worth some patience.
    if (problem.empty() || !recovery_) break;
    spdlog::warn("{} job={}", problem, settings_.job.id);
    co_await util::sleep_for(open_pause);
  }
  if (!problem.empty()) {
    unstarted_ = true;
    co_await report_unstarted(problem);
    reported();
    co_return;
  }
  if (state_.phase != Phase::ended) co_await live();
  if (state_.phase == Phase::ended)
    co_await settle();
  else
    co_await let_go();
  reported();
}

/// The job up to its final state, or until it is left.
asio::awaitable<void> JobRun::live() {
  const auto way = recovery_ ? recovery_->way : Recovery::Way::restart;
  if (way == Recovery::Way::restart) {
    const bool accepted = co_await sender_->accept();
    if (left_) co_return;
    if (!accepted) {
      spdlog::info("job was given up by the coordinator before it started job={}",
                   settings_.job.id);
      state_.phase = Phase::ended;
      state_.delivered = true;
      co_return;
    }
  }
  const bool cancelled_at_once =
      way == Recovery::Way::restart && state_.stop_reason == StopReason::canceled;
  sender_->start();
  if (way == Recovery::Way::finish) {
    state_.stop_reason = recovery_->reason;
    state_.stop_text = recovery_->text;
  }
  if (cancelled_at_once || way == Recovery::Way::finish)
    fail_stopped();
  else
    co_await execute();
  if (!left_) conclude(cancelled_at_once);
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
  if (state_.stop_reason == StopReason::none)
    failure_ = ended;
  else
    fail_stopped();
}

void JobRun::fail_stopped() {
  auto reason = FailureReason::runner_system_failure;
  if (state_.stop_reason == StopReason::canceled) reason = FailureReason::job_canceled;
  if (state_.stop_reason == StopReason::timed_out) reason = FailureReason::job_execution_timeout;
  if (state_.stop_reason == StopReason::interrupted) reason = FailureReason::runner_interrupted;
  failure_ = std::make_exception_ptr(Failure{reason, state_.stop_text});
}

asio::awaitable<void> JobRun::work() {
  if (recovery_ && recovery_->way == Recovery::Way::adopt)
    co_await take_over();
  else
    begin();
  const auto began = Clock::now();
  auto preparing = prepare();
  co_await in_section("prepare_executor", std::move(preparing));
  state_.phase = Phase::staged;
  finish_phase("prepare", began);
  const auto sources = Clock::now();
  co_await prepare_environment();

  std::exception_ptr failure;
  try {
    co_await get_sources();
    co_await restore_cache();
    co_await download_artifacts();
    finish_phase("sources", sources);
  } catch (const boost::system::system_error&) {
    throw;
  } catch (const Failure& error) {
    // The limit of get_sources: nothing else runs.
    if (error.reason() == FailureReason::job_execution_timeout) throw;
    failure = std::current_exception();
  }
  if (!failure) co_await run_scripts(&failure);
  check_stopped();
  const bool success = failure == nullptr;
  try {
    co_await archive_cache(success);
  } catch (const Failure&) {
    if (!failure) failure = std::current_exception();
  }
  check_stopped();
  try {
    co_await upload_artifacts(success);
  } catch (const Failure&) {
    if (!failure) failure = std::current_exception();
  }
  check_stopped();
  co_await cleanup_files();
  if (failure) std::rethrow_exception(failure);
}

/// The user's stages and after_script.
asio::awaitable<void> JobRun::run_scripts(std::exception_ptr* failure) {
  const auto began = Clock::now();
  std::exception_ptr script_failure;
  try {
    co_await run_user_stages();
  } catch (const boost::system::system_error&) {
    throw;
  } catch (const std::exception&) {
    script_failure = std::current_exception();
  }
  script_over_ = true;
  check_stopped();
  finish_phase("script", began);
  try {
    co_await after_script(script_failure);
  } catch (const Failure&) {
    *failure = std::current_exception();
  }
  if (script_failure) *failure = script_failure;
}

void JobRun::check_stopped() const {
  if (state_.stop_reason != StopReason::none)
    throw Failure{FailureReason::job_canceled, state_.stop_text};
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
  refuse_options(job.image, "image");
  for (const auto& service : job.services) refuse_options(service, "services");
}

void JobRun::stop(StopReason reason, std::string text) {
  if (state_.stop_reason != StopReason::none || state_.phase == Phase::ended || left_) return;
  state_.stop_reason = reason;
  state_.stop_text = std::move(text);
  save();
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
  const auto left = std::max<std::chrono::milliseconds>(timeout - age(), 1ms);
  co_await util::sleep_for(left);
  stop(StopReason::timed_out,
       fmt::format("execution took longer than {} seconds", job::duration_text(timeout)));
}

void JobRun::cancel_gracefully() {
  auto& cancelled = state_.progress.script_cancelled;
  if (state_.stop_reason != StopReason::none || cancelled) return;
  if (replaying_) {
    // in_script_ and script_over_ are known when the past has been gone through.
    cancelled =
        state_.progress.script_began > std::chrono::milliseconds{0} &&
        !state_.progress.knows_any({"after_script", "archive_cache", "archive_cache_on_failure",
                                    "upload_artifacts_on_success.1",
                                    "upload_artifacts_on_failure.1", "cleanup_file_variables"});
    if (state_.progress.script_began == std::chrono::milliseconds{0})
      stop(StopReason::canceled, "canceled");
    save();
    return;
  }
  if (!in_script_) {
    // Before the script there is nothing that after_script could look at; after it there is nothing
    // left to cancel.
    if (!script_over_) stop(StopReason::canceled, "canceled");
    return;
  }
  cancelled = true;
  save();
  if (!stage_running_) return;
  environment_->stop_stage();
  timers_.start(force_stage_end(stage_number_));
}

void JobRun::finish_phase(const char* name, Clock::time_point since) {
  if (replaying_) return;
  phases_.push_back(
      {name, std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since)});
}

void JobRun::log_end() const {
  const auto& update = *state_.final_update;
  std::string phases;
  for (const auto& phase : phases_)
    phases += fmt::format(" {}={}ms", phase.name, phase.duration.count());
  const auto total =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_).count();
  const auto calls =
      environment_ && settings_.counters.engine_calls ? settings_.counters.engine_calls() : 0;
  spdlog::info("job finished job={} project={} result={}{} duration={}ms starts={} engine_calls={}",
               settings_.job.id, settings_.job.info.project_id,
               update.failure_reason.empty() ? update.state : update.failure_reason, phases, total,
               environment_ ? environment_->container_starts() : 0, calls);
}

StageInput JobRun::stage_input() const {
  const auto now = std::chrono::system_clock::now();
  return {settings_.job,        settings_.runner,      environment_->environment(),
          settings_.user_agent, utc_text(now - age()), utc_text(now),
          job_status_};
}

}  // namespace slipway::runner
