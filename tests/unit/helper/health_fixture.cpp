#include "health_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <cstdlib>

#include "sources_fixture.hpp"
#include "util/async.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;

int free_port() {
  asio::io_context io;
  using asio::ip::tcp;
  tcp::acceptor acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
  return acceptor.local_endpoint().port();
}

FakeEngine::FakeEngine(Options options) : options_{std::move(options)} {
  asio::co_spawn(io_, serve(),
                 asio::bind_cancellation_slot(stop_.slot(), [](std::exception_ptr failure) {
                   try {
                     if (failure) std::rethrow_exception(failure);
                   } catch (const boost::system::system_error& error) {
                     EXPECT_EQ(error.code(), asio::error::operation_aborted);
                   }
                 }));
  thread_ = std::thread{[this] { io_.run(); }};
}

FakeEngine::~FakeEngine() {
  asio::post(io_, [this] { stop_.emit(asio::cancellation_type::terminal); });
  thread_.join();
}

asio::awaitable<void> FakeEngine::serve() {
  if (options_.delay.count() > 0) co_await util::sleep_for(options_.delay);
  const net::ServeFunction answer = [this](net::Exchange& exchange) -> asio::awaitable<void> {
    net::Response response;
    response.status = exchange.request().target == "/_ping" ? options_.status : 404;
    response.body = options_.body;
    return exchange.respond(std::move(response));
  };
  net::HttpServer server{co_await asio::this_coro::executor, answer};
  server.listen(options_.endpoint);
  co_await server.run();
}

fs::path HealthTest::directory_;

void HealthTest::SetUpTestSuite() {
  std::string name = (fs::temp_directory_path() / "health.XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  directory_ = name;
  const std::string script = "set -e; cd '" + name + R"('
key() { openssl ecparam -name prime256v1 -genkey -noout -out $1; }
authority() {
  key $1-ca-key.pem
  openssl req -x509 -new -key $1-ca-key.pem -days 2 -subj "/CN=$1" -out $1-ca.pem
}
issue() { # authority, directory/file, names
  key $2-key.pem
  openssl req -new -key $2-key.pem -subj /CN=x -out request.pem
  printf 'subjectAltName=%s\n' "$3" > extensions
  openssl x509 -req -in request.pem -CA $1-ca.pem -CAkey $1-ca-key.pem -days 2 \
    -extfile extensions -out $2.pem
}
set_of() { # directory, authority, name
  mkdir $1; cp $2-ca.pem $1/ca.pem
  issue $2 $1/server "$3"; issue $2 $1/cert DNS:client; mv $1/cert-key.pem $1/key.pem
}
authority one; authority two
set_of good one DNS:docker,DNS:localhost; set_of local one DNS:localhost
set_of strange one DNS:elsewhere; set_of other two DNS:docker
)";
  ASSERT_EQ(std::system(("{ " + script + "} >'" + name + "/log' 2>&1").c_str()), 0)
      << read_file(directory_ / "log");
}

void HealthTest::TearDownTestSuite() {
  fs::remove_all(directory_);
}

net::Endpoint HealthTest::plain_endpoint(int port) {
  return {net::Endpoint::Scheme::http, "127.0.0.1", static_cast<std::uint16_t>(port), {}};
}

net::Endpoint HealthTest::tls_endpoint(int port, const std::string& set,
                                       const std::string& client_ca) {
  auto endpoint = plain_endpoint(port);
  endpoint.scheme = net::Endpoint::Scheme::https;
  endpoint.tls.ca = read_file(directory_ / client_ca / "ca.pem");
  endpoint.tls.certificate = read_file(directory_ / set / "server.pem");
  endpoint.tls.key = read_file(directory_ / set / "server-key.pem");
  return endpoint;
}

}  // namespace slipway::helper
