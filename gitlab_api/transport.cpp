#include "gitlab_api/transport.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <utility>

#include "gitlab_api/error_text.hpp"
#include "gitlab_api/gunzip.hpp"
#include "gitlab_api/info.hpp"
#include "gitlab_api/url.hpp"
#include "util/async.hpp"

namespace slipway::gitlab_api {

namespace {

constexpr int max_hops = 10;
constexpr std::size_t correlation_limit = 64;
constexpr std::size_t text_limit = 2048;
constexpr std::array token_headers{"RUNNER-TOKEN", "JOB-TOKEN", "PRIVATE-TOKEN"};

/// A random UUID (version 4) without dashes.
std::string make_request_id() {
  std::random_device random;
  std::array<std::uint32_t, 4> words{random(), random(), random(), random()};
  words[1] = (words[1] & 0xffff0fffu) | 0x00004000u;
  words[2] = (words[2] & 0x3fffffffu) | 0x80000000u;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", words[0], words[1], words[2], words[3]);
}

/// A token with a line break would write headers of its own.
bool fit_for_headers(const net::Headers& headers) {
  return std::ranges::all_of(headers.fields(), [](const auto& field) {
    return std::ranges::none_of(
        field.second, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  });
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

constexpr std::size_t piece_size = 64u << 10;

asio::awaitable<void> read_into(net::ResponseStream& stream, BodySink& sink) {
  sink.begin();
  std::vector<char> buffer(piece_size);
  while (true) {
    const auto got = co_await stream.read_some(buffer);
    if (got == 0) co_return;
    const std::string_view bytes{buffer.data(), got};
    co_await sink.write(bytes);
  }
}

/// As much as `max` allows; true if there was more.
asio::awaitable<bool> read_into(net::ResponseStream& stream, std::string& body, std::size_t max) {
  std::array<char, 16384> buffer;
  while (true) {
    const auto got = co_await stream.read_some(buffer);
    if (got == 0) co_return false;
    const auto room = max - body.size();
    body.append(buffer.data(), std::min(got, room));
    if (got > room) co_return true;
  }
}

/// Larger bodies are kept once for all attempts, the others copied for each.
constexpr std::size_t largest_copied = 16u << 10;

/// A body that is in memory, once for all attempts.
class BytesSource final : public net::BodySource {
 public:
  explicit BytesSource(std::string bytes) : bytes_{std::move(bytes)} {}
  std::optional<std::uint64_t> size() const override { return bytes_.size(); }
  asio::awaitable<std::size_t> read(std::span<char> buffer) override {
    const auto copied = bytes_.copy(buffer.data(), buffer.size(), done_);
    done_ += copied;
    co_return copied;
  }
  void rewind() override { done_ = 0; }

 private:
  std::string bytes_;
  std::size_t done_ = 0;
};

/// A compressed body becomes what was compressed. False: it is broken, or more than `max`; then it
/// is what could be had.
bool unpack(net::Response& response, std::size_t max) {
  auto coding = response.headers.get("Content-Encoding");
  if (coding != "gzip" && coding != "x-gzip") return true;
  auto unpacked = gunzip(response.body, max);
  response.body = std::move(unpacked.bytes);
  response.headers.remove("Content-Encoding");
  return unpacked.whole;
}

}  // namespace

/// One HTTP attempt with its redirects.
struct Transport::Attempt {
  net::Response response;  ///< status 0 = none
  bool cut = false;
  std::string failure;
};

Transport::Transport(asio::any_io_executor executor, const ClientOptions& options)
    : executor_{std::move(executor)},
      options_{options},
      base_{api_base(options.url).value_or("")},
      home_{net::parse_url(base_).value_or(net::Url{})},
      tls_{options.ca_file, options.certificate_file, options.key_file},
      purged_{options.clock.steady()} {}

void Transport::close_idle() {
  if (client_) client_->close_idle();
}

bool Transport::is_home(const net::Url& url) const {
  return same_origin(url, home_);
}

/// A server behind a load balancer that changed is met again.
void Transport::close_old_connections() {
  const auto now = options_.clock.steady();
  if (options_.connection_max_age.count() <= 0 || now - purged_ < options_.connection_max_age)
    return;
  purged_ = now;
  close_idle();
}

std::shared_ptr<net::HttpClient> Transport::client_for(const net::Url& url) {
  const bool home = is_home(url);
  if (tls_.refresh()) client_.reset();
  close_old_connections();
  if (home && client_) return client_;
  net::Endpoint endpoint{url.scheme, url.host, url.port, tls_.options()};
  endpoint.proxy = options_.proxies.proxy_for(url);
  if (!home) {
    endpoint.tls.certificate.clear();
    endpoint.tls.key.clear();
  }
  auto client = std::make_shared<net::HttpClient>(executor_, std::move(endpoint));
  if (home) client_ = client;
  return client;
}

void Transport::count(const Call& call, const Answer& answer,
                      std::chrono::steady_clock::time_point began) const {
  if (!options_.on_call || *call.endpoint == '\0') return;
  CallRecord record;
  record.endpoint = call.endpoint;
  record.method = call.method;
  record.status = answer.status;
  record.attempts = answer.attempts;
  record.took = options_.clock.steady() - began;
  options_.on_call(record);
}

asio::awaitable<Answer> Transport::send(Call call) {
  Answer answer;
  call.secrets.push_back(options_.token.reveal());
  answer.correlation_id = make_request_id();
  if (base_.empty()) {
    answer.client_error = true;
    answer.text = fmt::format("{} {}: the url of the runner must be http or https with a host",
                              call.method, call.path.substr(0, call.path.find('?')));
    co_return answer;
  }
  const auto url = base_ + call.path;
  const auto what = fmt::format("{} {}", call.method, display_url(url));
  const bool large = call.source == nullptr && call.body.size() > largest_copied;
  BytesSource bytes{large ? std::move(call.body) : std::string{}};
  if (large) call.source = &bytes;
  call.headers.set("User-Agent", user_agent(options_.info));
  call.headers.set("X-Request-Id", answer.correlation_id);
  if (!fit_for_headers(call.headers)) {
    answer.client_error = true;
    answer.text = what + ": a token holds a line break or control character";
    co_return answer;
  }
  const auto began = options_.clock.steady();
  for (int number = 0;; ++number) {
    auto result = co_await attempt(call, url);
    answer.attempts = number + 1;
    auto& response = result.response;
    answer.status = response.status;
    if (response.status == 0) {
      answer.text =
          printable(fmt::format("{}: {}", what, result.failure), text_limit, call.secrets);
      break;
    }
    if (number + 1 < max_attempts && is_retried(response.status)) {
      const auto pause = retry_wait(response.headers, number, options_.clock);
      spdlog::debug("coordinator asked to retry status={} wait={}ms correlation_id={}",
                    response.status, pause.count(), answer.correlation_id);
      auto sleeping = options_.clock.sleep(pause);
      co_await std::move(sleeping);
      continue;
    }
    answer.text = fmt::format("{}: {}", what,
                              status_text(response.status, response.reason, response.headers,
                                          response.body, call.secrets));
    answer.headers = std::move(response.headers);
    answer.body = std::move(response.body);
    answer.cut = result.cut;
    if (const auto id = answer.headers.get("X-Request-Id"); !id.empty())
      answer.correlation_id = printable(id, correlation_limit, call.secrets);
    break;
  }
  spdlog::debug("coordinator call=\"{}\" attempts={} correlation_id={}", answer.text,
                answer.attempts, answer.correlation_id);
  count(call, answer, began);
  co_return answer;
}

asio::awaitable<Transport::Attempt> Transport::attempt(Call call, std::string url) {
  net::Request request{call.method, "", call.headers, call.body};
  net::Limits limits;
  limits.head =
      call.header_timeout.count() > 0 ? call.header_timeout : options_.response_header_timeout;
  limits.max_body = call.max_body;
  Attempt result;
  for (int hop = 0;; ++hop) {
    auto one = exchange(url, request, limits, call.source, call.sink);
    std::optional<std::string> failure;
    try {
      result = co_await util::with_timeout(std::move(one), call.exchange_limit);
    } catch (const util::TimeoutError& e) {
      failure = e.what();
    }
    if (failure) {
      result = {};
      result.failure = *failure;
      co_return result;
    }
    const auto location = result.response.headers.find("Location");
    if (!is_redirect(result.response.status) || !location) co_return result;
    const auto from = net::parse_url(url);
    const auto target = from ? resolve_location(*from, *location) : std::nullopt;
    if (!target || hop == max_hops) {
      result = {};
      result.failure = target ? fmt::format("stopped after {} redirects", max_hops)
                              : "redirected to an address that is not http or https";
      co_return result;
    }
    if (const auto to = net::parse_url(*target); !to || !same_origin(*to, *from))
      for (const auto* name : token_headers) request.headers.remove(name);
    if (result.response.status < 307) {
      if (request.method != "HEAD") request.method = "GET";
      request.body.clear();
      call.source = nullptr;
      request.headers.remove("Content-Type");
      request.headers.remove("Content-Range");
    }
    url = *target;
  }
}

asio::awaitable<Transport::Attempt> Transport::exchange(std::string url, net::Request request,
                                                        net::Limits limits, net::BodySource* source,
                                                        BodySink* sink) {
  Attempt result;
  const auto parsed = net::parse_url(url);
  if (!parsed) {
    result.failure = "invalid URL";
    co_return result;
  }
  const auto path = parsed->path.substr(0, parsed->path.find('#'));
  request.target = path.starts_with('/') ? path : "/" + path;
  // What goes to a sink is an archive: compressed already.
  if (sink == nullptr) request.headers.set("Accept-Encoding", "gzip");
  const auto max_body = limits.max_body;
  if (source != nullptr) source->rewind();
  try {
    const auto client = client_for(*parsed);
    const auto stream = co_await client->open(std::move(request), limits, source);
    if (client == client_) server_chain_ = client->server_chain();
    result.response = stream->head();
    const bool wanted = sink != nullptr && result.response.status == 200;
    try {
      if (wanted) {
        co_await read_into(*stream, *sink);
      } else {
        result.cut = co_await read_into(*stream, result.response.body, max_body);
        if (!unpack(result.response, max_body)) result.cut = true;
      }
    } catch (const net::Error& e) {
      // The status is known, and most calls need no more than that.
      result.cut = true;
      result.failure = e.what();
    }
  } catch (const net::Error& e) {
    result = {};
    result.failure = e.what();
  }
  co_return result;
}

}  // namespace slipway::gitlab_api
