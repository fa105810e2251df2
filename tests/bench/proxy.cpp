#include "tests/bench/proxy.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cctype>

#include "net/dial.hpp"
#include "net/message.hpp"
#include "net/tls.hpp"
#include "util/async.hpp"

namespace slipway::bench {

namespace {

using namespace std::chrono_literals;
using net::Connection;

constexpr std::size_t piece_size = 64u << 10;
constexpr auto dial_limit = 30s;

/// `/v1.41/containers/x/start?a=b` → `/containers/x/start`.
std::string bare_path(std::string_view target) {
  target = target.substr(0, target.find('?'));
  if (target.size() > 2 && target.starts_with("/v") && std::isdigit(target[2]) != 0)
    target.remove_prefix(std::min(target.find('/', 1), target.size()));
  return std::string{target};
}

/// Finds the requests in what a client sends over one connection.
class RequestFinder {
 public:
  explicit RequestFinder(std::vector<ProxiedCall>& calls) : calls_{calls} {}

  void feed(std::string_view bytes) {
    if (raw_) return;
    const auto now = Clock::now();
    pending_ += bytes;
    while (!pending_.empty() && !raw_) {
      if (!parser_) parser_ = net::request_parser(piece_size);
      const bool had_head = parser_->head_done();
      const auto progress = parser_->put(pending_, body_, "client");
      pending_.erase(0, progress.consumed);
      if (parser_->head_done() && !had_head) note(now);
      if (parser_->done())
        parser_.reset();
      else if (progress.consumed == 0)
        return;
    }
  }

 private:
  void note(Clock::time_point at) {
    const auto& head = parser_->head();
    calls_.push_back({head.method, bare_path(head.target), at});
    raw_ = head.headers.find("Upgrade").has_value();
  }

  std::vector<ProxiedCall>& calls_;
  std::unique_ptr<net::Parser> parser_;
  std::string pending_;
  std::vector<char> body_ = std::vector<char>(piece_size);
  bool raw_ = false;
};

asio::awaitable<void> pass(Connection& from, Connection& to, RequestFinder* finder) {
  std::vector<char> piece(piece_size);
  while (true) {
    const auto count = co_await from.read_some(piece);
    if (count == 0) co_return;
    const std::string_view bytes{piece.data(), count};
    if (finder != nullptr) finder->feed(bytes);
    co_await to.write(bytes);
  }
}

}  // namespace

CountingProxy::CountingProxy(asio::any_io_executor executor, std::string socket_path,
                             net::Endpoint engine)
    : executor_{executor},
      engine_{std::move(engine)},
      acceptor_{executor,
                asio::generic::stream_protocol::endpoint{
                    asio::local::stream_protocol::endpoint{std::move(socket_path)}}},
      connections_{executor} {}

asio::awaitable<void> CountingProxy::serve(net::Socket socket) {
  try {
    Connection client{net::plain_transport(std::move(socket)), "client"};
    net::TlsContext context;
    if (engine_.scheme == net::Endpoint::Scheme::https) context = net::client_context(engine_.tls);
    const auto engine = co_await net::dial(engine_, context, dial_limit, dial_limit);
    RequestFinder finder{calls_};
    auto requests = pass(client, *engine, &finder);
    auto answers = pass(*engine, client, nullptr);
    co_await util::first_of(std::move(requests), std::move(answers));
  } catch (const net::Error&) {
    // Either side closed in the middle of something; the other one sees it by the closed
    // connection.
    co_return;
  }
}

asio::awaitable<void> CountingProxy::accept() {
  while (true) {
    auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
    connections_.start(serve(std::move(socket)));
  }
}

asio::awaitable<void> CountingProxy::run() {
  std::exception_ptr failure;
  try {
    co_await accept();
  } catch (...) {
    failure = std::current_exception();
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  connections_.cancel();
  co_await connections_.join();
  std::rethrow_exception(failure);
}

}  // namespace slipway::bench
