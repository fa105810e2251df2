#include "tests/bench/bare_engine.hpp"

#include <fmt/format.h>

#include <charconv>

#include "net/client.hpp"
#include "tests/bench/floor.hpp"
#include "util/async.hpp"

namespace slipway::bench {

namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t tls_port = 2376;
constexpr auto engine_limit = 60s;
constexpr std::size_t max_certificate = 64u << 10;

/// Trust and identity of a client of the Engine inside.
struct ClientFiles {
  std::string ca;
  std::string certificate;
  std::string key;
};

/// Asks until the Engine inside answers.
asio::awaitable<void> wait_for_ping(Lab& lab, ClientFiles files, std::string host) {
  net::Endpoint endpoint;
  endpoint.scheme = net::Endpoint::Scheme::https;
  endpoint.host = std::move(host);
  endpoint.port = tls_port;
  endpoint.tls.ca = files.ca;
  endpoint.tls.system_roots = false;
  endpoint.tls.certificate = files.certificate;
  endpoint.tls.key = files.key;
  endpoint.tls.name = "docker";
  net::HttpClient client{lab.executor(), endpoint};
  net::Limits limits;
  limits.connect = 1s;
  limits.head = 5s;
  const auto until = Clock::now() + engine_limit;
  while (true) {
    bool answered = false;
    try {
      net::Request request;
      request.target = "/_ping";
      const auto response = co_await client.send(std::move(request), limits);
      answered = response.status == 200;
    } catch (const net::Error&) {
      answered = false;
    }
    if (answered) co_return;
    if (Clock::now() > until) throw WrongResult{"the bare engine does not answer"};
    co_await util::sleep_for(5ms);
  }
}

/// The content of the one file in a tar archive.
std::string only_file(const std::string& tar) {
  constexpr std::size_t header = 512;
  constexpr std::size_t size_at = 124;
  if (tar.size() < header) return {};
  std::size_t size = 0;
  std::from_chars(tar.data() + size_at, tar.data() + size_at + 11, size, 8);
  return tar.substr(header, size);
}

/// The file in the container; "" while there is none.
asio::awaitable<std::string> read_file(docker_api::Client& engine, std::string id,
                                       std::string path) {
  std::string content;
  try {
    const auto tar = co_await engine.get_archive(id, path, max_certificate);
    content = only_file(tar);
  } catch (const docker_api::EngineError& error) {
    if (error.status() != 404) throw;
  }
  co_return content;
}

/// Waits for the files that the entrypoint makes last.
asio::awaitable<ClientFiles> wait_for_files(docker_api::Client& engine, std::string id) {
  const auto until = Clock::now() + engine_limit;
  ClientFiles files;
  while (files.ca.empty()) {
    if (Clock::now() > until) throw WrongResult{"the bare engine makes no certificates"};
    co_await util::sleep_for(50ms);
    files.ca = co_await read_file(engine, id, "/certs/client/ca.pem");
  }
  files.certificate = co_await read_file(engine, id, "/certs/client/cert.pem");
  files.key = co_await read_file(engine, id, "/certs/client/key.pem");
  co_return files;
}

}  // namespace

BareEngine::BareEngine(Lab& lab) : lab_{lab} {
  tests::CertificateOptions options;
  options.names = {"DNS:docker", "DNS:localhost", "IP:127.0.0.1"};
  server_ = authority_.issue(options);
  options.for_client = true;
  client_ = authority_.issue(options);
}

/// The files as dockerd-entrypoint.sh expects them when it is not to make any.
std::string BareEngine::archive() const {
  docker_api::TarBuilder tar;
  for (const auto* folder : {"certs", "certs/ca", "certs/server", "certs/client"})
    tar.add_directory(folder, 0755);
  tar.add_file("certs/ca/cert.pem", 0644, authority_.certificate());
  const auto add = [&](const std::string& folder, const tests::Identity& identity) {
    tar.add_file(folder + "/ca.pem", 0644, authority_.certificate());
    tar.add_file(folder + "/cert.pem", 0644, identity.certificate);
    tar.add_file(folder + "/key.pem", 0644, identity.key);
  };
  add("certs/server", server_);
  add("certs/client", client_);
  return tar.finish();
}

asio::awaitable<std::string> BareEngine::create() const {
  auto spec = bench_container(dind_image);
  spec.privileged = true;
  spec.env = {"DOCKER_TLS_CERTDIR=/certs"};
  docker_api::Mount mount;
  mount.target = "/certs";
  mount.labels = {{bench_label, "1"}};
  spec.mounts = {mount};
  co_return co_await lab_.engine().create_container(std::move(spec));
}

asio::awaitable<std::string> BareEngine::address(std::string id) const {
  const auto details = co_await lab_.engine().inspect_container(id);
  const auto& networks = details.addresses;
  if (networks.empty() || networks.begin()->second.empty())
    throw WrongResult{"the bare engine has no address"};
  co_return networks.begin()->second.front();
}

asio::awaitable<double> BareEngine::run() const {
  auto& engine = lab_.engine();
  const auto id = co_await create();
  auto files = archive();
  co_await engine.put_archive(id, "/", std::move(files));
  ClientFiles client{authority_.certificate(), client_.certificate, client_.key};
  const auto begin = Clock::now();
  co_await engine.start_container(id);
  auto host = co_await address(id);
  co_await wait_for_ping(lab_, std::move(client), std::move(host));
  const auto took = milliseconds(Clock::now() - begin);
  co_await engine.remove_container(id, true, true);
  co_return took;
}

asio::awaitable<double> BareEngine::run_without_certificates() const {
  auto& engine = lab_.engine();
  const auto id = co_await create();
  const auto begin = Clock::now();
  co_await engine.start_container(id);
  auto client = co_await wait_for_files(engine, id);
  auto host = co_await address(id);
  co_await wait_for_ping(lab_, std::move(client), std::move(host));
  const auto took = milliseconds(Clock::now() - begin);
  co_await engine.remove_container(id, true, true);
  co_return took;
}

}  // namespace slipway::bench
