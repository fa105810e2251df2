#include "net/client.hpp"

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <utility>

#include "net/call.hpp"
#include "net/dial.hpp"
#include "net/proxy.hpp"

namespace slipway::net {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t max_idle = 100;
constexpr std::chrono::seconds idle_life{90};
constexpr std::chrono::seconds sweep_every{15};

/// Connections at rest. While there are any, a timer looks for those that are too old or were
/// closed by the peer.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  explicit Pool(asio::any_io_executor executor) : timer_{std::move(executor)} {}

  /// The most recently used one that is still good, or null.
  std::unique_ptr<Connection> take() {
    while (!idle_.empty()) {
      auto connection = std::move(idle_.back().connection);
      idle_.pop_back();
      if (!connection->is_stale()) return connection;
    }
    return nullptr;
  }
  void put(std::unique_ptr<Connection> connection) {
    if (!connection) return;
    idle_.push_back({std::move(connection), Clock::now()});
    if (idle_.size() > max_idle) idle_.pop_front();
    if (!sweeping_) sweep_later();
  }
  void clear() {
    idle_.clear();
    timer_.cancel();
  }

 private:
  struct Idle {
    std::unique_ptr<Connection> connection;
    Clock::time_point since;
  };

  void sweep_later() {
    sweeping_ = true;
    timer_.expires_after(sweep_every);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code) {
      if (const auto pool = weak.lock()) pool->sweep();
    });
  }
  void sweep() {
    sweeping_ = false;
    const auto oldest = Clock::now() - idle_life;
    std::erase_if(idle_, [oldest](const Idle& entry) {
      return entry.since < oldest || entry.connection->is_stale();
    });
    if (!idle_.empty()) sweep_later();
  }

  asio::steady_timer timer_;
  std::deque<Idle> idle_;
  bool sweeping_ = false;
};

/// A streamed answer. It may not outlive the client, but if it does its connection is closed
/// instead of kept.
class PooledStream final : public ResponseStream {
 public:
  PooledStream(std::weak_ptr<Pool> pool, std::unique_ptr<Call> call)
      : pool_{std::move(pool)}, head_{call->take_response()}, call_{std::move(call)} {
    if (call_->body_ended()) finish();
  }
  const Response& head() const override { return head_; }
  asio::awaitable<std::size_t> read_some(std::span<char> buffer) override {
    if (broken_) throw Error{Step::receive, "the answer was given up after a failure"};
    if (!call_ || buffer.empty()) co_return 0;
    // Ends the connection if the wait fails or is cancelled: the rest of the body could no longer
    // be told from an answer.
    auto call = std::move(call_);
    broken_ = true;
    const auto bytes = co_await call->read_some(buffer);
    broken_ = false;
    call_ = std::move(call);
    if (call_->body_ended()) finish();
    co_return bytes;
  }

 private:
  void finish() {
    if (const auto pool = pool_.lock()) pool->put(call_->take_reusable());
    call_.reset();
  }

  std::weak_ptr<Pool> pool_;
  Response head_;
  std::unique_ptr<Call> call_;
  bool broken_ = false;
};

}  // namespace

class HttpClient::Impl {
 public:
  Impl(asio::any_io_executor executor, Endpoint endpoint)
      : endpoint_{std::move(endpoint)},
        host_{endpoint_.host_header()},
        // Owned here; streamed answers and the sweep's handler only look.
        pool_{std::make_shared<Pool>(std::move(executor))} {}

  /// One exchange, repeated on a fresh connection when a kept one turns out to be closed.
  asio::awaitable<std::unique_ptr<Call>> perform(Outgoing outgoing, Limits limits, bool whole) {
    ++exchanges_;
    outgoing.host = host_;
    if (endpoint_.proxy && endpoint_.scheme == Endpoint::Scheme::http) address_proxy(outgoing);
    if (auto kept = pool_->take()) {
      auto call = std::make_unique<Call>(std::move(kept), limits);
      try {
        co_await call->perform(outgoing, whole);
        co_return call;
      } catch (const Error& error) {
        const bool lost = error.step() == Step::send || error.step() == Step::receive;
        if (!lost || !call->found_peer_gone()) throw;
      }
      if (outgoing.source) outgoing.source->rewind();
    }
    const auto begin = Clock::now();
    if (limits.total.count() > 0) {
      limits.connect = sooner(limits.connect, limits.total);
      limits.handshake = sooner(limits.handshake, limits.total);
    }
    auto dialling = connect(limits);
    auto connection = co_await std::move(dialling);
    if (limits.total.count() > 0) {
      limits.total -= std::chrono::floor<std::chrono::milliseconds>(Clock::now() - begin);
      limits.total = std::max(limits.total, std::chrono::milliseconds{1});
    }
    auto call = std::make_unique<Call>(std::move(connection), limits);
    co_await call->perform(outgoing, whole);
    co_return call;
  }

