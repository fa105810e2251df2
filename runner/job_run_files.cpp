// The stages that bring the job's files, take what it made away, and tidy up.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "job/artifacts_stage.hpp"
#include "job/log_lines.hpp"
#include "runner/git_parameters.hpp"
#include "runner/job_run.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using job::Failure;
using job::FailureReason;
using namespace std::chrono_literals;

/// Between the attempts of a section: the first pause, which doubles, and the longest.
struct Pauses {
  std::chrono::seconds first;
  std::chrono::seconds longest;
};
constexpr Pauses exponential{5s, 5min};  // FF_USE_EXPONENTIAL_BACKOFF_STAGE_RETRY
constexpr Pauses short_pauses{1s, 5s};
constexpr std::chrono::milliseconds answer_poll = 200ms;
constexpr std::chrono::milliseconds no_limit{0};
constexpr std::chrono::milliseconds shortest_limit{1};
/// Removing temporary files; not worth waiting for longer.
constexpr std::chrono::milliseconds cleanup_files_limit = 1min;
}  // namespace

/// Whether a section that failed is begun once more; then after the pause that is due.
asio::awaitable<bool> JobRun::another_attempt(int attempt, int tries) {
  if (attempt >= tries || state_.stop_reason != StopReason::none || not_adopted_) co_return false;
  say().warning("Retrying...");
  const bool patient = feature_flag(settings_.runner, environment_->environment().variables,
                                    "FF_USE_EXPONENTIAL_BACKOFF_STAGE_RETRY");
  const auto& pauses = patient ? exponential : short_pauses;
  const auto pause = std::min(pauses.first * (1 << (attempt - 1)), pauses.longest);
  if (!replaying_) co_await util::sleep_for(pause);
  co_return true;
}

/// One attempt. \throws util::TimeoutError when `limit`, of all attempts together, is over.
asio::awaitable<void> JobRun::run_sources(int attempt, std::chrono::milliseconds limit) {
  const auto left = [this, limit] {
    if (limit == no_limit) return no_limit;
    // A stage that another process began has its beginning subtracted by run_stage().
    const auto begins = resuming_stage_ ? state_.progress.stage_began : age();
    return std::max(limit - (begins - state_.progress.sources_began), shortest_limit);
  };
  if (attempt == 2) {
    auto clearing = run_stage(clear_worktree_stage(stage_input()), left());
    co_await in_section("clear_worktree", std::move(clearing));
  }
  auto fetching = run_stage(get_sources_stage(stage_input()), left());
  auto key = fmt::format("get_sources#{}", attempt);
  co_await in_section("get_sources", std::move(fetching), std::move(key));
}

asio::awaitable<void> JobRun::get_sources() {
  const int tries = job_settings(stage_input()).get_sources_attempts;
  const auto limit = stage_limit("get_sources_timeout", settings_.runner.get_sources_timeout);
  auto& began = state_.progress.sources_began;
  if (began == no_limit) began = std::max(age(), shortest_limit);
  for (int attempt = 1;; ++attempt) {
    std::exception_ptr failure;
    try {
      co_await run_sources(attempt, limit);
      co_return;
    } catch (const util::TimeoutError&) {
      throw Failure{FailureReason::job_execution_timeout,
                    "get sources timeout: exceeded timeout of " + job::duration_text(limit)};
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const std::exception&) {
      failure = std::current_exception();
    }
    const bool again = co_await another_attempt(attempt, tries);
    if (!again) std::rethrow_exception(failure);
  }
}

std::unique_ptr<executors::CacheObjects> JobRun::cache_objects() const {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return executors::make_cache_objects(
      settings_.runner.cache,
      {settings_.job.info.project_id, job::short_token(settings_.runner.token.reveal())},
      {now, std::chrono::seconds{settings_.job.timeout_seconds}});
}

