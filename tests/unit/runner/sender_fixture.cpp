#include "sender_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <nlohmann/json.hpp>

#include "local/payload.hpp"

namespace slipway::runner {

namespace {
asio::awaitable<void> no_wait(std::chrono::milliseconds) {
  co_return;
}
constexpr auto give_up_after = 10s;
}  // namespace

local::CoordinatorOptions quiet_coordinator() {
  local::CoordinatorOptions options;
  options.long_poll = 0ms;
  options.trace_update_interval = 0s;
  return options;
}

gitlab_api::ClientOptions client_options(std::uint16_t port, util::Secret token) {
  gitlab_api::ClientOptions options;
  options.url = "http://127.0.0.1:" + std::to_string(port);
  options.token = std::move(token);
  options.system_id = "s_000000000001";
  options.clock.sleep = no_wait;
  return options;
}

SenderTest::SenderTest() : SenderTest{quiet_coordinator()} {}

SenderTest::SenderTest(local::CoordinatorOptions coordinator)
    : gitlab{io.get_executor(), std::move(coordinator)} {
  net::Endpoint address;
  address.host = "127.0.0.1";
  port_ = gitlab.listen(address);
  gitlab.add_runner();
  client_ = std::make_unique<gitlab_api::Client>(
      io.get_executor(), client_options(port_, gitlab.runners().back().token));
}

void SenderTest::limit_answers(std::chrono::milliseconds limit) {
  auto options = client_options(port_, gitlab.runners().back().token);
  options.report_timeout = limit;
  client_ = std::make_unique<gitlab_api::Client>(io.get_executor(), std::move(options));
}

TraceSender::Timing SenderTest::quick_timing() {
  TraceSender::Timing timing;
  timing.interval = interval;
  timing.early_rounds = 0;
  timing.first_retry = 5ms;
  timing.longest_retry = 20ms;
  return timing;
}

void SenderTest::run_body(asio::awaitable<void> test, std::chrono::seconds limit) {
  asio::cancellation_signal stop;
  bool tested = false;
  bool stopped = false;
  std::exception_ptr failure;
  asio::co_spawn(io, gitlab.run(),
                 asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr) {
                   stopped = true;
                   io.stop();  // connections at rest would keep it for a while
                 }));
  asio::co_spawn(io, std::move(test), [&](std::exception_ptr error) {
    tested = true;
    failure = error;
    client_->close_idle();
    stop.emit(asio::cancellation_type::terminal);
  });
  io.run_for(limit);
  EXPECT_TRUE(tested) << "the test did not end in time";
  EXPECT_TRUE(stopped) << "the coordinator did not stop";
  EXPECT_TRUE(gitlab.unexpected_requests().empty());
  if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> SenderTest::take_job() {
  job = gitlab.enqueue(local::JobBuilder{}.build());
  const auto taken = co_await client_->request_job();
  EXPECT_TRUE(taken.job);
  job::TraceOptions options;
  options.timestamps = false;
  options.limit_bytes = 64u << 20;
  trace_ = std::make_unique<Trace>(io.get_executor(), dir.path() / "spool", std::move(options));
  token_ = taken.job->token;
  make_sender();
}

void SenderTest::make_sender() {
  TraceSender::Settings settings;
  settings.job = job;
  settings.token = token_;
  settings.debug_trace = debug_trace;
  settings.final_tries = final_tries;
  settings.timing = timing;
  settings.sent = sent;
  settings.accepted = accepted;
  settings.checkpoint = checkpoint;
  sender_ = std::make_unique<TraceSender>(
      io.get_executor(), *client_, *trace_, std::move(settings), [this] { ++aborts; },
      [this] { ++cancels; });
}

void SenderTest::print(std::string_view bytes) {
  trace_->write(job::LogStream::script, job::LogKind::out, bytes);
  trace_->flush(job::LogStream::script);
}

asio::awaitable<bool> SenderTest::finish(std::string state) {
  trace_->close();
  gitlab_api::JobUpdate update;
  update.state = std::move(state);
  co_return co_await sender_->finish(std::move(update));
}

asio::awaitable<Delivery> SenderTest::deliver(std::string state) {
  trace_->close();
  gitlab_api::JobUpdate update;
  update.state = std::move(state);
  co_return co_await sender_->deliver(std::move(update));
}

asio::awaitable<bool> SenderTest::deliver_cancelled(std::chrono::milliseconds limit,
                                                    std::chrono::milliseconds* took) {
  const auto begin = std::chrono::steady_clock::now();
  auto delivering = deliver();
  bool cancelled = false;
  try {
    co_await util::with_timeout(std::move(delivering), limit);
  } catch (const util::TimeoutError&) {
    cancelled = true;
  }
  *took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                begin);
  co_return cancelled;
}

asio::awaitable<void> SenderTest::calls_made(Endpoint endpoint, std::size_t count) {
  const auto until = std::chrono::steady_clock::now() + give_up_after;
  while (gitlab.count(endpoint) < count) {
    if (std::chrono::steady_clock::now() > until) throw util::TimeoutError{give_up_after};
    co_await util::sleep_for(2ms);
  }
}

std::vector<std::string> SenderTest::ranges() const {
  std::vector<std::string> result;
  for (const auto& patch : record().patches)
    result.push_back(std::to_string(patch.first) + "-" + std::to_string(patch.last));
  return result;
}

std::vector<local::StatusUpdate> SenderTest::updates(std::string_view state) const {
  std::vector<local::StatusUpdate> result;
  for (const auto& update : record().updates)
    if (update.state == state) result.push_back(update);
  return result;
}

}  // namespace slipway::runner
