#include "helper/artifacts/archive_stream.hpp"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

namespace slipway::helper {

namespace {

/// Nobody wants the rest of this try's archive.
struct Abandoned {};

/// Waits while the reader is behind.
void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) throw Abandoned{};
    if (sent < 0) throw std::system_error{errno, std::generic_category(), "archive stream"};
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

}  // namespace

ArchiveStream::ArchiveStream(asio::any_io_executor executor,
                             std::function<void(const archive::Sink&)> make)
    : make_{std::move(make)}, in_{std::move(executor)} {}

ArchiveStream::~ArchiveStream() {
  stop();
}

void ArchiveStream::start() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::system_error{errno, std::generic_category(), "archive stream"};
  Fd out{ends[1]};
  in_.assign(asio::local::stream_protocol{}, ends[0]);
  failure_ = nullptr;
  thread_ = std::thread{[this, fd = std::move(out)]() mutable { produce(std::move(fd)); }};
}

void ArchiveStream::produce(Fd out) {
  try {
    make_([fd = out.get()](std::string_view bytes) { send_all(fd, bytes); });
  } catch (const Abandoned&) {
    return;
  } catch (...) {
    failure_ = std::current_exception();
  }
}

void ArchiveStream::stop() {
  boost::system::error_code ignored;
  in_.close(ignored);
  if (thread_.joinable()) thread_.join();
}

asio::awaitable<std::size_t> ArchiveStream::read(std::span<char> buffer) {
  if (!thread_.joinable()) start();
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const auto got =
      co_await in_.async_read_some(asio::buffer(buffer.data(), buffer.size()), std::move(token));
  if (!error) co_return got;
  if (error != asio::error::eof) throw boost::system::system_error{error};
  stop();
  if (failure_) std::rethrow_exception(failure_);
  co_return 0;
}

}  // namespace slipway::helper
