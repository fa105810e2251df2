#include "docker_api/transport.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "docker_api/dialect.hpp"
#include "docker_api/error.hpp"
#include "docker_api/limits.hpp"
#include "docker_api/liveness.hpp"

namespace slipway::docker_api {
namespace {

constexpr std::size_t max_message = 8u << 10;
/// Bodies that are kept for a second attempt.
constexpr std::size_t max_repeated = 64u << 10;

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

void Transport::learn(std::string pinned, const net::Headers& headers) {
  auto announced = headers.get("API-Version");
  const auto version = negotiate(pinned, announced);
  version_ = version;
  version_text_ = version.text();
  pinned_ = std::move(pinned);
  announced_ = std::move(announced);
  server_ = headers.get("Server");
}

/// An Engine that was upgraded, or replaced by another, says so with each answer.
void Transport::observe(const net::Headers& headers) {
  if (!version_) return;
  const auto announced = headers.find("API-Version").value_or(announced_);
  const auto server = headers.find("Server").value_or(server_);
  if (announced == announced_ && server == server_) return;
  spdlog::info("the Docker Engine has changed server=\"{}\" api={} was=\"{}\" api={}", server,
               announced, server_, announced_);
  ++disturbances_;
  net::Headers changed;
  changed.set("API-Version", announced);
  changed.set("Server", server);
  try {
    learn(pinned_, changed);
  } catch (const EngineError& error) {
    // Said again, to the job, by the next connect().
    spdlog::warn("{}", error.what());
    announced_ = announced;
    server_ = server;
  }
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

void Transport::lost(std::string_view call, const net::Error& error) {
  ++disturbances_;
  throw net::Error{error.step(), fmt::format("Docker Engine: {} ({})", error.what(), call)};
}

/// Calls that end by themselves sooner than a ping could tell anything are not watched.
asio::awaitable<void> Transport::guarded(std::string_view call, net::Limits limits,
                                         asio::awaitable<void> work) {
  if (limits.head == limits::forever || limits.head > limits::patience().query) {
    Liveness liveness{*this, call};
    co_await liveness.guard(std::move(work));
    co_return;
  }
  try {
    co_await std::move(work);
  } catch (const net::Error& error) {
    lost(call, error);
  }
}

asio::awaitable<void> Transport::exchange(net::Request message, net::Limits limits,
                                          net::BodySource* source, net::Response& response) {
  response = co_await http_.send(std::move(message), limits, source);
}

asio::awaitable<void> Transport::begin(net::Request message, net::Limits limits,
                                       net::BodySource* source,
                                       std::unique_ptr<net::ResponseStream>& stream) {
  stream = co_await http_.open(std::move(message), limits, source);
}

asio::awaitable<void> Transport::switch_over(net::Request message, net::Limits limits,
                                             net::Upgrade& upgrade) {
  std::string protocol = "tcp";
  upgrade = co_await http_.upgrade(std::move(message), std::move(protocol), limits);
}

asio::awaitable<net::Response> Transport::attempt(Call call, net::BodySource* source) {
  auto message = request(call);
  net::Response response;
  auto work = exchange(std::move(message), call.limits, source, response);
  co_await guarded(call.name, call.limits, std::move(work));
  observe(response.headers);
  co_return response;
}

asio::awaitable<net::Response> Transport::send(Call call, net::BodySource* source) {
  const auto spoken = version_;
  std::optional<Call> again;
  if (source == nullptr && call.body.size() <= max_repeated) again = call;
  const auto name = call.name;
  auto response = co_await attempt(std::move(call), source);
  // An Engine that does not speak the version any more has done nothing.
  if (response.status == 400 && version_ != spoken && again)
    response = co_await attempt(std::move(*again), nullptr);
  check(name, response, pinned_);
  co_return response;
}

asio::awaitable<std::unique_ptr<net::ResponseStream>> Transport::open(Call call,
                                                                      net::BodySource* source) {
  auto message = request(call);
  std::unique_ptr<net::ResponseStream> stream;
  auto work = begin(std::move(message), call.limits, source, stream);
  co_await guarded(call.name, call.limits, std::move(work));
  observe(stream->head().headers);
  if (!is_success(stream->head().status)) {
    net::Response response = stream->head();
    response.body = co_await read_error(*stream);
    check(call.name, response, pinned_);
  }
  co_return stream;
}

asio::awaitable<std::unique_ptr<net::ByteStream>> Transport::upgrade(Call call) {
  auto message = request(call);
  net::Upgrade upgrade;
  auto work = switch_over(std::move(message), call.limits, upgrade);
  co_await guarded(call.name, call.limits, std::move(work));
  observe(upgrade.response.headers);
  if (!upgrade.stream) {
    check(call.name, upgrade.response, pinned_);
    throw EngineError{
        std::string{call.name}, upgrade.response.status,
        fmt::format("the connection was not upgraded (status {})", upgrade.response.status)};
  }
  co_return std::move(upgrade.stream);
}

asio::awaitable<void> Transport::ask(std::string_view name, net::Response& response) {
  Call call{name, "/_ping", limits::ping()};
  auto message = request(call);
  try {
    co_await exchange(std::move(message), limits::ping(), nullptr, response);
  } catch (const net::Error& error) {
    lost(name, error);
  }
}

asio::awaitable<net::Response> Transport::ping() {
  net::Response response;
  co_await ask("HEAD /_ping", response);
  const bool redirected = response.status >= 300 && response.status < 400;
  // Engines and proxies that do not know the HEAD form answer 404 or 405.
  if (!is_success(response.status) && !redirected) co_await ask("GET /_ping", response);
  check("GET /_ping", response);
  co_return response;
}

void check(std::string_view call, const net::Response& response, std::string_view pinned) {
  if (is_success(response.status)) return;
  if (response.status >= 300 && response.status < 400)
    throw EngineError{std::string{call}, response.status, "redirects disallowed"};
  auto message = error_message(response);
  if (response.status == 400) message += version_advice(message, pinned);
  throw EngineError{std::string{call}, usual_status(call, response.status, message),
                    std::move(message)};
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
