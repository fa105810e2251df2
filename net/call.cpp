#include "net/call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <vector>

#include "net/text.hpp"
#include "util/async.hpp"

namespace slipway::net {

namespace {

constexpr std::size_t max_head = 64u << 10;
/// Requests up to this size go out in one write, which a socket's buffer takes even when the peer
/// does not read.
constexpr std::size_t one_write = 16u << 10;
constexpr std::size_t piece = 64u << 10;

Framing framing_of(const Outgoing& outgoing) {
  if (outgoing.source) {
    const auto size = outgoing.source->size();
    return size ? Framing{Framing::Kind::length, *size} : Framing{Framing::Kind::chunked};
  }
  const auto& [method, target, headers, body] = outgoing.request;
  const bool expects_body = method == "POST" || method == "PUT" || method == "PATCH";
  if (body.empty() && !expects_body) return {};
  return {Framing::Kind::length, body.size()};
}

asio::awaitable<void> first_to_end(asio::awaitable<void> a, asio::awaitable<void> b) {
  co_await util::first_of(std::move(a), std::move(b));
}

}  // namespace

Call::Call(std::unique_ptr<Connection> connection, const Limits& limits)
    : connection_{std::move(connection)},
      limits_{limits},
      received_before_{connection_->received()},
      sending_over_{connection_->watchdog().executor()},
      never_{connection_->watchdog().executor()} {}

asio::awaitable<void> Call::perform(const Outgoing& outgoing, bool whole) {
  connection_->watchdog().start(Watchdog::total, limits_.total, "not finished");
  head_only_ = outgoing.request.method == "HEAD";
  reader_ = std::make_unique<MessageReader>(*connection_, response_parser(max_head, head_only_));
  close_asked_ = has_token(outgoing.request.headers.get("Connection"), "close");
  const bool upgrading = !outgoing.upgrade_protocol.empty();
  auto head = encode_request(outgoing.request, outgoing.host, framing_of(outgoing),
                             outgoing.upgrade_protocol);
  if (!outgoing.source && head.size() + outgoing.request.body.size() <= one_write) {
    head += outgoing.request.body;
    co_await write_small(head);
    auto receiving = receive(upgrading, whole);
    co_await sent_or_answered(std::move(receiving));
    co_return;
  }
  auto sending = upload(outgoing, std::move(head));
  auto receiving = receive(upgrading, whole);
  auto exchange = first_to_end(std::move(sending), std::move(receiving));
  co_await sent_or_answered(std::move(exchange));
}

asio::awaitable<void> Call::sent_or_answered(asio::awaitable<void> exchange) {
  std::exception_ptr failure;
  try {
    co_await std::move(exchange);
  } catch (const Error&) {
    // A peer that stops reading and leaves: the broken upload says more than the missing answer.
    failure = send_failure_ ? send_failure_ : std::current_exception();
  }
  if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> Call::write_small(std::string_view request) {
  try {
    co_await write(request);
    all_sent();
  } catch (const Error& error) {
    note_send_failure(error);
  }
  sending_over_.set();
}

/// The peer may have answered before it closed: that answer, if any, counts.
void Call::note_send_failure(const Error& error) {
  if (error.step() != Step::send) throw;
  send_failure_ = std::current_exception();
  connection_->watchdog().start(Watchdog::reading, limits_.idle, "no answer");
}

asio::awaitable<void> Call::upload(const Outgoing& outgoing, std::string head) {
  const auto& body = outgoing.request.body;
  try {
    if (outgoing.source) {
      co_await send_source(std::move(head), *outgoing.source);
    } else if (body.size() <= piece) {
      head += body;
      co_await write(head);
    } else {
      co_await write(head);
      co_await write(body);
    }
    all_sent();
  } catch (const Error& error) {
    note_send_failure(error);
  }
  sending_over_.set();
  co_await never_.wait();
}

asio::awaitable<void> Call::send_source(std::string head, BodySource& source) {
  const auto size = source.size();
  if (!size) {
    co_await write(head);
    co_await send_chunks(source);
    co_return;
  }
  // The head goes out with the first piece: one packet for a short body.
  auto& buffer = head;
  auto begin = head.size();
  auto left = *size;
  do {
    const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece));
    if (buffer.size() < begin + room) buffer.resize(begin + room);
    const auto bytes = co_await source.read(std::span<char>{buffer.data() + begin, room});
    if (bytes == 0 && left > 0)
      throw Error{Step::limit, fmt::format("the request's body ended {} bytes too early", left)};
    left -= bytes;
    co_await write({buffer.data(), begin + bytes});
    begin = 0;
  } while (left > 0);
}

