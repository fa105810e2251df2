#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "gitlab_api/client.hpp"
#include "gitlab_api/tls_files.hpp"
#include "net/client.hpp"
#include "net/http.hpp"

namespace slipway::gitlab_api {

/// Where the body of a 200 goes instead of into memory. It may break off: then begin() is called
/// again, if it is worth another try.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// What came before is void.
  virtual void begin() = 0;
  virtual asio::awaitable<void> write(std::string_view bytes) = 0;
};

/// One logical call, before it becomes HTTP requests.
struct Call {
  std::string method;
  std::string path;  ///< relative to the API base, with query
  net::Headers headers;
  std::string body;
  const char* endpoint = "";         ///< of CallRecord; "" = not counted
  std::size_t max_body = 1u << 20;   ///< of the answer; the rest is not read
  std::vector<std::string> secrets;  ///< hidden in texts, beside the runner's token
  /// Instead of ClientOptions::response_header_timeout; 0 = that one.
  std::chrono::milliseconds header_timeout{0};
  /// Of one HTTP request and its answer.
  std::chrono::milliseconds exchange_limit = std::chrono::hours{1};
  /// Instead of `body`; sent from its beginning by every request. Outlives the call.
  net::BodySource* source = nullptr;
  BodySink* sink = nullptr;  ///< may be null; outlives the call
};

/// What came of a call in the end.
struct Answer {
  int status = 0;  ///< 0 = no HTTP answer: `text` says why
  net::Headers headers;
  std::string body;
  bool cut = false;           ///< the body was longer than Call::max_body, or broke off
  bool client_error = false;  ///< nothing was sent: the URL or a token cannot be used
  std::string text;           ///< `POST http://host/path: 403 Forbidden (message)`
  std::string correlation_id;
  int attempts = 0;

  bool is_json() const {
    return net::media_type(headers.get("Content-Type")) == "application/json";
  }
};

/// Turns calls into HTTP exchanges: base URL, common headers, TLS files, redirects, the built-in
/// retry, proxies, compressed and bounded answers. Only cancellation throws (operation_aborted).
/// Must outlive its calls.
class Transport {
 public:
  Transport(asio::any_io_executor executor, const ClientOptions& options);

  asio::awaitable<Answer> send(Call call);
  void close_idle();
  const TlsFiles& tls() const { return tls_; }
  /// By which the base's server was believed last, as net::HttpClient::server_chain().
  const std::string& server_chain() const { return server_chain_; }

 private:
  struct Attempt;
  void count(const Call& call, const Answer& answer,
             std::chrono::steady_clock::time_point began) const;
  asio::awaitable<Attempt> attempt(Call call, std::string url);
  asio::awaitable<Attempt> exchange(std::string url, net::Request request, net::Limits limits,
                                    net::BodySource* source, BodySink* sink);
  std::shared_ptr<net::HttpClient> client_for(const net::Url& url);
  bool is_home(const net::Url& url) const;
  void close_old_connections();

  asio::any_io_executor executor_;
  const ClientOptions& options_;
  std::string base_;  ///< "" = the URL cannot be used
  net::Url home_;
  TlsFiles tls_;
  /// Of the base's origin. Owned also by the exchanges under way, which may outlast it here when
  /// TLS files change.
  std::shared_ptr<net::HttpClient> client_;
  std::string server_chain_;
  std::chrono::steady_clock::time_point purged_;  ///< connections at rest
};

}  // namespace slipway::gitlab_api
