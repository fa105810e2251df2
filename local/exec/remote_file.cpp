#include "local/exec/remote_file.hpp"

#include <boost/system/system_error.hpp>
#include <chrono>
#include <exception>

#include "local/ci/file_source.hpp"
#include "net/client.hpp"
#include "net/endpoint.hpp"
#include "util/async.hpp"
#include "util/run.hpp"

namespace slipway::local::exec {

namespace {

using namespace std::chrono_literals;

constexpr auto fetch_limit = 30'000ms;
constexpr std::size_t max_text = 2u << 20;
constexpr int max_redirects = 5;

[[noreturn]] void fail(const std::string& text) {
  throw ci::SourceError{text};
}

asio::awaitable<net::Response> get(net::Endpoint endpoint, std::string target) {
  const auto executor = co_await asio::this_coro::executor;
  net::HttpClient client{executor, std::move(endpoint)};
  net::Request request;
  request.method = "GET";
  request.target = std::move(target);
  net::Limits limits;
  limits.connect = 10'000ms;
  limits.max_body = max_text;
  auto work = client.send(std::move(request), limits);
  co_return co_await util::with_timeout(std::move(work), fetch_limit);
}

asio::awaitable<void> fetch(std::string url, std::string* text) {
  for (int redirects = 0; redirects <= max_redirects; ++redirects) {
    const auto parts = net::parse_url(url);
    if (!parts) fail("'" + url + "' is no URL that can be fetched");
    net::Endpoint endpoint;
    endpoint.scheme = parts->scheme;
    endpoint.host = parts->host;
    endpoint.port = parts->port;
    net::Response response;
    std::string problem;
    try {
      auto work = get(endpoint, parts->path.empty() ? "/" : parts->path);
      response = co_await std::move(work);
    } catch (const std::exception& error) {
      problem = error.what();
    }
    if (!problem.empty())
      fail("the network is needed for it, and " + endpoint.host + " did not answer: " + problem);
    if (response.status == 200) {
      *text = std::move(response.body);
      co_return;
    }
    const auto location = response.headers.get("Location");
    if (response.status < 301 || response.status > 308 || location.empty())
      fail(endpoint.host + " answered " + std::to_string(response.status) + " for '" + url + "'");
    const bool downgrade = url.starts_with("https") && location.starts_with("http:");
    if (downgrade) fail(endpoint.host + " redirects from https to http");
    url = location.starts_with('/') ? url.substr(0, url.find('/', url.find("://") + 3)) + location
                                    : location;
  }
  fail("'" + url + "' redirects more than 5 times");
}

}  // namespace

std::string fetch_remote_file(const std::string& url) {
  std::string text;
  util::run_to_end(fetch(url, &text));
  return text;
}

}  // namespace slipway::local::exec