asio::awaitable<void> Call::send_chunks(BodySource& source) {
  std::vector<char> buffer(chunk_front + piece + chunk_back);
  char* const data = buffer.data() + chunk_front;
  for (;;) {
    const auto bytes = co_await source.read(std::span<char>{data, piece});
    if (bytes == 0) break;
    co_await write(frame_chunk(buffer.data(), bytes));
  }
  co_await write("0\r\n\r\n");
}

asio::awaitable<void> Call::write(std::string_view data) {
  connection_->watchdog().start(Watchdog::writing, limits_.idle, "nothing accepted");
  co_await connection_->write(data);
  connection_->watchdog().stop(Watchdog::writing);
}

void Call::all_sent() {
  sent_ = true;
  if (!reader_->parser().head_done())
    connection_->watchdog().start(Watchdog::reading, limits_.head, "no answer");
}

asio::awaitable<void> Call::receive(bool upgrading, bool whole) {
  co_await receive_head(upgrading);
  const bool refused = response_.status >= 300;
  if (whole) {
    co_await read_rest();
  } else if (!sent_ && !refused) {
    co_await sending_over_.wait();
    if (!sent_ && send_failure_) std::rethrow_exception(send_failure_);
  }
}

asio::awaitable<void> Call::receive_head(bool upgrading) {
  const auto& peer = connection_->peer();
  for (;;) {
    if (!co_await reader_->read_head())
      throw Error{Step::receive, describe(Step::receive, peer, "closed without an answer")};
    auto& head = reader_->head();
    const bool switched = head.status == 101;
    if (switched && !upgrading)
      throw Error{Step::protocol, describe(Step::protocol, peer, "an upgrade nobody asked for")};
    if (head.status >= 200 || switched) {
      response_ = {head.status, std::move(head.reason), std::move(head.headers), {}};
      break;
    }
    reader_ = std::make_unique<MessageReader>(*connection_, response_parser(max_head, head_only_));
  }
  connection_->watchdog().stop(Watchdog::reading);
}

asio::awaitable<std::size_t> Call::read_some(std::span<char> buffer) {
  if (reader_->parser().done()) co_return 0;
  connection_->watchdog().start(Watchdog::reading, limits_.idle, "no data");
  const auto bytes = co_await reader_->read_body(buffer);
  connection_->watchdog().stop(Watchdog::reading);
  co_return bytes;
}

asio::awaitable<void> Call::read_rest() {
  auto& body = response_.body;
  const auto too_large = [this] {
    throw Error{Step::limit, describe(Step::limit, connection_->peer(),
                                      fmt::format("larger than {} bytes", limits_.max_body))};
  };
  const auto announced = reader_->parser().content_length();
  if (announced && *announced > limits_.max_body && !reader_->parser().done()) too_large();
  while (!reader_->parser().done()) {
    const auto have = body.size();
    body.resize(have + one_write);
    const auto bytes = co_await read_some({body.data() + have, one_write});
    body.resize(have + bytes);
    if (body.size() > limits_.max_body) too_large();
  }
}

bool Call::found_peer_gone() const {
  return connection_->received() == received_before_ && !connection_->watchdog().expired();
}

std::unique_ptr<Connection> Call::take_reusable() {
  const auto& parser = reader_->parser();
  if (!connection_ || !sent_ || close_asked_ || !parser.done() || !parser.keep_alive() ||
      !connection_->input().empty())
    return nullptr;
  connection_->watchdog().rest();
  if (connection_->watchdog().expired()) return nullptr;
  return std::move(connection_);
}

}  // namespace slipway::net