/// What cannot be restored is said by the helper and harms no job; a stage that fails is one in
/// which the helper itself did.
asio::awaitable<void> JobRun::restore_cache() {
  if (!restore_cache_stage(stage_input(), cache_objects().get())) co_return;
  const int tries = job_settings(stage_input()).restore_cache_attempts;
  for (int attempt = 1;; ++attempt) {
    std::exception_ptr failure;
    try {
      // Addresses are signed anew: they do not hold for ever.
      auto running =
          run_stage(*restore_cache_stage(stage_input(), cache_objects().get()), no_limit);
      auto key = fmt::format("restore_cache#{}", attempt);
      co_await in_section("restore_cache", std::move(running), std::move(key));
      co_return;
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const std::exception&) {
      failure = std::current_exception();
    }
    const bool again = co_await another_attempt(attempt, tries);
    if (!again) std::rethrow_exception(failure);
  }
}

asio::awaitable<void> JobRun::archive_cache(bool success) {
  auto stage = archive_cache_stage(stage_input(), success, cache_objects().get());
  if (!stage || not_adopted_) co_return;
  auto name = stage->name;
  auto running = run_stage(std::move(*stage), no_limit);
  co_await in_section(std::move(name), std::move(running));
}

asio::awaitable<void> JobRun::download_artifacts() {
  if (!download_artifacts_stage(stage_input())) co_return;
  const int tries = job_settings(stage_input()).artifact_download_attempts;
  for (int attempt = 1;; ++attempt) {
    std::exception_ptr failure;
    try {
      auto stage = *download_artifacts_stage(stage_input());
      auto key = fmt::format("download_artifacts#{}", attempt);
      co_await run_with_coordinator(std::move(stage), std::move(key));
      co_return;
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const std::exception&) {
      failure = std::current_exception();
    }
    const bool again = co_await another_attempt(attempt, tries);
    if (!again) std::rethrow_exception(failure);
  }
}

asio::awaitable<void> JobRun::upload_artifacts(bool success) {
  auto stage = upload_artifacts_stage(stage_input(), success);
  if (!stage || not_adopted_) co_return;
  auto key = stage->name;
  co_await run_with_coordinator(std::move(*stage), std::move(key));
}

/// A stage in which the helper talks to the coordinator. Where it had no answer because the
/// coordinator is away, for this process as well, what it was to carry is not lost: the stage is
/// run again when the coordinator is back, as often as the job's time allows.
asio::awaitable<void> JobRun::run_with_coordinator(executors::Stage stage, std::string key) {
  for (int attempt = 1;; ++attempt) {
    const int failures = sender_->outage().failures_in_all();
    std::exception_ptr failure;
    try {
      auto running = run_stage(stage, no_limit);
      auto attempt_key = fmt::format("{}.{}", key, attempt);
      co_await in_section(stage.name, std::move(running), std::move(attempt_key));
      co_return;
    } catch (const Failure& error) {
      if (error.exit_code() != job::coordinator_away_exit_code) throw;
      const auto* text = environment_->environment().on_host ? "exit status 1" : "exit code 1";
      failure = std::make_exception_ptr(Failure{error.reason(), text, 1});
    }
    check_stopped();
    // The first time it may have been away too shortly for this process to notice.
    const bool noticed = replaying_ || sender_->outage().failures_in_all() > failures;
    if (attempt > 1 && !noticed) std::rethrow_exception(failure);
    say().warning("The coordinator did not answer. This is tried again when it does.");
    co_await coordinator_answer();
  }
}

/// Waits for the next call of this process that the coordinator answers.
asio::awaitable<void> JobRun::coordinator_answer() {
  const int answers = sender_->outage().answers();
  while (!replaying_ && sender_->outage().answers() == answers)
    co_await util::sleep_for(answer_poll);
}

asio::awaitable<void> JobRun::cleanup_files() {
  const auto parameters = source_parameters(stage_input());
  const auto nothing = []() -> asio::awaitable<void> { co_return; };
  auto body = nothing();
  // Without sources the project directory lies in a volume of the job, which goes with everything
  // in it.
  if (has_repository(parameters) || environment_->environment().shared)
    body = run_stage(cleanup_stage(stage_input()), cleanup_files_limit);
  try {
    co_await in_section("cleanup_file_variables", std::move(body));
  } catch (const boost::system::system_error&) {
    throw;
  } catch (const std::exception& error) {
    spdlog::warn("cleanup of file variables: {} job={}", error.what(), settings_.job.id);
  }
}

}  // namespace slipway::runner
