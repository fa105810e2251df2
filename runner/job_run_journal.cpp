// How a job begins, is kept in its journal, and ends: the parts that a later process may have to
// do.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "job/log_lines.hpp"
#include "runner/job_run.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using job::FailureReason;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds first_delivery_pause = 5s;
constexpr std::chrono::milliseconds longest_delivery_pause = 5min;

/// For lines that are in the log already.
class SilentLog final : public executors::JobLog {
 public:
  void write(job::LogStream, job::LogKind, std::string_view) override {}
  void flush(job::LogStream) override {}
};
}  // namespace

std::chrono::milliseconds JobRun::age() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
}

executors::JobLog& JobRun::say() {
  static SilentLog silence;
  if (replaying_) return silence;
  return *trace_;
}

job::TraceOptions JobRun::trace_options() const {
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
  return options;
}

/// Journal and log, new ones or those of the process before.
void JobRun::open() {
  sections_ = settings_.job.features.trace_sections;
  // Without either the journal is but a header: nothing was written to the log yet.
  const bool begun = recovery_ && (state_.phase == Phase::ended || !state_.trace.filter.empty());
  if (!journal_) {
    const auto token = job::short_token(settings_.runner.token.reveal());
    journal_.emplace(state_dir_.new_job(token, settings_.job.id), settings_.header);
    key_ = journal_->key();
  }
  if (begun)
    trace_ =
        std::make_unique<Trace>(executor_, journal_->trace_path(), trace_options(), state_.trace);
  else
    trace_ = std::make_unique<Trace>(executor_, journal_->trace_path(), trace_options());
  saved_log_ = state_.trace.size;
  make_sender();
}

void JobRun::make_sender() {
  const auto variables = settings_.job.variables.expanded();
  TraceSender::Settings sending;
  sending.job = settings_.job.id;
  sending.token = settings_.job.token;
  sending.debug_trace =
      !settings_.runner.debug_trace_disabled && (variables.get_bool("CI_DEBUG_TRACE", false) ||
                                                 variables.get_bool("CI_DEBUG_SERVICES", false));
  sending.final_tries = settings_.runner.job_status_final_update_retry_limit;
  sending.sent = state_.sent;
  sending.accepted = state_.accepted;
  sending.checkpoint = [this] { return sendable_log(); };
  sender_ = std::make_unique<TraceSender>(
      executor_, gitlab_, *trace_, std::move(sending),
      [this] { stop(StopReason::canceled, "canceled"); }, [this] { cancel_gracefully(); });
}

/// The whole job as it is now becomes the journal's last line.
bool JobRun::save() {
  if (left_ || !journal_ || !trace_ || !sender_) return false;
  if (environment_ && state_.phase == Phase::staged) state_.executor = environment_->snapshot();
  state_.trace = trace_->state();
  state_.sent = sender_->sent();
  state_.accepted = sender_->accepted();
  state_.age = age();
  state_.clock = ClockReading::now();
  if (settings_.on_change) settings_.on_change();
  std::string problem;
  try {
    journal_->save(state_);
    saved_log_ = state_.trace.size;
  } catch (const std::runtime_error& error) {
    problem = error.what();
  }
  if (problem.empty() && trace_->damaged()) problem = trace_->damage();
  const bool news = !problem.empty() && unsaved_.empty();
  unsaved_ = problem;
  if (!news) return problem.empty();
  spdlog::error("{} job={}", problem, settings_.job.id);
  stop(StopReason::broken, "the runner cannot keep this job's state: " + problem);
  return false;
}

/// What is sent must come out of the journal again, byte for byte.
std::uint64_t JobRun::sendable_log() {
  save();
  // What ended needs no place to go on from; what was left must be found as it was left.
  const bool complete = !left_ && (unsaved_.empty() || state_.phase == Phase::ended);
  return complete ? trace_->size() : saved_log_;
}

asio::awaitable<void> JobRun::report_unstarted(std::string problem) {
  spdlog::error("job not started: {} job={}", problem, settings_.job.id);
  if (!state_.final_update) {
    state_.final_update.emplace().state = "failed";
    state_.final_update->failure_reason = job::to_string(FailureReason::runner_system_failure);
  }
  // There is no log to compare it with.
  state_.final_update->checksum.clear();
  state_.final_update->bytesize = 0;
  delivery_.start(report_until_taken(std::move(problem)));
  co_await delivery_.join();
}

/// What an earlier process left stays in its journal until the coordinator knows.
asio::awaitable<void> JobRun::report_until_taken(std::string problem) {
  if (!recovery_) {
    // There is no spool, and so no second try, for the only line of its log.
    auto line = job::error_line("Job failed (system failure): " + problem);
    co_await gitlab_.patch_trace(settings_.job.id, settings_.job.token, 0, std::move(line), false);
  }
  const auto update = *state_.final_update;
  auto pause = first_delivery_pause;
  while (!state_.delivered) {
    const auto result = co_await gitlab_.update_job(settings_.job.id, settings_.job.token, update);
    if (result.kind != gitlab_api::UpdateResult::Kind::failed) break;
    undelivered_ = true;
    reported();
    co_await util::sleep_for(pause);
    pause = std::min(2 * pause, longest_delivery_pause);
  }
  undelivered_ = false;
  if (journal_) journal_->remove();
}

