#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>

#include "net/message.hpp"

namespace slipway::net {

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// The base is private: both have a put(), and callers need the simple one.
template <bool is_request>
class BeastParser final : public Parser, private http::basic_parser<is_request> {
  using Base = http::basic_parser<is_request>;
  using Text = beast::string_view;
  using Code = beast::error_code;

 public:
  BeastParser(std::size_t max_head, bool no_body) : max_head_{max_head} {
    Base::header_limit(static_cast<std::uint32_t>(max_head));
    Base::body_limit(boost::none);
    if constexpr (!is_request) Base::skip(no_body);
  }

  Progress put(std::string_view input, std::span<char> out, const std::string& peer) override {
    out_ = out;
    produced_ = 0;
    // Beast would wait for a whole header block before it looks at the first byte.
    if (!is_request && !Base::got_some() &&
        !std::string_view{"HTTP/1."}.starts_with(input.substr(0, 7)))
      throw Error{Step::protocol, describe(Step::protocol, peer, "it does not answer in HTTP")};
    Code error;
    const auto consumed = Base::put(asio::buffer(input.data(), input.size()), error);
    if (error == http::error::header_limit)
      throw Error{Step::limit, describe(Step::limit, peer, "the headers are too large")};
    if (error && error != http::error::need_more)
      throw Error{Step::protocol, describe(Step::protocol, peer, error.message())};
    return {consumed, produced_, error == http::error::need_more};
  }
  bool put_eof() override {
    Code error;
    Base::put_eof(error);
    return !error && Base::is_done();
  }
  bool head_done() const override { return Base::is_header_done(); }
  bool done() const override { return Base::is_done(); }
  bool keep_alive() const override { return Base::keep_alive(); }
  std::optional<std::uint64_t> content_length() const override {
    const auto length = Base::content_length();
    return length ? std::optional<std::uint64_t>{*length} : std::nullopt;
  }
  std::uint64_t plain_body() const override {
    if (!Base::is_header_done() || Base::is_done() || Base::chunked()) return 0;
    return Base::content_length_remaining().value_or(0);
  }
  Head& head() override { return head_; }

 private:
  void on_request_impl(http::verb, Text method, Text target, int version, Code&) override {
    head_.method = method;
    head_.target = target;
    head_.version = version;
  }
  void on_response_impl(int code, Text reason, int version, Code&) override {
    head_.status = code;
    head_.reason = reason;
    head_.version = version;
  }
  void on_field_impl(http::field, Text name, Text value, Code& error) override {
    // Beast limits the header bytes that wait unparsed, not their sum: a slow peer could go on for
    // ever.
    head_size_ += name.size() + value.size() + 4;
    if (head_size_ > max_head_) {
      error = http::error::header_limit;
      return;
    }
    // Trailers of a chunked body say nothing that slipway uses.
    if (!Base::is_header_done()) head_.headers.add(std::string{name}, std::string{value});
  }
  void on_header_impl(Code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
  std::size_t on_body_impl(Text body, Code&) override { return take(body); }
  void on_chunk_header_impl(std::uint64_t, Text, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, Code&) override { return take(body); }
  void on_finish_impl(Code&) override {}

  std::size_t take(Text body) {
    const auto bytes = std::min(body.size(), out_.size() - produced_);
    char* const to = out_.data() + produced_;
    if (bytes > 0 && to != body.data()) std::memcpy(to, body.data(), bytes);
    produced_ += bytes;
    return bytes;
  }

  std::size_t max_head_;
  std::size_t head_size_ = 0;
  std::span<char> out_;
  std::size_t produced_ = 0;
  Head head_;
};

}  // namespace

std::unique_ptr<Parser> request_parser(std::size_t max_head) {
  return std::make_unique<BeastParser<true>>(max_head, false);
}

std::unique_ptr<Parser> response_parser(std::size_t max_head, bool no_body) {
  return std::make_unique<BeastParser<false>>(max_head, no_body);
}

}  // namespace slipway::net
