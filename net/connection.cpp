#include "net/connection.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cstring>

namespace slipway::net {

namespace {

using boost::system::error_code;

constexpr std::size_t first_buffer = 4u << 10;
constexpr std::size_t usual_buffer = 64u << 10;
constexpr std::size_t largest_buffer = 128u << 10;

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(Socket socket) : socket_{std::move(socket)} {}
  Socket& socket() override { return socket_; }
  asio::awaitable<std::size_t> read_some(asio::mutable_buffer buffer, error_code& error) override {
    return socket_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  }
  asio::awaitable<std::size_t> write_some(asio::const_buffer data, error_code& error) override {
    return socket_.async_write_some(data, asio::redirect_error(asio::use_awaitable, error));
  }
  asio::awaitable<void> end(error_code& error) override {
    socket_.shutdown(Socket::shutdown_send, error);
    co_return;
  }

 private:
  Socket socket_;
};

}  // namespace

std::unique_ptr<Transport> plain_transport(Socket socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

std::string describe(Step step, std::string_view peer, std::string_view cause) {
  const char* verb = "";
  switch (step) {
    case Step::resolve:
      verb = "look up";
      break;
    case Step::connect:
      verb = "connect to";
      break;
    case Step::tls:
      verb = "TLS with";
      break;
    case Step::send:
      verb = "send to";
      break;
    case Step::receive:
      verb = "receive from";
      break;
    case Step::protocol:
      verb = "HTTP with";
      break;
    case Step::limit:
      verb = "answer of";
      break;
  }
  return fmt::format("{} {}: {}", verb, peer, cause);
}

Connection::Connection(std::unique_ptr<Transport> transport, std::string peer)
    : transport_{std::move(transport)}, peer_{std::move(peer)}, watchdog_{transport_->socket()} {}

void Connection::fail(Step step, const error_code& error) const {
  if (const auto& expired = watchdog_.expired()) throw Error{step, describe(step, peer_, *expired)};
  if (error == asio::error::operation_aborted) throw boost::system::system_error{error};
  if (error.category() == asio::error::get_ssl_category()) step = Step::tls;
  throw Error{step, describe(step, peer_, error.message())};
}

asio::awaitable<std::size_t> Connection::receive(asio::mutable_buffer buffer) {
  error_code error;
  const auto bytes = co_await transport_->read_some(buffer, error);
  received_ += bytes;
  if (bytes > 0 || error == asio::error::eof) co_return bytes;
  if (error == asio::ssl::error::stream_truncated) {
    truncated_ = true;
    co_return 0;
  }
  fail(Step::receive, error);
}

asio::awaitable<std::size_t> Connection::read_some(std::span<char> buffer) {
  if (buffer.empty()) co_return 0;
  if (begin_ == end_) co_return co_await receive(asio::buffer(buffer.data(), buffer.size()));
  const auto bytes = std::min(buffer.size(), end_ - begin_);
  std::memcpy(buffer.data(), buffer_.data() + begin_, bytes);
  begin_ += bytes;
  // An upgraded stream does not come back here: it need not keep the buffer.
  if (begin_ == end_) {
    buffer_ = {};
    begin_ = end_ = 0;
  }
  co_return bytes;
}

asio::awaitable<void> Connection::write(std::string_view data) {
  while (!data.empty()) {
    error_code error;
    const auto bytes =
        co_await transport_->write_some(asio::buffer(data.data(), data.size()), error);
    if (error) fail(Step::send, error);
    data.remove_prefix(bytes);
  }
}

void Connection::close() {
  watchdog_.rest();
  error_code ignored;
  transport_->socket().close(ignored);
}

asio::awaitable<bool> Connection::fill() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == buffer_.size()) {
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    } else if (buffer_.size() >= largest_buffer) {
      throw Error{Step::limit, describe(Step::limit, peer_, "a line or header block is too long")};
    } else {
      buffer_.resize(std::max(first_buffer, buffer_.size() * 2));
    }
  }
  const auto room = buffer_.size() - end_;
  const auto bytes = co_await receive(asio::buffer(buffer_.data() + end_, room));
  end_ += bytes;
  // The peer sends faster than we ask: fewer and larger reads from now on.
  if (bytes == room && buffer_.size() < usual_buffer) buffer_.resize(usual_buffer);
  co_return bytes > 0;
}

asio::awaitable<void> Connection::linger(std::chrono::milliseconds limit, std::size_t max_bytes) {
  watchdog_.rest();
  watchdog_.start(Watchdog::total, limit, "not closed");
  error_code error;
  co_await transport_->end(error);
  std::vector<char> waste(8u << 10);
  for (std::size_t seen = 0; !error && seen < max_bytes;)
    seen += co_await transport_->socket().async_read_some(
        asio::buffer(waste), asio::redirect_error(asio::use_awaitable, error));
  close();
}

Socket Connection::take_socket() {
  watchdog_.rest();
  return std::move(transport_->socket());
}

bool Connection::is_stale() {
  if (begin_ != end_) return true;
  char byte = 0;
  const auto fd = transport_->socket().native_handle();
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

bool Connection::peer_closed() {
  pollfd state{transport_->socket().native_handle(), POLLRDHUP, 0};
  return ::poll(&state, 1, 0) > 0;
}

asio::awaitable<bool> Connection::wait_readable() {
  error_code error;
  co_await transport_->socket().async_wait(Socket::wait_read,
                                           asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

}  // namespace slipway::net
