#include "net/message.hpp"

namespace slipway::net {

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

}  // namespace slipway::net
