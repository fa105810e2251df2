// The stages of a job, one function each.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "config/duration.hpp"
#include "config/feature_flags.hpp"
#include "job/log_lines.hpp"
#include "runner/git_parameters.hpp"
#include "runner/job_run.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using job::Failure;
using job::FailureReason;
using namespace std::chrono_literals;

constexpr int prepare_tries = 3;
constexpr auto prepare_pause = 3s;
constexpr std::chrono::milliseconds after_script_default = 5min;
constexpr std::chrono::milliseconds no_limit{0};
constexpr std::chrono::milliseconds shortest_limit{1};
}  // namespace

asio::awaitable<void> JobRun::in_section(std::string name, asio::awaitable<void> body,
                                         std::string key) {
  if (key.empty()) key = name;
  auto& progress = state_.progress;
  const auto known = progress.done.find(key);
  if (known != progress.done.end()) {
    known->second.rethrow();
    co_return;
  }
  const auto mark = [this](std::string text) {
    if (sections_) trace_->write(job::LogStream::runner, job::LogKind::out, text);
  };
  replaying_ = false;
  if (progress.section != key) {
    resuming_stage_ = false;
    progress.begin(key);
    mark(job::section_start(name, std::chrono::system_clock::now()));
    const auto title = job::title_line(job::stage_title(name, settings_.runner.executor));
    trace_->write(job::LogStream::runner, job::LogKind::out, title);
  }
  std::exception_ptr failure;
  bool cancelled = false;
  try {
    co_await std::move(body);
  } catch (const boost::system::system_error&) {
    failure = std::current_exception();
    cancelled = true;
  } catch (...) {
    failure = std::current_exception();
  }
  trace_->flush(job::LogStream::script);
  mark(job::section_end(name, std::chrono::system_clock::now()));
  if (!cancelled) progress.end(Outcome::of(failure));
  if (failure) std::rethrow_exception(failure);
}

/// Up to three tries with a new executor each; causes that would be the same again are not
/// repeated.
asio::awaitable<void> JobRun::prepare() {
  prepare_began_ = age();
  prepare_limit_ = stage_limit("prepare_timeout", settings_.runner.prepare_timeout);
  for (int attempt = 1;; ++attempt) {
    std::string problem;
    try {
      co_await prepare_once();
      co_return;
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const Failure& failure) {
      if (failure.reason() != FailureReason::runner_system_failure || attempt == prepare_tries ||
          left_)
        throw;
      problem = failure.what();
    } catch (const std::exception& error) {
      if (attempt == prepare_tries || left_) throw;
      problem = error.what();
    }
    check_stopped();
    trace_->error("Preparation failed: " + problem);
    trace_->info("Will be retried in 3s ...");
    if (environment_) co_await environment_->cleanup();
    co_await util::sleep_for(prepare_pause);
    prepare_time();
  }
}

/// A limit of the configuration that is none, or longer than the job's, is the job's.
std::chrono::milliseconds JobRun::stage_limit(const char* name,
                                              std::chrono::milliseconds limit) const {
  const std::chrono::milliseconds job_limit = std::chrono::seconds{settings_.job.timeout_seconds};
  if (limit > no_limit && limit <= job_limit) return limit;
  if (limit != no_limit)
    spdlog::warn("{} {} is no limit within the job's {}, which is used job={}", name,
                 job::duration_text(limit), job::duration_text(job_limit), settings_.job.id);
  return no_limit;
}

/// What is left for getting the environment ready, in all tries; 0 = no limit but the job's.
/// \throws Failure when there is nothing left.
std::chrono::milliseconds JobRun::prepare_time() const {
  if (prepare_limit_ <= no_limit) return no_limit;
  const auto left = prepare_limit_ - (age() - prepare_began_);
  if (left <= no_limit) fail_prepare_timeout();
  return left;
}

void JobRun::fail_prepare_timeout() const {
  throw Failure{FailureReason::job_execution_timeout,
                "prepare timeout: exceeded timeout of " + job::duration_text(prepare_limit_)};
}

asio::awaitable<void> JobRun::prepare_once() {
  state_.execution = random_hex(8);
  environment_ = make_environment();
  for (auto& value : environment_->environment().variables.masked_values())
    trace_->add_masked_value(std::move(value));
  tell_settings();
  const auto limit = prepare_time();
  auto preparing = environment_->prepare();
  if (limit == no_limit) {
    co_await std::move(preparing);
    co_return;
  }
  try {
    co_await util::with_timeout(std::move(preparing), limit);
  } catch (const util::TimeoutError&) {
    fail_prepare_timeout();
  }
}

