// The end of a job: the rest of its log, then its final state.

#include <spdlog/spdlog.h>

#include <algorithm>

#include "runner/trace_sender.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using Patch = gitlab_api::PatchResult::Kind;
using Update = gitlab_api::UpdateResult::Kind;

constexpr int default_final_tries = 10;
/// What one try bears before it counts as failed. While GitLab collects and checks a log it answers
/// 202; after 5 minutes it takes the state without that, which is 100 times 3 s.
constexpr int most_not_completed = 100;
constexpr int most_mismatches = 20;
/// A log that was sent whole so often and still does not fit never will.
constexpr int most_resends = 3;

void drop_checksum(gitlab_api::JobUpdate& update, std::string_view why, std::int64_t job) {
  if (!update.checksum.empty())
    spdlog::error("the final state goes out without the log's checksum: {} job={}", why, job);
  update.checksum.clear();
  update.bytesize = 0;
}
}  // namespace

asio::awaitable<TraceSender::Flushed> TraceSender::flush() {
  while (sent_ < trace_.size()) {
    const auto count = sendable();
    // The log is lost, the job's state need not be.
    if (!unreadable_.empty()) co_return Flushed::gone;
    if (count == 0) co_return Flushed::failed;
    const auto begin = sent_;
    const auto result = co_await patch(count);
    switch (result.kind) {
      case Patch::accepted:
        break;
      case Patch::aborted:
      case Patch::not_found:
        co_return Flushed::gone;
      case Patch::range_mismatch:
        if (result.offset > trace_.size()) co_return Flushed::beyond;
        if (++try_.mismatches > most_mismatches) {
          spdlog::warn("the coordinator asks for other parts of the log again and again job={}",
                       settings_.job);
          co_return Flushed::failed;
        }
        // More than it acknowledged: only an answer was lost.
        if (sent_ <= begin) co_await util::sleep_for(interval_);
        break;
      case Patch::failed:
        if (!unreadable_.empty()) co_return Flushed::gone;
        co_return gitlab_api::is_passing(result.http_status) ? Flushed::failed : Flushed::refused;
    }
  }
  co_return Flushed::all;
}

Delivery TraceSender::done(Delivery result) {
  done_ = result;
  return result;
}

/// nullopt: the coordinator asks for more.
asio::awaitable<std::optional<Delivery>> TraceSender::put_final(gitlab_api::JobUpdate update) {
  const bool repeated = std::exchange(final_put_sent_, true);
  const auto result = co_await gitlab_.update_job(settings_.job, settings_.token, update);
  if (result.kind == Update::failed)
    outage_.failed("sending the final state", result.text);
  else
    outage_.answered();
  switch (result.kind) {
    case Update::succeeded:
      co_return done(Delivery::delivered);
    case Update::aborted: {
      // `failed` comes as the answer to `failed`, too, and 403 to whatever comes after the end.
      const bool ours = repeated || result.http_status == 200 || result.job_status == update.state;
      co_return done(ours ? Delivery::delivered : Delivery::not_wanted);
    }
    case Update::not_completed:
      if (++try_.not_completed > most_not_completed) co_return Delivery::later;
      co_return std::nullopt;
    case Update::validation_failed:
      sent_ = 0;
      if (++try_.resends > most_resends) co_return Delivery::later;
      co_return std::nullopt;
    case Update::failed:
      break;
  }
  co_return gitlab_api::is_passing(result.http_status) ? Delivery::later : Delivery::refused;
}

/// One try of the end: the rest of the log, then the state, as often as the coordinator asks for
/// more. `last_resort`: rather the state without its log than neither.
asio::awaitable<Delivery> TraceSender::try_to_deliver(gitlab_api::JobUpdate update,
                                                      bool last_resort) {
  interval_ = settings_.timing.interval;
  try_ = {};
  update.checksum = trace_.checksum();
  update.bytesize = trace_.size();
  if (!accepted_) {
    co_await repeat_acceptance();
    if (!accepted_) co_return Delivery::later;
    if (aborted_) co_return done(Delivery::not_wanted);
  }
  while (true) {
    const auto flushed = co_await flush();
    if (flushed == Flushed::failed) co_return Delivery::later;
    const bool unsendable = flushed == Flushed::beyond || flushed == Flushed::refused;
    if (unsendable && !last_resort) co_return Delivery::later;
    if (flushed == Flushed::beyond)
      drop_checksum(update, "the coordinator has more than the whole log", settings_.job);
    if (flushed == Flushed::refused)
      drop_checksum(update, "the coordinator refuses the log", settings_.job);
    if (!unreadable_.empty()) drop_checksum(update, unreadable_, settings_.job);
    if (try_.resends == most_resends)
      drop_checksum(update, "the coordinator refused it again and again", settings_.job);
    const auto result = co_await put_final(update);
    if (result) co_return *result;
    co_await util::sleep_for(interval_);
  }
}

asio::awaitable<bool> TraceSender::finish(gitlab_api::JobUpdate update) {
  if (finishing_) co_return done_.has_value();
  finishing_ = true;
  co_await stop();
  const int tries = settings_.final_tries < 1 ? default_final_tries : settings_.final_tries;
  auto pause = settings_.timing.first_retry;
  for (int attempt = 0; attempt < tries; ++attempt) {
    if (attempt > 0) {
      co_await util::sleep_for(interval_);
      co_await util::sleep_for(pause);
      pause = std::min(pause * 2, settings_.timing.longest_retry);
    }
    const auto result = co_await try_to_deliver(update, false);
    if (is_done(result)) co_return true;
  }
  spdlog::error("the coordinator did not take the job's final state job={} state={} tries={}",
                settings_.job, update.state, tries);
  co_return false;
}

asio::awaitable<Delivery> TraceSender::deliver(gitlab_api::JobUpdate update) {
  if (done_) co_return *done_;
  finishing_ = true;
  co_await stop();
  co_return co_await try_to_deliver(update, true);
}

}  // namespace slipway::runner
