#include "engine_double.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "util/async.hpp"

namespace slipway::executors {

namespace {
std::string new_socket() {
  static int number = 0;
  return fmt::format("{}slipway-double-{}-{}.sock", testing::TempDir(), ::getpid(), ++number);
}

/// `DELETE /containers/x` of `DELETE /v1.41/containers/x?force=1`.
std::string call_of(const net::Request& request) {
  auto path = request.target.substr(0, request.target.find('?'));
  if (path.starts_with("/v1.")) path.erase(0, path.find('/', 1));
  return request.method + " " + path;
}
}  // namespace

EngineDouble::EngineDouble(asio::any_io_executor executor)
    : socket_{new_socket()}, server_{executor, [this](net::Exchange& exchange) {
                                       return serve(exchange);
                                     }} {
  server_.listen(endpoint());
}

EngineDouble::~EngineDouble() {
  ::unlink(socket_.c_str());
}

net::Endpoint EngineDouble::endpoint() const {
  return {net::Endpoint::Scheme::unix_socket, socket_, 0, {}};
}

asio::awaitable<void> EngineDouble::serve(net::Exchange& exchange) {
  const auto call = call_of(exchange.request());
  net::Response response{200, "", {}, ""};
  if (call.ends_with(" /_ping")) {
    response.headers.add("Api-Version", "1.41");
    co_await exchange.respond(std::move(response));
    co_return;
  }
  calls_.push_back(call);
  Answer answer{501, "not in the script"};
  if (const auto found = script_.find(call); found != script_.end()) {
    answer = found->second.front();
    if (found->second.size() > 1) found->second.pop_front();
  } else {
    unknown.push_back(call);
  }
  struct AtWork {
    int& now;
    ~AtWork() { --now; }
  } at_work{++now_};
  most_at_once = std::max(most_at_once, now_);
  if (answer.hang) co_await util::sleep_for(std::chrono::hours{1});
  if (answer.after.count() > 0) co_await util::sleep_for(answer.after);
  response.status = answer.status;
  if (answer.status == 200) response.body = answer.message;
  if (answer.status >= 400) response.body = nlohmann::json{{"message", answer.message}}.dump();
  co_await exchange.respond(std::move(response));
}

}  // namespace slipway::executors