/// What of the job's own settings could not be read.
void JobRun::tell_settings() {
  if (std::exchange(settings_told_, true)) return;
  std::string text;
  const auto add = [&text](const std::string& error) {
    if (!error.empty()) text += (text.empty() ? "" : "\n") + error;
  };
  const config::FlagVariables of_job = [this](std::string_view name) {
    return settings_.job.variables.find(name);
  };
  for (const auto& flag : config::feature_flags())
    add(config::resolve(flag.name, settings_.runner.feature_flags, of_job).warning);
  for (const auto& error : job_settings(stage_input()).errors) add(error);
  if (!text.empty()) trace_->warning(text);
}

/// Past `limit` the stage is asked to end, and cut off if it does not. \throws util::TimeoutError
/// then.
asio::awaitable<void> JobRun::run_stage(executors::Stage stage, std::chrono::milliseconds limit) {
  if (not_adopted_) std::rethrow_exception(not_adopted_);
  auto& progress = state_.progress;
  const bool resumed = std::exchange(resuming_stage_, false);
  if (!resumed) {
    check_stopped();
    ++progress.stages;
    progress.stage_under_way = true;
    progress.stage_began = age();
  }
  stage.sequence = progress.stages;
  const auto name = stage.name;
  const auto run = [](executors::Executor* environment, executors::Stage what,
                      std::exception_ptr* failure) -> asio::awaitable<void> {
    try {
      co_await environment->run(std::move(what));
    } catch (const std::exception&) {
      *failure = std::current_exception();
    }
  };
  std::exception_ptr failure;
  ++stage_number_;
  stage_running_ = true;
  stage_timed_out_ = false;
  stage_.start(run(environment_.get(), std::move(stage), &failure));
  if (limit > no_limit) {
    const auto left = std::max(limit - (age() - progress.stage_began), shortest_limit);
    timers_.start(limit_stage(left));
  }
  if (resumed && progress.script_cancelled && in_script_) {
    environment_->stop_stage();
    timers_.start(force_stage_end(stage_number_));
  }
  std::exception_ptr abandoned;
  try {
    co_await stage_.join();
  } catch (const boost::system::system_error&) {
    abandoned = std::current_exception();
  }
  ++stage_number_;
  stage_running_ = false;
  if (stage_timed_out_ || state_.stop_reason == StopReason::timed_out)
    say().warning(
        fmt::format("{} could not run to completion because the timeout was exceeded. For more "
                    "control over job and script timeouts see: "
                    "https://docs.gitlab.com/ci/runners/configure_runners/"
                    "#set-script-and-after_script-timeouts",
                    name));
  if (abandoned) std::rethrow_exception(abandoned);
  if (stage_timed_out_) throw util::TimeoutError{limit};
  if (!failure) co_return;
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error&) {
    throw Failure{FailureReason::script_failure,
                  fmt::format("{} did not end when asked to and was cut off", name)};
  }
}

/// Sleeps on when its stage has ended; execute() ends it.
asio::awaitable<void> JobRun::limit_stage(std::chrono::milliseconds limit) {
  const int number = stage_number_;
  co_await util::sleep_for(limit);
  if (number != stage_number_) co_return;
  stage_timed_out_ = true;
  environment_->stop_stage();
  co_await force_stage_end(number);
}

asio::awaitable<void> JobRun::prepare_environment() {
  const auto parameters = source_parameters(stage_input());
  const auto say = [](JobRun* self) -> asio::awaitable<void> {
    const auto line =
        fmt::format("Running on {} via {}...\n", self->environment_->environment().hostname,
                    self->settings_.hostname);
    self->trace_->write(job::LogStream::script, job::LogKind::out, line);
    co_return;
  };
  auto body = say(this);
  if (has_repository(parameters) || environment_->environment().on_host)
    body = run_stage(prepare_script_stage(stage_input(), settings_.hostname), prepare_time());
  std::exception_ptr failure;
  try {
    co_await in_section("prepare_script", std::move(body));
  } catch (const util::TimeoutError&) {
    fail_prepare_timeout();
  } catch (const Failure& error) {
    failure = std::make_exception_ptr(Failure{
        error.reason(),
        fmt::format(
            "prepare environment: {}. Check "
            "https://docs.gitlab.com/runner/shells/#shell-profile-loading for more information",
            error.what()),
        error.exit_code()});
  }
  if (failure) std::rethrow_exception(failure);
}

