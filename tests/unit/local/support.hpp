#pragma once

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "local/coordinator.hpp"
#include "local/payload.hpp"
#include "net/client.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::local {

using namespace std::chrono_literals;
using nlohmann::json;

/// A coordinator on a free loopback port, and a client that speaks to it as a runner does.
class CoordinatorTest : public ::testing::Test {
 protected:
  CoordinatorTest() : CoordinatorTest{default_options()} {}
  explicit CoordinatorTest(CoordinatorOptions options)
      : gitlab{io.get_executor(), std::move(options)} {
    net::Endpoint address;
    address.host = "127.0.0.1";
    address.port = gitlab.listen(address);
    client = std::make_unique<net::HttpClient>(io.get_executor(), address);
    port = address.port;
  }

  static CoordinatorOptions default_options() {
    CoordinatorOptions options;
    options.registration_token = util::Secret{"GR1348941secret"};
    options.long_poll = 5s;
    return options;
  }

  /// Runs `test(*this as Fixture)` beside the serving coordinator, then stops that.
  template <class Fixture>
  void run(asio::awaitable<void> (*test)(Fixture&), std::chrono::seconds limit = 20s) {
    asio::cancellation_signal stop;
    bool tested = false;
    bool stopped = false;
    asio::co_spawn(
        io, gitlab.run(),
        asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr) { stopped = true; }));
    asio::co_spawn(io, test(static_cast<Fixture&>(*this)), [&](std::exception_ptr failure) {
      tested = true;
      client.reset();
      stop.emit(asio::cancellation_type::terminal);
      if (failure) std::rethrow_exception(failure);
    });
    io.run_for(limit);
    EXPECT_TRUE(tested) << "the test did not end in time";
    EXPECT_TRUE(stopped) << "the coordinator did not stop";
  }

 public:
  asio::awaitable<net::Response> call(std::string method, std::string target,
                                      net::Headers headers = {}, std::string body = {}) {
    net::Request request{std::move(method), std::move(target), std::move(headers), std::move(body)};
    co_return co_await client->send(std::move(request));
  }

  /// A call that names its runner as a runner does: header and body.
  asio::awaitable<net::Response> runner_call(std::string method, std::string path,
                                             std::string token, json body = json::object()) {
    body["token"] = token;
    net::Headers headers{{"RUNNER-TOKEN", token}, {"Content-Type", "application/json"}};
    auto text = body.dump();
    co_return co_await call(std::move(method), "/api/v4/" + path, std::move(headers),
                            std::move(text));
  }

  asio::awaitable<net::Response> request_job(std::string token, std::string last_update = {},
                                             std::string system_id = "s_000000000001") {
    json body{{"system_id", system_id}, {"info", {{"features", {{"cancel_gracefully", true}}}}}};
    if (!last_update.empty()) body["last_update"] = last_update;
    co_return co_await runner_call("POST", "jobs/request", token, std::move(body));
  }

  asio::awaitable<net::Response> patch(std::int64_t id, std::string token, std::string range,
                                       std::string body) {
    net::Headers headers{
        {"JOB-TOKEN", token}, {"Content-Type", "text/plain"}, {"Content-Range", range}};
    auto target = "/api/v4/jobs/" + std::to_string(id) + "/trace?debug_trace=false";
    co_return co_await call("PATCH", std::move(target), std::move(headers), std::move(body));
  }

  asio::awaitable<net::Response> put(std::int64_t id, std::string token, json body) {
    if (!body.contains("token")) body["token"] = token;
    net::Headers headers{{"JOB-TOKEN", token}, {"Content-Type", "application/json"}};
    auto text = body.dump();
    co_return co_await call("PUT", "/api/v4/jobs/" + std::to_string(id), std::move(headers),
                            std::move(text));
  }

  asio::awaitable<net::Response> put_state(std::int64_t id, std::string token, const char* state) {
    json body{{"state", state}};
    co_return co_await put(id, std::move(token), std::move(body));
  }

  /// Queues a job and has it taken by a fresh runner. Returns its id.
  asio::awaitable<std::int64_t> running_job(JobBuilder builder = {}) {
    const auto id = gitlab.enqueue(builder.build());
    const auto runner = gitlab.add_runner();
    const auto token = gitlab.runners().back().token.reveal();
    const auto taken = co_await request_job(token);
    EXPECT_EQ(taken.status, 201) << runner;
    const auto accepted = co_await put_state(id, job_token(id), "running");
    EXPECT_EQ(accepted.status, 200);
    co_return id;
  }

  std::string job_token(std::int64_t id) const { return gitlab.job(id).token.reveal(); }

  asio::io_context io;
  Coordinator gitlab;
  std::unique_ptr<net::HttpClient> client;
  std::uint16_t port = 0;
};

}  // namespace slipway::local
