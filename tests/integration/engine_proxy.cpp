#include "tests/integration/engine_proxy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>
#include <string_view>

#include "net/http.hpp"
#include "util/async.hpp"

namespace slipway::tests {
namespace {

/// `POST /v1.41/containers/create?name=x HTTP/1.1`; "" for what does not begin a request.
std::string request_line(std::string_view bytes) {
  constexpr std::array methods{"GET ", "HEAD ", "POST ", "PUT ", "DELETE "};
  const bool begins = std::any_of(methods.begin(), methods.end(),
                                  [&](const char* method) { return bytes.starts_with(method); });
  return begins ? std::string{bytes.substr(0, bytes.find("\r\n"))} : "";
}

}  // namespace

EngineProxy::EngineProxy(asio::any_io_executor executor, std::string engine_socket,
                         std::string own_socket)
    : executor_{executor},
      engine_socket_{std::move(engine_socket)},
      acceptor_{executor, asio::local::stream_protocol::endpoint{own_socket}},
      thawed_{executor},
      links_{executor} {}

std::string EngineProxy::answer(int status, const std::string& headers, const std::string& body) {
  return fmt::format("HTTP/1.1 {} {}\r\n{}Content-Length: {}\r\n\r\n{}", status,
                     net::reason_phrase(status), headers, body.size(), body);
}

std::string EngineProxy::refusal(int status, const std::string& message) {
  const nlohmann::json body{{"message", message}};
  return answer(status, "Content-Type: application/json\r\n", body.dump());
}

int EngineProxy::left() const {
  int count = 0;
  for (const auto& rule : rules_) count += rule.times;
  return count;
}

int EngineProxy::open(std::string_view part) const {
  return static_cast<int>(std::count_if(open_.begin(), open_.end(), [&](const Link* link) {
    return link->line.find(part) != std::string::npos;
  }));
}

void EngineProxy::cut(std::string_view part) {
  for (auto* link : open_)
    if (link->line.find(part) != std::string::npos) {
      link->client.close();
      link->engine.close();
    }
}

void EngineProxy::thaw() {
  frozen_ = false;
  thawed_.notify_all();
}

asio::awaitable<void> EngineProxy::while_frozen() {
  while (frozen_) co_await thawed_.wait();
}

struct EngineProxy::Registration {
  Registration(std::set<Link*>& all, Link& one) : links{all}, link{one} { links.insert(&link); }
  Registration(const Registration&) = delete;
  ~Registration() { links.erase(&link); }

  std::set<Link*>& links;
  Link& link;
};

asio::awaitable<void> EngineProxy::run() {
  std::exception_ptr ended;
  try {
    while (true) {
      auto client = co_await acceptor_.async_accept(asio::use_awaitable);
      links_.start(serve(std::move(client)));
    }
  } catch (const boost::system::system_error&) {
    ended = std::current_exception();
  }
  links_.cancel();
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await links_.join();
  std::rethrow_exception(ended);
}

asio::awaitable<void> EngineProxy::serve(Socket client) {
  try {
    Socket engine{executor_};
    const asio::local::stream_protocol::endpoint target{engine_socket_};
    co_await engine.async_connect(target, asio::use_awaitable);
    Link link{std::move(client), std::move(engine)};
    const Registration registration{open_, link};
    auto up = to_engine(link);
    auto down = to_client(link);
    co_await util::first_of(std::move(up), std::move(down));
  } catch (const boost::system::system_error&) {
    // one side is gone, or the Engine away: both sockets are closed with the link
  }
}

/// The first rule for the request that `bytes` begin with; one that does nothing otherwise.
EngineProxy::Rule EngineProxy::take_rule(std::string_view bytes) {
  const auto line = request_line(bytes);
  if (line.empty()) return {};
  const auto found = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return rule.times > 0 && line.starts_with(rule.method) &&
           line.find(rule.part) != std::string::npos;
  });
  if (found == rules_.end()) return {};
  --found->times;
  if (found->freeze) frozen_ = true;
  auto rule = *found;
  if (rule.before) rule.before(line);
  return rule;
}

asio::awaitable<void> EngineProxy::to_engine(Link& link) {
  std::array<char, 65536> buffer;
  while (true) {
    const auto count =
        co_await link.client.async_read_some(asio::buffer(buffer), asio::use_awaitable);
    co_await while_frozen();
    const std::string_view bytes{buffer.data(), count};
    if (!link.limited && !cuts_.empty() && bytes.find("/attach?") != std::string_view::npos) {
      link.limited = true;
      link.left = cuts_.front();
      cuts_.pop_front();
    }
    if (auto line = request_line(bytes); !line.empty()) link.line = std::move(line);
    const auto rule = take_rule(bytes);
    co_await while_frozen();
    link.replace = rule.replace;
    link.drop = rule.drop_answer;
    if (rule.delay.count() > 0) link.delay = rule.delay;
    if (rule.answer.empty())
      co_await asio::async_write(link.engine, asio::buffer(bytes), asio::use_awaitable);
    else
      co_await asio::async_write(link.client, asio::buffer(rule.answer), asio::use_awaitable);
  }
}

asio::awaitable<void> EngineProxy::to_client(Link& link) {
  std::array<char, 65536> buffer;
  while (true) {
    auto count = co_await link.engine.async_read_some(asio::buffer(buffer), asio::use_awaitable);
    co_await while_frozen();
    if (link.drop) co_return;
    if (link.delay.count() > 0) co_await util::sleep_for(link.delay);
    if (!link.replace.empty()) {
      const auto replacement = std::exchange(link.replace, "");
      co_await asio::async_write(link.client, asio::buffer(replacement), asio::use_awaitable);
      continue;
    }
    if (link.limited) count = std::min(count, link.left);
    co_await asio::async_write(link.client, asio::buffer(buffer.data(), count),
                               asio::use_awaitable);
    if (!link.limited) continue;
    link.left -= count;
    if (link.left == 0) co_return;
  }
}

}  // namespace slipway::tests
