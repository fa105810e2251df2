#include "fake_coordinator.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <utility>

#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

namespace slipway::gitlab_api::testing {

Reply json_reply(int status, std::string body, net::Headers headers) {
  headers.set("Content-Type", "application/json");
  return {status, std::move(headers), std::move(body)};
}

FakeCoordinator::FakeCoordinator(asio::any_io_executor executor, net::TlsOptions tls,
                                 std::uint16_t port, std::string address)
    : executor_{executor},
      tls_{!tls.certificate.empty()},
      address_{std::move(address)},
      server_{std::move(executor), [this](net::Exchange& exchange) { return answer(exchange); }},
      port_{server_.listen({tls_ ? net::Endpoint::Scheme::https : net::Endpoint::Scheme::http,
                            address_, port, std::move(tls)})} {}

asio::awaitable<void> FakeCoordinator::serve() {
  co_await server_.run();
}

std::string FakeCoordinator::url() const {
  return fmt::format("{}://{}:{}", tls_ ? "https" : "http", address_, port_);
}

ClientOptions FakeCoordinator::options() {
  ClientOptions options;
  options.url = url();
  options.token = util::Secret{"glrt-runnerToken"};
  options.system_id = "s_0123456789ab";
  options.info.version = "1.2.3";
  options.info.revision = "abcdef";
  options.info.executor = "docker";
  options.clock.now = [this] { return now; };
  options.clock.steady = [this] { return steady; };
  options.clock.random = [] { return 0.5; };
  options.clock.sleep = [this](std::chrono::milliseconds duration) {
    sleeps.push_back(duration);
    return util::sleep_for(real_sleep ? duration : std::chrono::milliseconds{0});
  };
  return options;
}

void FakeCoordinator::script(std::vector<Reply> replies) {
  for (auto& reply : replies) script_.push_back(std::move(reply));
}

asio::awaitable<void> FakeCoordinator::answer(net::Exchange& exchange) {
  auto request = exchange.request();
  request.body = co_await exchange.read_body(8u << 20);
  seen.push_back(std::move(request));
  Reply reply{404, {}, "beyond the script"};
  if (script_.empty()) {
    ++unexpected;
  } else {
    reply = std::move(script_.front());
    script_.pop_front();
  }
  net::Response response;
  response.status = reply.status;
  response.headers = reply.headers;
  if (reply.how == Reply::How::close) {
    exchange.drop();
    co_return;
  }
  if (reply.how == Reply::How::cut) {
    response.headers.set("Content-Length", fmt::format("{}", reply.body.size() + 100));
    co_await exchange.begin(std::move(response));
    co_await exchange.write(reply.body);
    exchange.drop();
    co_return;
  }
  if (reply.how == Reply::How::hold) co_await util::sleep_for(reply.delay);
  response.body = std::move(reply.body);
  co_await exchange.respond(std::move(response));
}

namespace {

asio::awaitable<void> run_both(CoordinatorTest test) {
  const auto executor = co_await asio::this_coro::executor;
  FakeCoordinator coordinator{executor};
  auto serving = coordinator.serve();
  auto testing = test(coordinator);
  const auto first = co_await util::first_of(std::move(serving), std::move(testing));
  EXPECT_EQ(first, 1u) << "the server ended before the test";
  EXPECT_EQ(coordinator.unexpected, 0);
}

}  // namespace

void run_with_coordinator(CoordinatorTest test) {
  tests::run_test([&test] { return run_both(test); });
}

}  // namespace slipway::gitlab_api::testing
