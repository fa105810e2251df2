#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "gitlab_api/client.hpp"
#include "runner/trace.hpp"
#include "runner/trace_outage.hpp"
#include "util/asio_fwd.hpp"
#include "util/event.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {

/// How a try to bring a job's end to the coordinator came out.
enum class Delivery {
  delivered,   ///< the coordinator has the state, from this try or from an earlier one
  not_wanted,  ///< it gave the job up, or knows none such: nothing is left to do
  later,       ///< it is away, hangs, is overloaded or still busy with the log: try again later
  refused,     ///< it is there, but takes the state for no good one: later tries may fail, too
};
/// Whether there is nothing left to deliver.
constexpr bool is_done(Delivery result) {
  return result == Delivery::delivered || result == Delivery::not_wanted;
}

/// Brings one job's log and state to the coordinator: incrementally while the job runs, then whole,
/// then the final state. The coordinator may be away at any time, for any time: what it did not
/// take is sent when it is back, from the offset that it names. Single-threaded; client and trace
/// must outlive it. Await finish(), deliver() or stop() before destruction. Nothing but
/// cancellation throws: any kind, ends the call under way at once and leaves the sender as after a
/// lost answer, so that deliver() may be called again. One call at a time.
/// GitLab API: PATCH /jobs/:id/trace, PUT /jobs/:id.
class TraceSender {
 public:
  /// How long it waits; tests make it quick.
  struct Timing {
    std::chrono::milliseconds interval{
        3'000};            ///< between rounds, until the coordinator names another
    int early_rounds = 5;  ///< these come quickly: somebody may be watching how the job starts
    std::chrono::milliseconds early_interval{400};
    std::chrono::milliseconds first_retry{1'000};  ///< of the end, doubled by each
    std::chrono::milliseconds longest_retry{std::chrono::minutes{60}};
    /// For the answer to accept(); then the job starts, and its acceptance is repeated beside it.
    std::chrono::milliseconds accept_limit{10'000};
    /// A round under way may take so long when the rounds are to end.
    std::chrono::milliseconds stop_limit{10'000};
  };
  struct Settings {
    std::int64_t job = 0;
    util::Secret token;
    bool debug_trace = false;
    /// job_status_final_update_retry_limit; below 1: 10
    int final_tries = 10;
    Timing timing{};
    /// What sent() and accepted() of an earlier process said.
    std::uint64_t sent = 0;
    bool accepted = true;
    /// Called right before every PATCH: stores how far the job is, and returns up to which size the
    /// log may be sent. An exception means nothing, this time. Empty: all of it.
    std::function<std::uint64_t()> checkpoint;
  };
  /// `on_abort`: the job is gone (canceled, 403 …). `on_cancel`: `canceling`, may come repeatedly.
  TraceSender(asio::any_io_executor executor, gitlab_api::Client& gitlab, Trace& trace,
              Settings settings, std::function<void()> on_abort, std::function<void()> on_cancel);

  /// PUT `running` with empty output: tells the coordinator that the job was taken. False: the job
  /// must be dropped. A coordinator that cannot answer is told again in the rounds.
  asio::awaitable<bool> accept();
  /// Starts the incremental rounds.
  void start();
  /// Ends the rounds (waits for one under way), sends the rest of the log and the final state, and
  /// tries again as documented. The log must be closed. False: the coordinator did not take it yet;
  /// deliver() goes on from there.
  asio::awaitable<bool> finish(gitlab_api::JobUpdate update);
  /// One more try, any time after finish() or instead of it, also by a later process (with
  /// Settings::sent and the closed log). A coordinator that cannot be given the whole log (it has
  /// more than there is, or refuses it) gets the state without a checksum, and the daemon's log
  /// says so. Once done, nothing is sent any more and the result stays. Takes as long as the
  /// coordinator's Retry-After asks for; else seconds, or five minutes while it checks the log.
  asio::awaitable<Delivery> deliver(gitlab_api::JobUpdate update);
  /// Ends the rounds, sends nothing more.
  asio::awaitable<void> stop();

  /// Bytes of the log that the coordinator has acknowledged.
  std::uint64_t sent() const { return sent_; }
  /// False: accept() was not answered so far.
  bool accepted() const { return accepted_; }
  /// Why the coordinator did not take what was sent last; "" if it did.
  const std::string& problem() const { return outage_.cause(); }
  /// Its calls so far, for whether the coordinator was there meanwhile.
  const CoordinatorOutage& outage() const { return outage_; }
  /// Between two rounds, as the coordinator said last.
  std::chrono::milliseconds interval() const { return interval_; }

 private:
  enum class Flushed { all, gone, beyond, refused, failed };
  /// What one try of the end has met so far.
  struct Try {
    int not_completed = 0;  ///< 202
    int mismatches = 0;     ///< 416
    int resends = 0;        ///< 412
  };

  asio::awaitable<void> rounds();
  asio::awaitable<void> round();
  asio::awaitable<void> touch();
  asio::awaitable<void> repeat_acceptance();
  std::size_t sendable();
  asio::awaitable<gitlab_api::PatchResult> patch(std::size_t count);
  asio::awaitable<Flushed> flush();
  asio::awaitable<Delivery> try_to_deliver(gitlab_api::JobUpdate update, bool last_resort);
  asio::awaitable<std::optional<Delivery>> put_final(gitlab_api::JobUpdate update);
  Delivery done(Delivery result);
  std::chrono::milliseconds pause_before_round() const;
  void take(const gitlab_api::JobSignals& signals);
  void abort();

  gitlab_api::Client& gitlab_;
  Trace& trace_;
  Settings settings_;
  std::function<void()> on_abort_;
  std::function<void()> on_cancel_;
  std::uint64_t sent_;
  bool accepted_;
  std::chrono::milliseconds interval_;
  int rounds_ = 0;
  bool aborted_ = false;
  bool finishing_ = false;
  std::string unreadable_;          ///< why the spool could not be read; "" = it can
  bool checkpoint_failed_ = false;  ///< the last one
  CoordinatorOutage outage_;
  Try try_;
  bool final_put_sent_ = false;  ///< an answer to it may have been lost
  std::optional<Delivery> done_;
  util::Event stopping_;
  util::TaskGroup tasks_;
};

}  // namespace slipway::runner
