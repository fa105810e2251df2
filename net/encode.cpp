#include "net/encode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <cstring>
#include <iterator>

#include "net/error.hpp"
#include "net/text.hpp"

namespace slipway::net {

namespace {

void check_token(std::string_view text, const char* what) {
  const bool good = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f &&
           std::string_view{"()<>@,;:\\\"/[]?={}"}.find(c) == std::string_view::npos;
  });
  if (!good) throw Error{Step::protocol, fmt::format("HTTP: {} is not a token", what)};
}

void check_line(std::string_view text, std::string_view what) {
  const bool bad = std::any_of(text.begin(), text.end(),
                               [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  if (bad) throw Error{Step::protocol, fmt::format("HTTP: a line break in {}", what)};
}

bool is_ours(std::string_view name) {
  return same_name(name, "Content-Length") || same_name(name, "Transfer-Encoding");
}

void add_fields(std::string& out, const Headers& headers, bool skip_host) {
  for (const auto& [name, value] : headers.fields()) {
    if (is_ours(name) || (skip_host && same_name(name, "Host"))) continue;
    check_token(name, "a header name");
    check_line(value, name);
    fmt::format_to(std::back_inserter(out), "{}: {}\r\n", name, value);
  }
}

void add_framing(std::string& out, Framing framing) {
  if (framing.kind == Framing::Kind::length)
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", framing.length);
  else if (framing.kind == Framing::Kind::chunked)
    out += "Transfer-Encoding: chunked\r\n";
}

}  // namespace

std::string encode_request(const Request& request, const std::string& host, Framing framing,
                           const std::string& upgrade_protocol) {
  check_token(request.method, "the method");
  check_line(request.target, "the target");
  if (request.target.empty() || request.target.find(' ') != std::string::npos)
    throw Error{Step::protocol, "HTTP: the target is empty or holds a blank"};
  auto out = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.target, host);
  add_fields(out, request.headers, true);
  if (!upgrade_protocol.empty())
    fmt::format_to(std::back_inserter(out), "Connection: Upgrade\r\nUpgrade: {}\r\n",
                   upgrade_protocol);
  add_framing(out, framing);
  out += "\r\n";
  return out;
}

std::string encode_response(const Response& response, Framing framing, bool close) {
  check_line(response.reason, "the reason");
  const std::string_view reason =
      response.reason.empty() ? reason_phrase(response.status) : response.reason;
  auto out = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason);
  add_fields(out, response.headers, false);
  add_framing(out, framing);
  if (close) out += "Connection: close\r\n";
  out += "\r\n";
  return out;
}

std::string_view reason_phrase(int status) {
  namespace http = boost::beast::http;
  const auto known = http::int_to_status(static_cast<unsigned>(status));
  if (known == http::status::unknown) return {};
  const auto phrase = http::obsolete_reason(known);
  return {phrase.data(), phrase.size()};
}

std::string_view frame_chunk(char* buffer, std::size_t size) {
  char line[chunk_front];
  const auto length = static_cast<std::size_t>(fmt::format_to(line, "{:x}\r\n", size) - line);
  char* begin = buffer + chunk_front - length;
  std::memcpy(begin, line, length);
  std::memcpy(buffer + chunk_front + size, "\r\n", chunk_back);
  return {begin, length + size + chunk_back};
}

}  // namespace slipway::net
