#include "docker_api/transport.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "docker_api/error.hpp"
#include "docker_api/limits.hpp"

namespace slipway::docker_api {
namespace {

constexpr std::size_t max_message = 8u << 10;

bool is_success(int status) {
  return (status >= 200 && status < 300) || status == 304;
}

std::string shortened(std::string text) {
  if (text.size() > max_message) {
    text.resize(max_message);
    text += "…";
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  return text;
}

/// The Engine says `{"message": …}`; a proxy before it says what it likes.
std::string error_message(const net::Response& response) {
  const auto body = nlohmann::json::parse(response.body, nullptr, false);
  if (body.is_object()) {
    const auto message = body.find("message");
    if (message != body.end() && message->is_string())
      return shortened(message->get<std::string>());
  }
  auto text = shortened(response.body);
  if (!text.empty()) return text;
  return response.reason.empty() ? fmt::format("status {}", response.status) : response.reason;
}

/// Reads the rest of a refusal, as far as an error text needs it.
asio::awaitable<std::string> read_error(net::ResponseStream& stream) {
  std::string body(limits::max_error, '\0');
  std::size_t size = 0;
  while (size < body.size()) {
    const auto n = co_await stream.read_some(std::span{body}.subspan(size));
    if (n == 0) break;
    size += n;
  }
  body.resize(size);
  co_return body;
}

[[noreturn]] void invalid_name(std::string_view call, std::string_view name) {
  throw EngineError{std::string{call}, 400, fmt::format("invalid name `{}`", name.substr(0, 256))};
}

bool addresses_elsewhere(std::string_view segment) {
  return segment.empty() || segment == "." || segment == "..";
}

}  // namespace

Transport::Transport(asio::any_io_executor executor, net::Endpoint endpoint, std::string prefix)
    : http_{std::move(executor), std::move(endpoint)}, prefix_{std::move(prefix)} {}

void Transport::set_version(ApiVersion version) {
  version_ = version;
}

net::Request Transport::request(Call& call) {
  ++calls_;
  net::Request request;
  request.method = std::string{call.name.substr(0, call.name.find(' '))};
  request.target = prefix_;
  // /_ping exists without a version only: it is what versions are learnt from.
  if (version_ && call.target != "/_ping") request.target += "/v" + version_->text();
  request.target += call.target;
  request.headers = std::move(call.headers);
  if (!request.headers.find("User-Agent"))
    request.headers.add("User-Agent", "slipway/" SLIPWAY_VERSION);
  request.body = std::move(call.body);
  return request;
}

asio::awaitable<net::Response> Transport::send(Call call, net::BodySource* source) {
  auto message = request(call);
  auto response = co_await http_.send(std::move(message), call.limits, source);
  check(call.name, response);
  co_return response;
}

asio::awaitable<std::unique_ptr<net::ResponseStream>> Transport::open(Call call,
                                                                      net::BodySource* source) {
  auto message = request(call);
  auto stream = co_await http_.open(std::move(message), call.limits, source);
  if (!is_success(stream->head().status)) {
    net::Response response = stream->head();
    response.body = co_await read_error(*stream);
    check(call.name, response);
  }
  co_return stream;
}

asio::awaitable<std::unique_ptr<net::ByteStream>> Transport::upgrade(Call call) {
  auto message = request(call);
  std::string protocol = "tcp";
  auto upgrade = co_await http_.upgrade(std::move(message), std::move(protocol), call.limits);
  if (!upgrade.stream) {
    check(call.name, upgrade.response);
    throw EngineError{
        std::string{call.name}, upgrade.response.status,
        fmt::format("the connection was not upgraded (status {})", upgrade.response.status)};
  }
  co_return std::move(upgrade.stream);
}

void check(std::string_view call, const net::Response& response) {
  if (is_success(response.status)) return;
  const bool redirect = response.status >= 300 && response.status < 400;
  throw EngineError{std::string{call}, response.status,
                    redirect ? "redirects disallowed" : error_message(response)};
}

std::string path_segment(std::string_view call, std::string_view name) {
  if (addresses_elsewhere(name)) invalid_name(call, name);
  return net::percent_encode(name);
}

std::string image_path(std::string_view call, std::string_view reference) {
  std::string path;
  for (std::size_t begin = 0; begin <= reference.size();) {
    const auto end = std::min(reference.find('/', begin), reference.size());
    const auto segment = reference.substr(begin, end - begin);
    if (addresses_elsewhere(segment)) invalid_name(call, reference);
    if (!path.empty()) path += '/';
    path += net::percent_encode(segment);
    begin = end + 1;
  }
  return path;
}

}  // namespace slipway::docker_api
