#include "runner/trace_sender.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

#include "util/async.hpp"

namespace slipway::runner {

namespace {
using Patch = gitlab_api::PatchResult::Kind;
using Update = gitlab_api::UpdateResult::Kind;

constexpr std::size_t largest_patch = 1048576;

asio::awaitable<void> grown_to(Trace& trace, std::uint64_t size) {
  while (trace.size() < size) {
    trace.grown().reset();
    co_await trace.grown().wait();
  }
}

asio::awaitable<void> first_to_end(asio::awaitable<void> a, asio::awaitable<void> b) {
  co_await util::first_of(std::move(a), std::move(b));
}
}  // namespace

TraceSender::TraceSender(asio::any_io_executor executor, gitlab_api::Client& gitlab, Trace& trace,
                         Settings settings, std::function<void()> on_abort,
                         std::function<void()> on_cancel)
    : gitlab_{gitlab},
      trace_{trace},
      settings_{std::move(settings)},
      on_abort_{std::move(on_abort)},
      on_cancel_{std::move(on_cancel)},
      sent_{std::min(settings_.sent, trace.size())},
      accepted_{settings_.accepted},
      interval_{settings_.timing.interval},
      outage_{settings_.job},
      stopping_{executor},
      tasks_{executor} {}

asio::awaitable<bool> TraceSender::accept() {
  gitlab_api::JobUpdate update;
  update.state = "running";
  gitlab_api::UpdateResult result;
  auto call = gitlab_.update_job(settings_.job, settings_.token, update);
  try {
    result = co_await util::with_timeout(std::move(call), settings_.timing.accept_limit);
  } catch (const util::TimeoutError& error) {
    result.text = error.what();
  }
  if (result.signals.update_interval) interval_ = *result.signals.update_interval;
  if (result.kind == Update::aborted || result.signals.abort) co_return false;
  if (result.signals.cancel_requested) on_cancel_();
  accepted_ = result.kind != Update::failed || !gitlab_api::is_passing(result.http_status);
  if (!accepted_)
    outage_.failed("accepting the job", result.text);
  else if (result.kind == Update::failed)
    spdlog::warn("accepting the job: {}; going on job={}", result.text, settings_.job);
  co_return true;
}

/// Before anything else is sent: a coordinator that hands jobs out in two phases refuses the log of
/// one that nobody accepted.
asio::awaitable<void> TraceSender::repeat_acceptance() {
  gitlab_api::JobUpdate update;
  update.state = "running";
  const auto result = co_await gitlab_.update_job(settings_.job, settings_.token, update);
  if (result.kind == Update::failed && gitlab_api::is_passing(result.http_status)) {
    outage_.failed("accepting the job", result.text);
    co_return;
  }
  outage_.answered();
  accepted_ = true;
  take(result.signals);
  if (result.kind == Update::aborted) abort();
}

void TraceSender::start() {
  tasks_.start(rounds());
}

std::chrono::milliseconds TraceSender::pause_before_round() const {
  const auto& timing = settings_.timing;
  if (outage_.failures() > 0) return outage_.pause(interval_, gitlab_.options().clock.random());
  return rounds_ < timing.early_rounds ? std::min(timing.early_interval, interval_) : interval_;
}

/// One round per interval. A whole PATCH does not wait for that: it would be made sooner or later,
/// so that the coordinator would be spared nothing, and what is printed faster than one per
/// interval would pile up until the job ends.
asio::awaitable<void> TraceSender::rounds() {
  bool flowing = true;  // the last round left nothing behind that it could have sent
  while (!stopping_.is_set() && !aborted_) {
    const bool hurried = flowing && outage_.failures() == 0;
    const auto full = sent_ + largest_patch;
    if (!hurried || trace_.size() < full) {
      auto due = stopping_.wait();
      if (hurried) due = first_to_end(std::move(due), grown_to(trace_, full));
      try {
        co_await util::with_timeout(std::move(due), pause_before_round());
      } catch (const util::TimeoutError&) {
        // time for a round
      }
      ++rounds_;
    }
    if (stopping_.is_set()) co_return;
    const auto before = sent_;
    co_await round();
    flowing = sent_ > before || sent_ == trace_.size();
  }
}

asio::awaitable<void> TraceSender::round() {
  if (!accepted_) {
    co_await repeat_acceptance();
    if (!accepted_ || aborted_) co_return;
  }
  const auto count = sendable();
  if (count > 0) {
    const auto result = co_await patch(count);
    // A PATCH may miss a job that is there; whether it is, the state's endpoint knows.
    if (result.kind != Patch::not_found || aborted_ || stopping_.is_set()) co_return;
  } else if (rounds_ < settings_.timing.early_rounds) {
    co_return;
  }
  co_await touch();
}

asio::awaitable<void> TraceSender::touch() {
  gitlab_api::JobUpdate update;
  update.state = "running";
  update.checksum = trace_.checksum();
  update.bytesize = trace_.size();
  const auto result = co_await gitlab_.update_job(settings_.job, settings_.token, update);
  if (result.kind == Update::failed)
    outage_.failed("asking for the job's state", result.text);
  else
    outage_.answered();
  take(result.signals);
  if (result.kind == Update::aborted) abort();
}

/// Takes a checkpoint where there is something to send; how much of that it allows to be sent.
std::size_t TraceSender::sendable() {
  if (sent_ >= trace_.size() || !unreadable_.empty()) return 0;
  auto limit = trace_.size();
  if (settings_.checkpoint) {
    try {
      limit = std::min(limit, settings_.checkpoint());
      checkpoint_failed_ = false;
    } catch (const std::exception& error) {
      if (!checkpoint_failed_)
        spdlog::error("the log cannot be sent for now: {} job={}", error.what(), settings_.job);
      checkpoint_failed_ = true;
      return 0;
    }
  }
  return limit > sent_ ? std::min<std::uint64_t>(largest_patch, limit - sent_) : 0;
}

asio::awaitable<gitlab_api::PatchResult> TraceSender::patch(std::size_t count) {
  gitlab_api::PatchResult result;
  std::string content;
  try {
    content = trace_.read(sent_, count);
  } catch (const std::runtime_error& error) {
    unreadable_ = error.what();
    spdlog::error("the rest of the log is lost: {} job={}", unreadable_, settings_.job);
  }
  if (!unreadable_.empty()) co_return result;
  result = co_await gitlab_.patch_trace(settings_.job, settings_.token, sent_, std::move(content),
                                        settings_.debug_trace);
  if (result.kind == Patch::failed)
    outage_.failed("sending the log", result.text);
  else
    outage_.answered();
  if (result.kind == Patch::accepted) sent_ = result.offset;
  // An offset beyond the log's end cannot be served: the round counts as failed.
  if (result.kind == Patch::range_mismatch && result.offset <= trace_.size()) sent_ = result.offset;
  take(result.signals);
  co_return result;
}

void TraceSender::take(const gitlab_api::JobSignals& signals) {
  if (signals.update_interval && !finishing_) interval_ = *signals.update_interval;
  if (signals.abort)
    abort();
  else if (signals.cancel_requested && !finishing_)
    on_cancel_();
}

void TraceSender::abort() {
  if (aborted_) return;
  aborted_ = true;
  if (!finishing_) on_abort_();
}

asio::awaitable<void> TraceSender::stop() {
  stopping_.set();
  auto ended = tasks_.join();
  try {
    co_await util::with_timeout(std::move(ended), settings_.timing.stop_limit);
  } catch (const util::TimeoutError& error) {
    // What became of the call that was cut, the answer to the next one tells.
    spdlog::debug("a call to the coordinator was given up: {} job={}", error.what(), settings_.job);
  }
}

}  // namespace slipway::runner