/// `at`: the job's age when the setting came into force, also in an earlier process.
std::chrono::milliseconds JobRun::duration_setting(const std::string& name,
                                                   std::chrono::milliseconds fallback,
                                                   std::chrono::milliseconds at) {
  const auto text = environment_->environment().variables.get(name);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return fallback;
  const auto value = config::parse_duration(text);
  if (!value) {
    say().warning(fmt::format("Ignoring malformed {} timeout: {}", name, text));
    return fallback;
  }
  const auto parsed = std::chrono::duration_cast<std::chrono::milliseconds>(*value);
  if (parsed < no_limit) {
    say().warning(fmt::format("Ignoring relative {} timeout: {}", name, text));
    return fallback;
  }
  const auto remaining = std::chrono::seconds{settings_.job.timeout_seconds} - at;
  if (parsed > remaining) {
    say().warning(fmt::format("{} timeout: {} is longer than job timeout. Setting to job timeout",
                              name, text));
    return fallback;
  }
  return parsed == no_limit ? fallback : parsed;
}

asio::awaitable<void> JobRun::run_user_stages() {
  auto& began = state_.progress.script_began;
  if (began == no_limit) began = std::max(age(), shortest_limit);
  const auto limit = duration_setting("RUNNER_SCRIPT_TIMEOUT", no_limit, began);
  after_script_limit_ =
      duration_setting("RUNNER_AFTER_SCRIPT_TIMEOUT", after_script_default, began);
  std::exception_ptr failure;
  in_script_ = true;
  auto stages = user_stages(stage_input());
  for (auto stage = stages.begin(); stage != stages.end(); ++stage) {
    const auto name = stage->name;
    const auto begins = resuming_stage_ ? state_.progress.stage_began : age();
    const auto left =
        limit == no_limit ? no_limit : std::max(limit - (begins - began), shortest_limit);
    try {
      auto running = run_stage(std::move(*stage), left);
      co_await in_section(name, std::move(running));
    } catch (const util::TimeoutError&) {
      script_timed_out_ = true;
      failure = std::make_exception_ptr(Failure{FailureReason::job_execution_timeout,
                                                "script timeout: context deadline exceeded"});
    } catch (const boost::system::system_error&) {
      in_script_ = false;
      throw;
    } catch (const std::exception&) {
      failure = std::current_exception();
    }
    // The cancellation came later than a stage after which another one was begun.
    const auto next = std::next(stage);
    const bool went_on = next != stages.end() && state_.progress.knows(next->name);
    if (state_.progress.script_cancelled && state_.stop_reason == StopReason::none && !went_on) {
      say().warning("script canceled externally (UI, API)");
      failure = std::make_exception_ptr(Failure{FailureReason::job_canceled, "canceled"});
    }
    if (failure) break;
  }
  in_script_ = false;
  if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> JobRun::after_script(std::exception_ptr script_failure) {
  job_status_ = state_.progress.script_cancelled ? "canceled"
                : script_timed_out_              ? "timedout"
                : script_failure                 ? "failed"
                                                 : "success";
  auto stage = after_script_stage(stage_input());
  if (!stage) co_return;
  std::string problem;
  std::exception_ptr failure;
  try {
    auto running = run_stage(std::move(*stage), after_script_limit_);
    co_await in_section("after_script", std::move(running));
  } catch (const util::TimeoutError&) {
    problem = "context deadline exceeded";
    failure = std::make_exception_ptr(Failure{FailureReason::job_execution_timeout, problem});
  } catch (const boost::system::system_error&) {
    throw;
  } catch (const std::exception& error) {
    problem = error.what();
    failure = std::current_exception();
  }
  if (!failure || state_.stop_reason != StopReason::none) co_return;
  if (!environment_->environment().variables.get_bool("AFTER_SCRIPT_IGNORE_ERRORS", true))
    std::rethrow_exception(failure);
  say().warning("after_script failed, but job will continue unaffected: " + problem);
}

}  // namespace slipway::runner
