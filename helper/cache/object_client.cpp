#include "helper/cache/object_client.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "gitlab_api/url.hpp"

namespace slipway::helper::cache {

namespace {

using namespace std::chrono_literals;

constexpr int most_hops = 10;
constexpr std::size_t longest_text = 300;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// A line break would make headers of its own.
void check_headers(const net::Headers& headers) {
  for (const auto& [name, value] : headers.fields())
    for (const char c : name + value)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
        throw ObjectError{
            fmt::format("the header {} holds a control character", net::percent_encode(name)),
            false};
}

net::Url parsed(const std::string& url) {
  auto result = net::parse_url(url);
  if (!result) throw ObjectError{"the address of the cache is not one of http or https", false};
  return std::move(*result);
}

// The text of an element that holds nothing else.
std::string element(std::string_view xml, std::string_view name) {
  const auto open = fmt::format("<{}>", name);
  const auto begin = xml.find(open);
  if (begin == std::string_view::npos) return "";
  const auto rest = xml.substr(begin + open.size());
  const auto end = rest.find(fmt::format("</{}>", name));
  if (end == std::string_view::npos) return "";
  std::string text;
  for (const char c : rest.substr(0, std::min(end, longest_text)))
    text += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  return text;
}

}  // namespace

ObjectClient::ObjectClient(asio::any_io_executor executor, std::chrono::milliseconds timeout)
    : executor_{std::move(executor)} {
  limits_.connect = 30s;
  limits_.handshake = 10s;
  limits_.head = 30s;
  limits_.total = timeout;
}

net::HttpClient& ObjectClient::client_for(const net::Url& url) {
  auto& client = clients_[gitlab_api::origin_text(url)];
  if (!client) {
    net::Endpoint endpoint{url.scheme, url.host, url.port, {}};
    endpoint.proxy = proxies_.proxy_for(url);
    client = std::make_unique<net::HttpClient>(executor_, std::move(endpoint));
  }
  return *client;
}

asio::awaitable<std::unique_ptr<net::ResponseStream>> ObjectClient::open(std::string url,
                                                                         net::Request request) {
  for (int hop = 0;; ++hop) {
    const auto where = parsed(url);
    const auto path = where.path.substr(0, where.path.find('#'));
    request.target = path.starts_with('/') ? path : "/" + path;
    std::unique_ptr<net::ResponseStream> stream;
    std::optional<std::string> failure;
    auto this_time = request;
    try {
      stream = co_await client_for(where).open(std::move(this_time), limits_);
    } catch (const net::Error& error) {
      failure = error.what();
    }
    if (failure) throw ObjectError{*failure, true};
    const auto location = stream->head().headers.find("Location");
    if (!is_redirect(stream->head().status) || !location) co_return stream;
    const auto target = gitlab_api::resolve_location(where, *location);
    if (!target) throw ObjectError{"redirected to an address that is not http or https", false};
    if (hop == most_hops)
      throw ObjectError{fmt::format("stopped after {} redirects", most_hops), false};
    url = *target;
  }
}

asio::awaitable<net::Response> ObjectClient::head(std::string url) {
  net::Request request;
  request.method = "HEAD";
  const auto stream = co_await open(std::move(url), std::move(request));
  co_return stream->head();
}

asio::awaitable<std::unique_ptr<net::ResponseStream>> ObjectClient::get(std::string url,
                                                                        net::Headers headers) {
  net::Request request;
  request.headers = std::move(headers);
  return open(std::move(url), std::move(request));
}

asio::awaitable<net::Response> ObjectClient::put(std::string url, net::Headers headers,
                                                 net::BodySource& source) {
  const auto where = parsed(url);
  check_headers(headers);
  net::Request request;
  request.method = "PUT";
  request.headers = std::move(headers);
  const auto path = where.path.substr(0, where.path.find('#'));
  request.target = path.starts_with('/') ? path : "/" + path;
  auto limits = limits_;
  limits.max_body = 64u << 10;
  std::optional<std::string> failure;
  net::Response response;
  try {
    response = co_await client_for(where).send(std::move(request), limits, &source);
  } catch (const net::Error& error) {
    failure = error.what();
  }
  if (failure) throw ObjectError{*failure, true};
  co_return response;
}

std::string refusal_text(int status, std::string_view body) {
  auto text = fmt::format("received: {} {}", status, net::reason_phrase(status));
  const auto code = element(body, "Code");
  const auto message = element(body, "Message");
  if (!code.empty())
    text += fmt::format(". Request failed with code: {}, message: {}", code, message);
  return text;
}

asio::awaitable<std::string> read_some_body(net::ResponseStream& stream, std::size_t limit) {
  std::string body;
  std::array<char, 4096> buffer;
  while (body.size() < limit) {
    std::size_t got = 0;
    try {
      got = co_await stream.read_some(buffer);
    } catch (const net::Error&) {
      break;  // it is only for a message
    }
    if (got == 0) break;
    body.append(buffer.data(), got);
  }
  body.resize(std::min(body.size(), limit));
  co_return body;
}

}  // namespace slipway::helper::cache
