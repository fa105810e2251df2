#include "cmd/slipway/interruption.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>

namespace slipway::cmd {

namespace {

// What a signal handler may touch.
volatile std::sig_atomic_t wakeup = -1;
volatile std::sig_atomic_t received = 0;

void on_signal(int signal) {
  const int saved = errno;
  received = signal;
  const std::uint64_t one = 1;
  if (::write(static_cast<int>(wakeup), &one, sizeof one) < 0) received = signal;
  errno = saved;
}

void handle(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

Interruption::Interruption() : descriptor_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  if (descriptor_ < 0) throw std::system_error{errno, std::generic_category(), "eventfd"};
  received = 0;
  wakeup = descriptor_;
  handle(on_signal);
}

Interruption::~Interruption() {
  handle(SIG_DFL);
  ::close(descriptor_);
}

Interrupted Interruption::error() const {
  return Interrupted{received == SIGTERM ? "RECEIVED SIGNAL: terminated"
                                         : "RECEIVED SIGNAL: interrupt"};
}

asio::awaitable<void> Interruption::wait() const {
  const auto executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor signalled{executor, ::dup(descriptor_)};
  co_await signalled.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
}

}  // namespace slipway::cmd
