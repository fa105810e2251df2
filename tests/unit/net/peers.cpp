#include "peers.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::net {

using asio::ip::tcp;
using Do = ScriptedPeer::Step::Do;

ScriptedPeer::Step read_head() {
  return {Do::read_head};
}
ScriptedPeer::Step read_body(std::size_t size) {
  return {Do::read_body, {}, size};
}
ScriptedPeer::Step say(std::string text) {
  return {Do::say, std::move(text)};
}
ScriptedPeer::Step wait(std::chrono::milliseconds pause) {
  return {Do::wait, {}, 0, pause};
}
ScriptedPeer::Step close() {
  return {Do::close};
}
ScriptedPeer::Step reset() {
  return {Do::reset};
}
ScriptedPeer::Step hold() {
  return {Do::hold};
}

ScriptedPeer::ScriptedPeer(asio::any_io_executor executor, std::vector<Script> scripts)
    : acceptor_{executor, tcp::endpoint{asio::ip::make_address("127.0.0.1"), 0}},
      scripts_{std::move(scripts)} {}

Endpoint ScriptedPeer::endpoint() const {
  return loopback(acceptor_.local_endpoint().port());
}

asio::awaitable<void> ScriptedPeer::run() {
  util::TaskGroup tasks{acceptor_.get_executor()};
  std::exception_ptr ended;
  try {
    for (auto& script : scripts_) {
      tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
      ++accepted_;
      auto work = serve(std::move(socket), script);
      tasks.start(std::move(work));
    }
    util::Event never{acceptor_.get_executor()};
    co_await never.wait();
  } catch (...) {
    ended = std::current_exception();
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  tasks.cancel();
  co_await tasks.join();
  std::rethrow_exception(ended);
}

asio::awaitable<void> ScriptedPeer::serve(tcp::socket socket, Script script) {
  try {
    co_await play(socket, std::move(script));
  } catch (const boost::system::system_error&) {
    // The client went away: tests look at the client's side.
    socket.close();
  }
  ++ended_;
}

asio::awaitable<void> ScriptedPeer::play(tcp::socket& socket, Script script) {
  std::string input;
  for (const auto& step : script) {
    switch (step.act) {
      case Do::read_head: {
        const auto size = co_await asio::async_read_until(socket, asio::dynamic_buffer(input),
                                                          "\r\n\r\n", asio::use_awaitable);
        heads_.push_back(input.substr(0, size));
        input.erase(0, size);
        break;
      }
      case Do::read_body: {
        const auto have = std::min(input.size(), step.size);
        input.erase(0, have);
        std::string rest(step.size - have, '\0');
        co_await asio::async_read(socket, asio::buffer(rest), asio::use_awaitable);
        break;
      }
      case Do::say:
        co_await asio::async_write(socket, asio::buffer(step.text), asio::use_awaitable);
        break;
      case Do::wait:
        co_await util::sleep_for(step.pause);
        break;
      case Do::close:
        socket.close();
        break;
      case Do::reset:
        socket.set_option(asio::socket_base::linger{true, 0});
        socket.close();
        break;
      case Do::hold: {
        char waste[4096];
        for (;;) co_await socket.async_read_some(asio::buffer(waste), asio::use_awaitable);
      }
    }
  }
}

asio::awaitable<void> beside(asio::awaitable<void> peer, asio::awaitable<void> body) {
  const auto first = co_await util::first_of(std::move(peer), std::move(body));
  if (first == 0) throw std::runtime_error{"the peer ended before the test"};
}

namespace {

std::string describe_failure(const std::exception_ptr& failure) {
  static constexpr const char* steps[] = {"resolve", "connect",  "tls",  "send",
                                          "receive", "protocol", "limit"};
  if (!failure) return "";
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return fmt::format("{}: {}", steps[static_cast<int>(error.step())], error.what());
  } catch (const boost::system::system_error& error) {
    return error.code() == asio::error::operation_aborted ? "aborted" : error.what();
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

asio::awaitable<std::string> failure_of(asio::awaitable<void> work) {
  std::exception_ptr failure;
  try {
    co_await std::move(work);
  } catch (...) {
    failure = std::current_exception();
  }
  co_return describe_failure(failure);
}

asio::awaitable<std::string> cancelled(asio::awaitable<void> work) {
  const auto executor = co_await asio::this_coro::executor;
  asio::cancellation_signal signal;
  util::Event ended{executor};
  std::exception_ptr failure;
  asio::co_spawn(executor, std::move(work),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
                   failure = error;
                   ended.set();
                 }));
  co_await util::sleep_for(std::chrono::milliseconds{20});
  signal.emit(asio::cancellation_type::terminal);
  const auto begin = std::chrono::steady_clock::now();
  co_await ended.wait();
  if (std::chrono::steady_clock::now() - begin > std::chrono::seconds{1})
    throw std::runtime_error{"cancellation took its time"};
  co_return describe_failure(failure);
}

Endpoint loopback(std::uint16_t port) {
  return {Endpoint::Scheme::http, "127.0.0.1", port, {}};
}

Endpoint unix_endpoint() {
  static int count = 0;
  const auto path = fmt::format("/tmp/slipway-net-{}-{}.sock", ::getpid(), ++count);
  return {Endpoint::Scheme::unix_socket, path, 0, {}};
}

TextSource::TextSource(std::string text, std::size_t piece, bool sized,
                       std::chrono::milliseconds pause)
    : text_{std::move(text)}, piece_{piece}, sized_{sized}, pause_{pause} {}

std::optional<std::uint64_t> TextSource::size() const {
  return sized_ ? std::optional<std::uint64_t>{text_.size()} : std::nullopt;
}

asio::awaitable<std::size_t> TextSource::read(std::span<char> buffer) {
  if (pause_.count() > 0) co_await util::sleep_for(pause_);
  const auto bytes = text_.copy(buffer.data(), std::min(buffer.size(), piece_), at_);
  at_ += bytes;
  co_return bytes;
}

void TextSource::rewind() {
  at_ = 0;
  ++rewinds_;
}

asio::awaitable<std::string> read_all(ResponseStream& stream, std::size_t piece) {
  std::string all;
  std::string buffer(piece, '\0');
  while (const auto bytes = co_await stream.read_some(buffer)) all.append(buffer, 0, bytes);
  co_return all;
}

asio::awaitable<std::string> read_exactly(ByteStream& stream, std::size_t size) {
  std::string all;
  std::string buffer(size, '\0');
  while (all.size() < size) {
    const auto bytes = co_await stream.read_some(std::span{buffer.data(), size - all.size()});
    if (bytes == 0) break;
    all.append(buffer, 0, bytes);
  }
  co_return all;
}

}  // namespace slipway::net
