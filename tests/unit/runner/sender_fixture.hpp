#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gitlab_api/client.hpp"
#include "local/coordinator.hpp"
#include "runner/trace.hpp"
#include "runner/trace_sender.hpp"
#include "temp_dir.hpp"
#include "util/async.hpp"

namespace slipway::runner {

using namespace std::chrono_literals;
using local::Endpoint;
using local::JobState;

/// A job that a runner took from the bundled coordinator, with its log and sender. The coordinator
/// names no update interval; the sender's waits are short and the HTTP retries cost no time.
class SenderTest : public ::testing::Test {
 protected:
  SenderTest();
  explicit SenderTest(local::CoordinatorOptions coordinator);

  /// Runs `test(fixture)` beside the serving coordinator, and ends that afterwards.
  template <class Fixture>
  void run(asio::awaitable<void> (*test)(Fixture&), std::chrono::seconds limit = 20s) {
    run_body(test(static_cast<Fixture&>(*this)), limit);
  }

 public:
  static constexpr auto interval = 30ms;

  static TraceSender::Timing quick_timing();
  /// Takes the job and makes log and sender.
  asio::awaitable<void> take_job();
  /// Another sender of the same job, as a later process makes it, with `sent`, `accepted` and
  /// `checkpoint` as they are now. The one before must have been stopped.
  void make_sender();
  /// For how long the client waits for an answer; before take_job().
  void limit_answers(std::chrono::milliseconds limit);
  TraceSender& sender() { return *sender_; }
  Trace& trace() { return *trace_; }
  gitlab_api::Client& client() { return *client_; }
  const local::JobRecord& record() const { return gitlab.job(job); }

  /// A piece of the log that no filter holds back.
  void print(std::string_view bytes);
  /// The final state, after closing the log.
  asio::awaitable<bool> finish(std::string state = "success");
  /// One try to deliver it, after closing the log.
  asio::awaitable<Delivery> deliver(std::string state = "success");
  /// As deliver(), cancelled after `limit`: true, and how long that took in all. False: it ended by
  /// itself.
  asio::awaitable<bool> deliver_cancelled(std::chrono::milliseconds limit,
                                          std::chrono::milliseconds* took);
  /// Waits until the coordinator has met `count` calls.
  asio::awaitable<void> calls_made(Endpoint endpoint, std::size_t count);
  /// `first-last` of every PATCH that reached the coordinator.
  std::vector<std::string> ranges() const;
  /// The PUTs with this state.
  std::vector<local::StatusUpdate> updates(std::string_view state) const;

  TempDir dir;
  asio::io_context io;
  local::Coordinator gitlab;
  TraceSender::Timing timing = quick_timing();
  int final_tries = 3;
  bool debug_trace = false;
  std::uint64_t sent = 0;
  bool accepted = true;
  std::function<std::uint64_t()> checkpoint;
  int aborts = 0;
  int cancels = 0;
  std::int64_t job = 0;

 private:
  void run_body(asio::awaitable<void> test, std::chrono::seconds limit);

  std::uint16_t port_;
  util::Secret token_;
  std::unique_ptr<gitlab_api::Client> client_;
  std::unique_ptr<Trace> trace_;
  std::unique_ptr<TraceSender> sender_;
};

/// Options of a coordinator that names no update interval.
local::CoordinatorOptions quiet_coordinator();
/// A client of the coordinator at `port`, whose HTTP retries do not wait.
gitlab_api::ClientOptions client_options(std::uint16_t port, util::Secret token);

}  // namespace slipway::runner
