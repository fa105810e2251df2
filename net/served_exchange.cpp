#include "net/served_exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "net/text.hpp"
#include "util/async.hpp"

namespace slipway::net {

namespace {

/// What is read and forgotten to keep a connection; a longer rest costs more than a new one.
constexpr std::uint64_t longest_drain = 64u << 10;
constexpr std::size_t piece = 16u << 10;
constexpr std::size_t large_piece = 128u << 10;
/// Pipelined or TLS bytes hide a disconnect from a plain wait: then it is looked for this often.
constexpr std::chrono::milliseconds look_every{500};

bool has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

std::optional<std::uint64_t> given_length(const Headers& headers) {
  const auto text = headers.find("Content-Length");
  std::uint64_t length = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), length);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return length;
}

}  // namespace

ServedExchange::ServedExchange(Connection& connection, MessageReader& reader,
                               const ServerOptions& options, std::string peer)
    : connection_{connection},
      reader_{reader},
      options_{options},
      peer_{std::move(peer)},
      body_over_{connection.watchdog().executor()},
      never_{connection.watchdog().executor()} {
  auto& head = reader_.head();
  request_ = {std::move(head.method), std::move(head.target), std::move(head.headers), {}};
  old_ = head.version < 11;
  expects_continue_ = !old_ && same_name(request_.headers.get("Expect"), "100-continue");
  close_ = !reader_.parser().keep_alive();
  if (reader_.parser().done()) body_over_.set();
}

asio::awaitable<std::size_t> ServedExchange::read_some(std::span<char> buffer) {
  if (reader_.parser().done()) co_return 0;
  if (std::exchange(expects_continue_, false) && !started())
    co_await send("HTTP/1.1 100 Continue\r\n\r\n");
  connection_.watchdog().start(Watchdog::reading, options_.idle, "no data");
  const auto bytes = co_await reader_.read_body(buffer);
  connection_.watchdog().stop(Watchdog::reading);
  if (reader_.parser().done()) body_over_.set();
  co_return bytes;
}

asio::awaitable<std::string> ServedExchange::read_body(std::size_t max_body) {
  std::string body;
  const auto announced = reader_.parser().content_length();
  bool fits = !announced || *announced <= max_body;
  std::size_t have = 0;
  while (fits && !reader_.parser().done()) {
    // What was announced is believed step by step: nobody gets memory for a promise.
    const auto step = have < large_piece ? piece : large_piece;
    if (have == body.size())
      body.resize(have +
                  (announced ? std::clamp<std::uint64_t>(*announced - have, 1, step) : step));
    have += co_await read_some({body.data() + have, body.size() - have});
    fits = have <= max_body;
  }
  body.resize(have);
  if (!fits)
    throw Error{Step::limit,
                fmt::format("request from {}: larger than {} bytes", connection_.peer(), max_body)};
  co_return body;
}

bool ServedExchange::long_rest() const {
  if (reader_.parser().done()) return false;
  const auto announced = reader_.parser().content_length();
  // Nobody invited this body: whether it comes is unknown.
  return expects_continue_ || !announced || *announced > longest_drain;
}

bool ServedExchange::closes(const Response& response) const {
  return close_ || long_rest() || has_token(response.headers.get("Connection"), "close");
}

Framing ServedExchange::frame(const Response& response, std::optional<std::uint64_t> body_size) {
  using Kind = Framing::Kind;
  const auto given = given_length(response.headers);
  if (request_.method == "HEAD" || has_no_body(response.status)) {
    const bool tells = request_.method == "HEAD" || response.status == 304;
    const auto length = given ? given : body_size;
    if (!tells || !length || (*length == 0 && response.status == 304)) return {};
    return {Kind::length, *length};
  }
  if (body_size) return {Kind::length, *body_size};
  if (given) return {Kind::length, *given};
  return {old_ ? Kind::until_close : Kind::chunked};
}

void ServedExchange::check_state(State expected, const char* what) const {
  if (state_ == State::dropped)
    throw Error{Step::send, describe(Step::send, connection_.peer(), "connection dropped")};
  if (state_ != expected) throw Error{Step::protocol, fmt::format("HTTP: {} out of order", what)};
}

asio::awaitable<void> ServedExchange::send(std::string_view data) {
  connection_.watchdog().start(Watchdog::writing, options_.idle, "nothing accepted");
  co_await connection_.write(data);
  connection_.watchdog().stop(Watchdog::writing);
}

asio::awaitable<void> ServedExchange::respond(Response response) {
  check_state(State::fresh, "respond()");
  const bool close = closes(response);
  const auto framing = frame(response, response.body.size());
  auto head = encode_response(response, framing,
                              close && !has_token(response.headers.get("Connection"), "close"));
  close_ = close;
  state_ = State::streaming;
  const bool body = request_.method != "HEAD" && !has_no_body(response.status);
  if (body && response.body.size() <= piece) head += response.body;
  co_await send(head);
  if (body && response.body.size() > piece) co_await send(response.body);
  state_ = State::complete;
}

asio::awaitable<void> ServedExchange::begin(Response response) {
  check_state(State::fresh, "begin()");
  framing_ = frame(response, std::nullopt);
  const bool close = closes(response) || framing_.kind == Framing::Kind::until_close;
  const auto head = encode_response(
      response, framing_, close && !has_token(response.headers.get("Connection"), "close"));
  close_ = close;
  state_ = State::streaming;
  if (request_.method == "HEAD" || has_no_body(response.status)) framing_ = {};
  left_ = framing_.length;
  co_await send(head);
}

asio::awaitable<void> ServedExchange::write(std::string_view data) {
  check_state(State::streaming, "write()");
  using Kind = Framing::Kind;
  if (data.empty() || framing_.kind == Kind::none) co_return;
  if (framing_.kind == Kind::length) {
    if (data.size() > left_)
      throw Error{Step::protocol, "HTTP: the answer is longer than its Content-Length"};
    left_ -= data.size();
  }
  if (framing_.kind != Kind::chunked) {
    co_await send(data);
    co_return;
  }
  std::vector<char> buffer(chunk_front + std::min(data.size(), 4 * piece) + chunk_back);
  while (!data.empty()) {
    const auto bytes = data.copy(buffer.data() + chunk_front, 4 * piece);
    co_await send(frame_chunk(buffer.data(), bytes));
    data.remove_prefix(bytes);
  }
}

asio::awaitable<void> ServedExchange::finish() {
  check_state(State::streaming, "finish()");
  if (left_ > 0) throw Error{Step::protocol, "HTTP: the answer is shorter than its Content-Length"};
  if (framing_.kind == Framing::Kind::chunked) co_await send("0\r\n\r\n");
  state_ = State::complete;
}

void ServedExchange::drop() {
  state_ = State::dropped;
  connection_.close();
}

asio::awaitable<void> ServedExchange::watch_peer() {
  co_await body_over_.wait();
  while (state_ != State::dropped) {
    // GCC 12 miscompiles a co_await within the loop's condition.
    const bool readable = co_await connection_.wait_readable();
    if (!readable || complete()) break;
    if (connection_.peer_closed()) co_return;
    co_await util::sleep_for(look_every);
  }
  co_await never_.wait();
}

asio::awaitable<void> ServedExchange::drain() {
  std::vector<char> waste(piece);
  std::uint64_t seen = 0;
  expects_continue_ = false;
  while (!close_ && seen <= longest_drain && !reader_.parser().done())
    seen += co_await read_some(waste);
  if (!reader_.parser().done()) close_ = true;
}

}  // namespace slipway::net