/// The first lines of a new job; of one whose preparation was cut off they are in the log already.
void JobRun::begin() {
  if (state_.phase == Phase::taken) {
    print_header();
    resolve_job();
    refuse_unsupported();
    state_.phase = Phase::preparing;
    save();
  } else {
    resolve_job();
    trace_->warning("slipway was restarted while it prepared this job, and begins again");
  }
}

std::unique_ptr<executors::Executor> JobRun::make_environment() {
  ExecutorRequest request{.job = settings_.job,
                          .log = *trace_,
                          .timeout = std::chrono::seconds{settings_.job.timeout_seconds},
                          .job_key = key_,
                          .execution = state_.execution,
                          .checkpoint = [this] { return save(); }};
  return settings_.make_executor(std::move(request));
}

/// The containers that another process has left running become this one's.
asio::awaitable<void> JobRun::take_over() {
  resolve_job();
  environment_ = make_environment();
  replaying_ = true;
  resuming_stage_ = state_.progress.stage_under_way;
  try {
    co_await environment_->adopt(state_.executor);
  } catch (const boost::system::system_error&) {
    throw;
  } catch (const std::exception& error) {
    // How the script ended may be known all the same.
    not_adopted_ = std::current_exception();
    spdlog::warn("job not adopted: {} job={}", error.what(), settings_.job.id);
    co_return;
  }
  spdlog::info("job adopted job={} project={} section={}", settings_.job.id,
               settings_.job.info.project_id, state_.progress.section);
}

/// The last line, and the final state, which from now on is delivered whatever happens.
void JobRun::conclude(bool unmapped) {
  if (failure_) outcome_ = classify(failure_);
  gitlab_api::JobUpdate update;
  if (!outcome_) {
    trace_->info("Job succeeded");
    update.state = "success";
  } else {
    const bool system = outcome_->reason == FailureReason::runner_system_failure;
    trace_->error(
        fmt::format("Job failed{}: {}", system ? " (system failure)" : "", outcome_->text));
    update.state = "failed";
    update.failure_reason =
        unmapped ? job::to_string(outcome_->reason)
                 : job::wire_reason(outcome_->reason, settings_.job.features.failure_reasons);
    update.exit_code = outcome_->exit_code;
  }
  trace_->close();
  update.checksum = trace_->checksum();
  update.bytesize = trace_->size();
  state_.final_update = std::move(update);
  state_.phase = Phase::ended;
  save();
}

/// After the end: the coordinator learns of it, and everything that the job made goes.
asio::awaitable<void> JobRun::settle() {
  util::TaskGroup removal{executor_};
  // At once where the job was ended from outside: the coordinator may be away for longer than this
  // process is given.
  if (state_.stop_reason != StopReason::none) removal.start(clean());
  if (state_.delivered)
    reported();
  else
    delivery_.start(deliver_until_taken());
  co_await reported_.wait();
  co_await removal.join();
  co_await clean();
  co_await delivery_.join();
  if (state_.final_update) log_end();
  if (is_over(state_)) journal_->remove();
}

asio::awaitable<void> JobRun::deliver_until_taken() {
  const auto update = *state_.final_update;
  bool done = false;
  if (recovery_ && recovery_->way == Recovery::Way::deliver)
    done = is_done(co_await sender_->deliver(update));
  else
    done = co_await sender_->finish(update);
  auto pause = first_delivery_pause;
  while (!done) {
    undelivered_ = true;
    reported();
    co_await util::sleep_for(pause);
    pause = std::min(2 * pause, longest_delivery_pause);
    const auto result = co_await sender_->deliver(update);
    done = is_done(result);
  }
  undelivered_ = false;
  state_.delivered = true;
  reported();
  save();
}

void JobRun::reported() {
  reported_.set();
  if (std::exchange(reported_once_, true)) return;
  on_reported_();
}

asio::awaitable<void> JobRun::clean() {
  if (state_.cleaned) co_return;
  if (!environment_ && !settings_.adoptable) co_await clean_left();
  if (environment_)
    co_await environment_->cleanup();
  else if (settings_.swept != nullptr)
    co_await settings_.swept->wait();
  state_.cleaned = true;
  save();
  if (settings_.on_removed) settings_.on_removed();
}

/// What no sweep finds, since it carries no label: the executor itself knows where it is.
asio::awaitable<void> JobRun::clean_left() {
  if (!recovery_ || state_.executor.empty()) co_return;
  try {
    environment_ = make_environment();
    co_await environment_->adopt(state_.executor);
  } catch (const boost::system::system_error&) {
    throw;
  } catch (const std::exception& error) {
    spdlog::debug("what a job left is removed: {} job={}", error.what(), settings_.job.id);
  }
}

void JobRun::leave() {
  if (left_) return;
  if (trace_ && sender_) save();
  left_ = state_.phase != Phase::ended;
  work_.cancel();
  delivery_.cancel();
  reported_.set();
}

/// What was only half prepared is no use to the next process.
asio::awaitable<void> JobRun::let_go() {
  // Before anything else: the agents go on talking until nobody listens.
  if (environment_ && state_.phase == Phase::staged) co_await environment_->leave();
  co_await sender_->stop();
  if (environment_ && state_.phase != Phase::staged) co_await environment_->cleanup();
}

}  // namespace slipway::runner
