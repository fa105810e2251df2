#include "helper/health/probe.hpp"

#include <boost/asio/ip/address.hpp>
#include <filesystem>
#include <fstream>

#include "net/dial.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

using namespace std::chrono_literals;
using Question = Candidate::Question;

constexpr std::size_t max_candidates = 64;
constexpr std::size_t max_pem = 64 << 10;
constexpr auto connect_limit = 1s;
// An engine that is still starting accepts the connection and answers when it is ready: better wait
// for that than ask again.
constexpr auto answer_limit = 5s;
constexpr int plain_engine_port = 2375;
constexpr int tls_engine_port = 2376;

std::string read_pem(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::string text(max_pem, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

bool is_address(const std::string& text) {
  boost::system::error_code error;
  asio::ip::make_address(text, error);
  return !error;
}

net::Limits limits() {
  net::Limits result;
  result.connect = connect_limit;
  result.handshake = answer_limit;
  result.head = answer_limit;
  result.idle = answer_limit;
  result.total = 2 * answer_limit;
  result.max_body = 4096;
  return result;
}

Question question_for(const job::ServiceCheck& service, int port) {
  if (!service.dind) return Question::connect;
  return service.dind_tls && port != plain_engine_port ? Question::tls_ping : Question::ping;
}

}  // namespace

std::vector<Candidate> candidates_of(const job::ServiceCheck& service) {
  std::vector<Candidate> result;
  if (!service.unix_socket.empty()) {
    Candidate candidate;
    candidate.endpoint = {net::Endpoint::Scheme::unix_socket, service.unix_socket, 0, {}};
    candidate.question = service.dind ? Question::ping : Question::connect;
    result.push_back(std::move(candidate));
    return result;
  }
  auto ports = service.ports;
  if (ports.empty() && service.dind)
    ports.push_back(service.dind_tls ? tls_engine_port : plain_engine_port);
  for (const auto& address : service.addresses) {
    if (!is_address(address)) continue;
    for (const int port : ports) {
      if (port <= 0 || port > 65535 || result.size() == max_candidates) continue;
      Candidate candidate;
      candidate.question = question_for(service, port);
      const bool tls = candidate.question == Question::tls_ping;
      candidate.endpoint.scheme = tls ? net::Endpoint::Scheme::https : net::Endpoint::Scheme::http;
      candidate.endpoint.host = address;
      candidate.endpoint.port = static_cast<std::uint16_t>(port);
      if (tls) candidate.cert_dir = service.cert_dir;
      result.push_back(std::move(candidate));
    }
  }
  return result;
}

Probe::Probe(asio::any_io_executor executor, Candidate candidate)
    : executor_{std::move(executor)}, candidate_{std::move(candidate)} {
  if (candidate_.question == Question::ping)
    clients_.push_back(std::make_unique<net::HttpClient>(executor_, candidate_.endpoint));
}

asio::awaitable<std::string> Probe::ask() {
  std::string reason;
  try {
    switch (candidate_.question) {
      case Question::connect:
        co_await connect();
        break;
      case Question::ping:
        reason = co_await ping(*clients_.front());
        break;
      case Question::tls_ping:
        reason = co_await tls_ping();
        break;
    }
  } catch (const net::Error& error) {
    reason = error.what();
  }
  co_return reason;
}

asio::awaitable<void> Probe::connect() {
  auto attempt = net::dial(candidate_.endpoint, nullptr, connect_limit, answer_limit);
  const auto connection = co_await std::move(attempt);
}

asio::awaitable<std::string> Probe::ping(net::HttpClient& client) {
  net::Request request;
  request.target = "/_ping";
  auto exchange = client.send(std::move(request), limits());
  const auto response = co_await std::move(exchange);
  if (response.status == 200 && response.body.starts_with("OK")) co_return "";
  co_return candidate_.endpoint.display() + ": /_ping answers with status " +
      std::to_string(response.status);
}

asio::awaitable<std::string> Probe::tls_ping() {
  auto missing = refresh_clients();
  if (!missing.empty()) co_return missing;
  std::exception_ptr first_failure;
  for (const auto& client : clients_) {
    try {
      auto answer = ping(*client);
      co_return co_await std::move(answer);
    } catch (const net::Error& error) {
      if (error.step() != net::Step::tls) throw;
      if (!first_failure) first_failure = std::current_exception();
    }
  }
  std::rethrow_exception(first_failure);
}

std::string Probe::refresh_clients() {
  const fs::path directory{candidate_.cert_dir};
  net::TlsOptions fresh;
  fresh.system_roots = false;
  for (const auto& [name, text] :
       {std::pair{"ca.pem", &fresh.ca}, std::pair{"cert.pem", &fresh.certificate},
        std::pair{"key.pem", &fresh.key}}) {
    *text = read_pem(directory / name);
    if (text->empty()) return (directory / name).string() + ": missing, empty or not readable";
  }
  if (fresh == tls_ && !clients_.empty()) return "";
  tls_ = fresh;
  clients_.clear();
  // A half-written file makes a constructor throw: no client is kept, and the next try reads again.
  std::vector<std::unique_ptr<net::HttpClient>> clients;
  for (const auto* name : {"docker", "localhost"}) {
    auto endpoint = candidate_.endpoint;
    endpoint.tls = fresh;
    endpoint.tls.name = name;
    clients.push_back(std::make_unique<net::HttpClient>(executor_, std::move(endpoint)));
  }
  clients_ = std::move(clients);
  return "";
}

}  // namespace slipway::helper
