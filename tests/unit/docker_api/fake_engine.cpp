#include "fake_engine.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>
#include <filesystem>

#include "util/async.hpp"

namespace slipway::docker_api {
namespace {

std::string fresh_socket() {
  static int count = 0;
  const auto name = fmt::format("slipway-fake-{}-{}.sock", ::getpid(), ++count);
  return (std::filesystem::temp_directory_path() / name).string();
}

asio::awaitable<void> serve_until_cancelled(FakeEngine& engine) {
  try {
    co_await engine.run();
  } catch (const boost::system::system_error& e) {
    if (e.code() != asio::error::operation_aborted) throw;
  }
}

}  // namespace

FakeEngine::FakeEngine(asio::any_io_executor executor, Script script)
    : script_{std::move(script)},
      socket_{fresh_socket()},
      server_{std::move(executor), [this](net::Exchange& exchange) { return serve(exchange); }} {
  script_.try_emplace("HEAD /_ping", std::vector<Answer>{{200, "", {{"API-Version", "1.41"}}}});
  server_.listen(endpoint());
}

FakeEngine::~FakeEngine() {
  std::filesystem::remove(socket_);
}

net::Endpoint FakeEngine::endpoint() const {
  net::Endpoint endpoint;
  endpoint.scheme = net::Endpoint::Scheme::unix_socket;
  endpoint.host = socket_;
  return endpoint;
}

Answer FakeEngine::next_answer(const net::Request& request) {
  const auto path = request.target.substr(0, request.target.find('?'));
  const auto found = script_.find(request.method + " " + path);
  if (found == script_.end()) {
    ADD_FAILURE() << "unexpected call " << request.method << " " << path;
    return {500, R"({"message":"not in the script"})"};
  }
  auto answer = found->second.front();
  if (found->second.size() > 1) found->second.erase(found->second.begin());
  return answer;
}

asio::awaitable<void> FakeEngine::serve(net::Exchange& exchange) {
  auto request = exchange.request();
  request.body = co_await exchange.read_body(64u << 20);
  requests_.push_back(request);
  const auto answer = next_answer(request);
  net::Response response;
  response.status = answer.status;
  response.headers = answer.headers;
  if (answer.pieces.empty() && answer.end == Answer::End::whole) {
    response.body = answer.body;
    co_await exchange.respond(std::move(response));
    co_return;
  }
  if (answer.end == Answer::End::mute) {
    co_await util::sleep_for(std::chrono::minutes{1});
    co_return;
  }
  co_await exchange.begin(std::move(response));
  for (const auto& piece : answer.pieces) co_await exchange.write(piece);
  if (answer.end == Answer::End::whole) {
    co_await exchange.finish();
  } else if (answer.end == Answer::End::drop) {
    exchange.drop();
  } else {
    co_await util::sleep_for(std::chrono::minutes{1});
  }
}

void with_engine(FakeEngine::Script script, FakeEngineTest test) {
  asio::io_context io;
  FakeEngine engine{io.get_executor(), std::move(script)};
  Client client{io.get_executor(), engine.endpoint()};
  asio::cancellation_signal stop;
  int ended = 0;
  // The client's idle connections would keep `io` busy for a while.
  const auto count_end = [&] {
    if (++ended == 2) io.stop();
  };
  const auto on_end = [&](std::exception_ptr failure) {
    count_end();
    stop.emit(asio::cancellation_type::terminal);
    if (failure) std::rethrow_exception(failure);
  };
  asio::co_spawn(io, serve_until_cancelled(engine),
                 asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr failure) {
                   count_end();
                   if (failure) std::rethrow_exception(failure);
                 }));
  asio::co_spawn(io, test(client, engine), on_end);
  io.run_for(std::chrono::seconds{20});
  ASSERT_EQ(ended, 2) << "no end in time";
}

}  // namespace slipway::docker_api
