#include "tests/integration/engine_proxy.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <string_view>

#include "util/async.hpp"

namespace slipway::tests {

EngineProxy::EngineProxy(asio::any_io_executor executor, std::string engine_socket,
                         std::string own_socket)
    : executor_{executor},
      engine_socket_{std::move(engine_socket)},
      acceptor_{executor, asio::local::stream_protocol::endpoint{own_socket}},
      links_{executor} {}

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
  Socket engine{executor_};
  const asio::local::stream_protocol::endpoint target{engine_socket_};
  co_await engine.async_connect(target, asio::use_awaitable);
  Link link{std::move(client), std::move(engine)};
  try {
    auto up = to_engine(link);
    auto down = to_client(link);
    co_await util::first_of(std::move(up), std::move(down));
  } catch (const boost::system::system_error&) {
    // one side is gone: both sockets are closed with the link
  }
}

asio::awaitable<void> EngineProxy::to_engine(Link& link) {
  std::array<char, 65536> buffer;
  while (true) {
    const auto count =
        co_await link.client.async_read_some(asio::buffer(buffer), asio::use_awaitable);
    const std::string_view bytes{buffer.data(), count};
    if (!link.limited && !cuts_.empty() && bytes.find("/attach?") != std::string_view::npos) {
      link.limited = true;
      link.left = cuts_.front();
      cuts_.pop_front();
    }
    co_await asio::async_write(link.engine, asio::buffer(bytes), asio::use_awaitable);
  }
}

asio::awaitable<void> EngineProxy::to_client(Link& link) {
  std::array<char, 65536> buffer;
  while (true) {
    auto count = co_await link.engine.async_read_some(asio::buffer(buffer), asio::use_awaitable);
    if (link.limited) count = std::min(count, link.left);
    co_await asio::async_write(link.client, asio::buffer(buffer.data(), count),
                               asio::use_awaitable);
    if (!link.limited) continue;
    link.left -= count;
    if (link.left == 0) co_return;
  }
}

}  // namespace slipway::tests
