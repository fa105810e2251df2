#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "net/client.hpp"
#include "net/proxy.hpp"

namespace slipway::helper::cache {

/// A request that a cache server did not grant. Its text names no query: that is the signature.
class ObjectError : public std::runtime_error {
 public:
  ObjectError(const std::string& text, bool may_pass)
      : std::runtime_error{text}, may_pass_{may_pass} {}
  /// The same request may be granted later: the server failed, or could not be reached.
  bool may_pass() const { return may_pass_; }

 private:
  bool may_pass_;
};

/// How often a request is tried whose failure may pass.
struct Retries {
  int most = 3;
  std::chrono::milliseconds pause{1000};  ///< between two tries
};

/// Requests by URLs that somebody has signed: whole addresses with all that a server needs. Trust
/// and proxies are those of the process. GET and HEAD follow redirects.
class ObjectClient {
 public:
  /// `timeout` is of each request, the answer's body apart.
  ObjectClient(asio::any_io_executor executor, std::chrono::milliseconds timeout);

  /// All of these \throw ObjectError (not for a status). Cancellation: any kind.
  asio::awaitable<net::Response> head(std::string url);
  asio::awaitable<std::unique_ptr<net::ResponseStream>> get(std::string url, net::Headers headers);
  asio::awaitable<net::Response> put(std::string url, net::Headers headers,
                                     net::BodySource& source);

 private:
  asio::awaitable<std::unique_ptr<net::ResponseStream>> open(std::string url, net::Request request);
  net::HttpClient& client_for(const net::Url& url);

  asio::any_io_executor executor_;
  net::Limits limits_;
  net::ProxySettings proxies_ = net::ProxySettings::of_process();
  std::map<std::string, std::unique_ptr<net::HttpClient>> clients_;  ///< by origin
};

/// What an answer that grants nothing says: `received: 403 Forbidden`, with the server's own code
/// and message where its body is an XML error. Bounded, printable.
std::string refusal_text(int status, std::string_view body);

/// Reads at most `limit` bytes of an answer's body; what follows them is not waited for.
asio::awaitable<std::string> read_some_body(net::ResponseStream& stream, std::size_t limit);

}  // namespace slipway::helper::cache
