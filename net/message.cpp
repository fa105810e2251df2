#include "net/message.hpp"

#include <algorithm>

namespace slipway::net {

namespace {
/// Less is read through the buffer, together with what follows it.
constexpr std::uint64_t shortest_plain = 16u << 10;
}  // namespace

asio::awaitable<bool> MessageReader::read_head() {
  const auto before = connection_.received();
  bool started = !connection_.input().empty();
  for (;;) {
    if (started) {
      const auto progress = parser_->put(connection_.input(), {}, connection_.peer());
      connection_.consume(progress.consumed);
      if (parser_->head_done()) co_return true;
    }
    if (!co_await connection_.fill()) {
      if (!started && connection_.received() == before) co_return false;
      throw Error{Step::receive, describe(Step::receive, connection_.peer(),
                                          "closed in the middle of the headers")};
    }
    started = true;
  }
}

asio::awaitable<std::size_t> MessageReader::read_body(std::span<char> out) {
  if (out.empty()) co_return 0;
  std::size_t produced = 0;
  if (connection_.input().empty()) produced = co_await read_plain(out);
  if (produced > 0) co_return produced;
  while (!parser_->done()) {
    const auto input = connection_.input();
    Parser::Progress progress;
    if (!input.empty()) {
      progress = parser_->put(input, out.subspan(produced), connection_.peer());
      connection_.consume(progress.consumed);
      produced += progress.produced;
      if (produced == out.size()) break;
      if (progress.consumed > 0 && !progress.want_more) continue;
    }
    if (produced > 0 || parser_->done()) break;
    if (co_await connection_.fill()) continue;
    if (!parser_->put_eof() || connection_.truncated())
      throw Error{Step::receive,
                  describe(Step::receive, connection_.peer(), "closed in the middle of the body")};
  }
  co_return produced;
}

/// Saves the way through the connection's buffer where nothing but body can come. 0: it must take
/// it.
asio::awaitable<std::size_t> MessageReader::read_plain(std::span<char> out) {
  const auto room = std::min<std::uint64_t>(out.size(), parser_->plain_body());
  if (room < shortest_plain) co_return 0;
  const auto bytes = co_await connection_.read_some(out.first(static_cast<std::size_t>(room)));
  if (bytes == 0) co_return 0;
  // As many as the parser waits for, or fewer: it takes all of them.
  const auto progress = parser_->put({out.data(), bytes}, out, connection_.peer());
  if (progress.consumed != bytes)
    throw Error{Step::protocol, describe(Step::protocol, connection_.peer(), "a broken body")};
  co_return bytes;
}

}  // namespace slipway::net
