#include "runner/trace_sender.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

#include "util/async.hpp"

namespace slipway::runner {

namespace {
using namespace std::chrono_literals;
using Patch = gitlab_api::PatchResult::Kind;
using Update = gitlab_api::UpdateResult::Kind;

constexpr std::size_t largest_patch = 1048576;
constexpr int default_final_tries = 10;
}  // namespace

TraceSender::TraceSender(asio::any_io_executor executor, gitlab_api::Client& gitlab, Trace& trace,
                         Settings settings, std::function<void()> on_abort,
                         std::function<void()> on_cancel)
    : gitlab_{gitlab},
      trace_{trace},
      settings_{std::move(settings)},
      on_abort_{std::move(on_abort)},
      on_cancel_{std::move(on_cancel)},
      interval_{settings_.timing.interval},
      stopping_{executor},
      tasks_{executor} {}

asio::awaitable<bool> TraceSender::accept() {
  gitlab_api::JobUpdate update;
  update.state = "running";
  const auto result = co_await gitlab_.update_job(settings_.job, settings_.token, update);
  if (result.signals.update_interval) interval_ = *result.signals.update_interval;
  if (result.kind == Update::aborted || result.signals.abort) co_return false;
  if (result.signals.cancel_requested) on_cancel_();
  if (result.kind == Update::failed)
    spdlog::warn("accepting the job: {}; going on job={}", result.text, settings_.job);
  co_return true;
}

void TraceSender::start() {
  tasks_.start(rounds());
}

std::chrono::milliseconds TraceSender::pause_before_round() const {
  const auto& timing = settings_.timing;
  return rounds_ < timing.early_rounds ? std::min(timing.early_interval, interval_) : interval_;
}

asio::awaitable<void> TraceSender::rounds() {
  while (!stopping_.is_set() && !aborted_) {
    try {
      auto stopped = stopping_.wait();
      co_await util::with_timeout(std::move(stopped), pause_before_round());
    } catch (const util::TimeoutError&) {
      // time for a round
    }
    if (stopping_.is_set()) co_return;
    ++rounds_;
    co_await round();
  }
}

asio::awaitable<void> TraceSender::round() {
  if (sent_ < trace_.size()) {
    const auto result = co_await patch();
    if (result.kind == Patch::failed)
      spdlog::warn("sending the log: {} job={}", result.text, settings_.job);
    co_return;
  }
  if (rounds_ < settings_.timing.early_rounds) co_return;
  gitlab_api::JobUpdate update;
  update.state = "running";
  update.checksum = trace_.checksum();
  update.bytesize = trace_.size();
  const auto result = co_await gitlab_.update_job(settings_.job, settings_.token, update);
  take(result.signals);
  if (result.kind == Update::aborted && !aborted_) {
    aborted_ = true;
    on_abort_();
  }
}

asio::awaitable<gitlab_api::PatchResult> TraceSender::patch() {
  std::string content;
  try {
    content = trace_.read(sent_, largest_patch);
  } catch (const std::runtime_error& error) {
    unreadable_ = error.what();
  }
  if (!unreadable_.empty()) {
    gitlab_api::PatchResult nothing;
    nothing.text = unreadable_;
    co_return nothing;
  }
  const auto result = co_await gitlab_.patch_trace(settings_.job, settings_.token, sent_,
                                                   std::move(content), settings_.debug_trace);
  if (result.kind == Patch::accepted) sent_ = result.offset;
  // An offset beyond the log's end cannot be served: the round counts as failed.
  if (result.kind == Patch::range_mismatch && result.offset <= trace_.size()) sent_ = result.offset;
  take(result.signals);
  co_return result;
}

void TraceSender::take(const gitlab_api::JobSignals& signals) {
  if (signals.update_interval && !finishing_) interval_ = *signals.update_interval;
  if (signals.abort && !aborted_) {
    aborted_ = true;
    if (!finishing_) on_abort_();
    return;
  }
  if (signals.cancel_requested && !finishing_) on_cancel_();
}

asio::awaitable<void> TraceSender::stop() {
  stopping_.set();
  co_await tasks_.join();
}

asio::awaitable<TraceSender::Flushed> TraceSender::flush() {
  while (sent_ < trace_.size()) {
    const auto result = co_await patch();
    switch (result.kind) {
      case Patch::accepted:
        break;
      case Patch::aborted:
      case Patch::not_found:
        co_return Flushed::gone;
      case Patch::range_mismatch:
        co_await util::sleep_for(interval_);
        if (result.offset > trace_.size()) co_return Flushed::failed;
        break;
      case Patch::failed:
        // The log is lost, the job's state need not be.
        if (!unreadable_.empty()) co_return Flushed::gone;
        spdlog::warn("sending the rest of the log: {} job={}", result.text, settings_.job);
        co_await util::sleep_for(interval_);
        co_return Flushed::failed;
    }
  }
  co_return Flushed::all;
}

/// One try of the end: the rest of the log, then the state, as often as the coordinator asks for
/// more. False: failed.
asio::awaitable<bool> TraceSender::finish_once(gitlab_api::JobUpdate update) {
  interval_ = settings_.timing.interval;
  while (true) {
    if (co_await flush() == Flushed::failed) co_return false;
    if (!unreadable_.empty()) {
      spdlog::error("the log is incomplete: {} job={}", unreadable_, settings_.job);
      update.checksum.clear();
      update.bytesize = 0;
    }
    const auto result = co_await gitlab_.update_job(settings_.job, settings_.token, update);
    switch (result.kind) {
      case Update::succeeded:
      case Update::aborted:
        co_return true;
      case Update::not_completed:
        break;
      case Update::validation_failed:
        sent_ = 0;
        break;
      case Update::failed:
        spdlog::warn("final state: {} job={}", result.text, settings_.job);
        co_await util::sleep_for(interval_);
        co_return false;
    }
    co_await util::sleep_for(interval_);
  }
}

asio::awaitable<bool> TraceSender::finish(gitlab_api::JobUpdate update) {
  if (finishing_) co_return finished_;
  finishing_ = true;
  co_await stop();
  update.checksum = trace_.checksum();
  update.bytesize = trace_.size();
  const int tries = settings_.final_tries < 1 ? default_final_tries : settings_.final_tries;
  auto pause = settings_.timing.first_retry;
  for (int attempt = 0; attempt < tries; ++attempt) {
    if (attempt > 0) {
      co_await util::sleep_for(pause);
      pause = std::min(pause * 2, settings_.timing.longest_retry);
    }
    finished_ = co_await finish_once(update);
    if (finished_) co_return true;
  }
  spdlog::error("the coordinator never took the job's final state job={} state={}", settings_.job,
                update.state);
  co_return false;
}

}  // namespace slipway::runner
