#include "tests/fakes/relay_proxy.hpp"

#include <array>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::tests {

using asio::ip::tcp;

namespace {

asio::awaitable<void> pump(tcp::socket& from, tcp::socket& to) {
  std::array<char, 16384> buffer;
  while (true) {
    const auto size = co_await from.async_read_some(asio::buffer(buffer), asio::use_awaitable);
    co_await asio::async_write(to, asio::buffer(buffer.data(), size), asio::use_awaitable);
  }
}

}  // namespace

RelayProxy::RelayProxy(asio::any_io_executor executor, std::uint16_t backend, std::string answer)
    : acceptor_{std::move(executor), tcp::endpoint{asio::ip::make_address("127.0.0.1"), 0}},
      backend_{backend},
      answer_{std::move(answer)} {}

asio::awaitable<void> RelayProxy::run() {
  util::TaskGroup tasks{acceptor_.get_executor()};
  std::exception_ptr ended;
  try {
    while (true) {
      tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
      tasks.start(serve(std::move(socket)));
    }
  } catch (...) {
    ended = std::current_exception();
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  tasks.cancel();
  co_await tasks.join();
  std::rethrow_exception(ended);
}

asio::awaitable<void> RelayProxy::serve(tcp::socket socket) {
  try {
    std::string input;
    const auto size = co_await asio::async_read_until(socket, asio::dynamic_buffer(input),
                                                      "\r\n\r\n", asio::use_awaitable);
    heads_.push_back(input.substr(0, size));
    co_await asio::async_write(socket, asio::buffer(answer_), asio::use_awaitable);
    if (!answer_.starts_with("HTTP/1.1 2")) co_return;
    tcp::socket backend{acceptor_.get_executor()};
    const tcp::endpoint address{asio::ip::make_address("127.0.0.1"), backend_};
    co_await backend.async_connect(address, asio::use_awaitable);
    auto there = pump(socket, backend);
    auto back = pump(backend, socket);
    co_await util::first_of(std::move(there), std::move(back));
  } catch (const boost::system::system_error&) {
    // One side went away: the other one follows.
  }
}

}  // namespace slipway::tests
