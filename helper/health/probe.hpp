#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "job/git_stage.hpp"
#include "net/client.hpp"
#include "net/endpoint.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::helper {

/// One place where a service may answer.
struct Candidate {
  enum class Question {
    connect,   ///< accepts a connection
    ping,      ///< answers `GET /_ping`
    tls_ping,  ///< the same over TLS with the client certificate in cert_dir
  };
  net::Endpoint endpoint;
  Question question = Question::connect;
  std::string cert_dir;

  friend bool operator==(const Candidate&, const Candidate&) = default;
};

/// Where to ask `service`: every address and port (at most 64: an image may expose them all), or
/// its socket. Addresses that are no IP literals are left out, since a name lookup may block.
std::vector<Candidate> candidates_of(const job::ServiceCheck& service);

/// Asks one candidate again and again. Keeps its client, and with it the parsed certificates, as
/// long as their files do not change.
class Probe {
 public:
  Probe(asio::any_io_executor executor, Candidate candidate);

  /// Asks once, within a few seconds. Returns "" or why the candidate is not ready.
  /// Cancellation: any kind; throws operation_aborted.
  asio::awaitable<std::string> ask();

 private:
  asio::awaitable<void> connect();
  asio::awaitable<std::string> ping(net::HttpClient& client);
  asio::awaitable<std::string> tls_ping();
  /// Reads the certificates; "" or what is missing.
  std::string refresh_clients();

  asio::any_io_executor executor_;
  Candidate candidate_;
  net::TlsOptions tls_;
  /// In the order in which they are asked: the service's documented name first.
  std::vector<std::unique_ptr<net::HttpClient>> clients_;
};

}  // namespace slipway::helper