  const Endpoint& endpoint() const { return endpoint_; }
  const std::shared_ptr<Pool>& pool() const { return pool_; }
  std::uint64_t opened() const { return opened_; }
  std::uint64_t exchanges() const { return exchanges_; }
  const std::string& server_chain() const { return server_chain_; }
  void forget_tls() { tls_.reset(); }

 private:
  /// A proxy that is asked for plain http learns from the target where to ask.
  void address_proxy(Outgoing& outgoing) const {
    auto& request = outgoing.request;
    request.target = "http://" + host_ + request.target;
    if (auto credentials = proxy_authorization(*endpoint_.proxy); !credentials.empty())
      request.headers.set("Proxy-Authorization", std::move(credentials));
  }

  static std::chrono::milliseconds sooner(std::chrono::milliseconds limit,
                                          std::chrono::milliseconds total) {
    return limit.count() > 0 ? std::min(limit, total) : total;
  }

  asio::awaitable<std::unique_ptr<Connection>> connect(Limits limits) {
    if (endpoint_.scheme == Endpoint::Scheme::https && !tls_) tls_ = client_context(endpoint_.tls);
    auto dialling = dial(endpoint_, tls_, limits.connect, limits.handshake);
    auto connection = co_await std::move(dialling);
    ++opened_;
    server_chain_ = connection->verified_chain();
    co_return connection;
  }

  Endpoint endpoint_;
  std::string host_;
  std::shared_ptr<Pool> pool_;
  TlsContext tls_;
  std::string server_chain_;
  std::uint64_t opened_ = 0;
  std::uint64_t exchanges_ = 0;
};

HttpClient::HttpClient(asio::any_io_executor executor, Endpoint endpoint)
    : impl_{std::make_unique<Impl>(std::move(executor), std::move(endpoint))} {}

HttpClient::~HttpClient() {
  impl_->pool()->clear();
}

const Endpoint& HttpClient::endpoint() const {
  return impl_->endpoint();
}

asio::awaitable<Response> HttpClient::send(Request request, Limits limits, BodySource* source) {
  Outgoing outgoing{std::move(request), source, {}, {}};
  auto exchange = impl_->perform(std::move(outgoing), limits, true);
  const auto call = co_await std::move(exchange);
  impl_->pool()->put(call->take_reusable());
  co_return call->take_response();
}

asio::awaitable<std::unique_ptr<ResponseStream>> HttpClient::open(Request request, Limits limits,
                                                                  BodySource* source) {
  Outgoing outgoing{std::move(request), source, {}, {}};
  auto exchange = impl_->perform(std::move(outgoing), limits, false);
  auto call = co_await std::move(exchange);
  call->end_total();
  co_return std::make_unique<PooledStream>(impl_->pool(), std::move(call));
}

asio::awaitable<Upgrade> HttpClient::upgrade(Request request, std::string protocol, Limits limits) {
  Outgoing outgoing{std::move(request), nullptr, {}, std::move(protocol)};
  auto exchange = impl_->perform(std::move(outgoing), limits, false);
  const auto call = co_await std::move(exchange);
  Upgrade result;
  if (call->response().status == 101) {
    auto connection = call->take_connection();
    connection->watchdog().rest();
    result.stream = std::move(connection);
  } else {
    co_await call->read_rest();
    impl_->pool()->put(call->take_reusable());
  }
  result.response = call->take_response();
  co_return result;
}

void HttpClient::close_idle() {
  impl_->pool()->clear();
  impl_->forget_tls();
}

const std::string& HttpClient::server_chain() const {
  return impl_->server_chain();
}
std::uint64_t HttpClient::connections_opened() const {
  return impl_->opened();
}
std::uint64_t HttpClient::exchanges() const {
  return impl_->exchanges();
}

}  // namespace slipway::net
