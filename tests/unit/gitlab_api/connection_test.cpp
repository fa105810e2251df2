// How the coordinator is reached: ages of connections, proxies, compressed answers.

#include <gmock/gmock.h>
#include <zlib.h>

#include <map>

#include "fake_coordinator.hpp"
#include "gitlab_api/artifacts.hpp"
#include "gitlab_api/gunzip.hpp"
#include "tests/fakes/certificates.hpp"
#include "tests/fakes/relay_proxy.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

namespace slipway::gitlab_api {
namespace {

using namespace std::chrono_literals;
using testing::FakeCoordinator;
using ::testing::HasSubstr;
using testing::json_reply;
using ::testing::Not;
using testing::Reply;
using testing::run_with_coordinator;
using Task = asio::awaitable<void>;
using Kind = JobRequestResult::Kind;

std::string gzipped(std::string_view text) {
  z_stream stream{};
  ::deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

TEST(Gunzip, GivesBackWhatWasPacked) {
  for (const std::size_t size : {0u, 1u, 65'536u, 65'537u, 1'000'000u}) {
    const std::string text(size, 'x');
    const auto unpacked = gunzip(gzipped(text), 1'000'000);
    EXPECT_TRUE(unpacked.whole) << size;
    EXPECT_EQ(unpacked.bytes, text);
  }
  EXPECT_EQ(gunzip(gzipped("one, ") + gzipped("two"), 100).bytes, "one, two");
  EXPECT_TRUE(gunzip("", 100).whole);
}

TEST(Gunzip, IsBoundedAndSaysWhatIsBroken) {
  const auto bomb = gunzip(gzipped(std::string(10'000'000, '\0')), 1000);
  EXPECT_FALSE(bomb.whole);
  EXPECT_EQ(bomb.bytes.size(), 1000u);
  const auto packed = gzipped("hello, hello, hello");
  for (std::size_t size = 1; size < packed.size(); ++size)
    EXPECT_FALSE(gunzip(packed.substr(0, size), 1000).whole) << size;
  EXPECT_FALSE(gunzip("not gzip at all", 1000).whole);
  EXPECT_FALSE(gunzip(packed + "garbage", 1000).whole);
  auto flipped = packed;
  flipped[packed.size() - 6] ^= 1;  // of the checksum
  EXPECT_FALSE(gunzip(flipped, 1000).whole);
}

TEST(Compression, AnswersMayBeGzipped) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    const net::Headers gzip{{"Content-Encoding", "gzip"}};
    fake.script({json_reply(200, gzipped(R"({"id":7,"token":"glrt-x"})"), gzip),
                 json_reply(403, gzipped(R"({"message":"no such runner"})"), gzip),
                 json_reply(201, gzipped("{").substr(0, 12), gzip)});
    Client client{fake.executor(), fake.options()};
    const auto verified = co_await client.verify_runner();
    EXPECT_EQ(verified.id, 7);
    const auto refused = co_await client.verify_runner();
    EXPECT_THAT(refused.call.text, HasSubstr("no such runner"));
    const auto broken = co_await client.request_job();
    EXPECT_EQ(broken.kind, Kind::failed);
    EXPECT_EQ(fake.seen.at(0).headers.get("Accept-Encoding"), "gzip");
  });
}

class Collected final : public BodySink {
 public:
  void begin() override { bytes.clear(); }
  asio::awaitable<void> write(std::string_view more) override {
    bytes += more;
    co_return;
  }
  std::string bytes;
};

TEST(Compression, DownloadsAreTakenAsTheyAre) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{200, {}, "archive"}});
    Artifacts artifacts{fake.executor(), fake.options()};
    Collected sink;
    ArtifactsDownload download;
    download.job = 1;
    const auto result = co_await artifacts.download(download, sink);
    EXPECT_EQ(result.kind, ArtifactsResult::Kind::succeeded);
    EXPECT_EQ(sink.bytes, "archive");
    EXPECT_FALSE(fake.seen.at(0).headers.find("Accept-Encoding"));
  });
}

net::ProxySettings proxies(std::map<std::string, std::string> variables) {
  return net::ProxySettings{[variables](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  }};
}

Task ignored(asio::awaitable<std::size_t> work) {
  co_await std::move(work);
}

/// Runs `test(fake, proxy, options)`: options of a client for https://git.example.org behind a
/// proxy.
using ProxyTest = std::function<Task(FakeCoordinator&, tests::RelayProxy&, ClientOptions)>;
void run_behind_proxy(ProxyTest test) {
  const auto run = [&test]() -> Task {
    const auto executor = co_await asio::this_coro::executor;
    const tests::CertificateAuthority ca;
    const auto identity = ca.issue({.names = {"DNS:git.example.org"}});
    net::TlsOptions tls;
    tls.certificate = identity.certificate;
    tls.key = identity.key;
    FakeCoordinator fake{executor, tls};
    tests::RelayProxy proxy{executor, fake.port()};
    auto options = fake.options();
    options.url = "https://git.example.org/sub";
    options.proxies =
        proxies({{"HTTPS_PROXY", "http://me:secret@127.0.0.1:" + std::to_string(proxy.port())}});
    const auto ca_file = ::testing::TempDir() + "proxy_test_ca.pem";
    if (auto* const file = std::fopen(ca_file.c_str(), "w")) {
      std::fputs(ca.certificate().c_str(), file);
      std::fclose(file);
    }
    options.ca_file = ca_file;
    auto peers = util::first_of(fake.serve(), proxy.run());
    auto serving = ignored(std::move(peers));
    auto testing = test(fake, proxy, std::move(options));
    const auto first = co_await util::first_of(std::move(serving), std::move(testing));
    EXPECT_EQ(first, 1u);
    EXPECT_EQ(fake.unexpected, 0);
    std::remove(ca_file.c_str());
  };
  tests::run_test(run);
}

TEST(CoordinatorProxy, HttpsGoesThroughATunnel) {
  run_behind_proxy(
      [](FakeCoordinator& fake, tests::RelayProxy& proxy, ClientOptions options) -> Task {
        fake.script({{204, {}, ""}, {202, {}, ""}});
        Client client{fake.executor(), options};
        const auto result = co_await client.request_job();
        EXPECT_EQ(result.kind, Kind::none) << result.call.text;
        const util::Secret token{"t"};
        const std::string content(900'000, 'x');
        const auto patch = co_await client.patch_trace(1, token, 0, content, false);
        EXPECT_EQ(patch.kind, PatchResult::Kind::accepted) << patch.text;
        EXPECT_EQ(proxy.heads().size(), 1u) << "the tunnel is kept";
        EXPECT_THAT(proxy.heads().at(0), ::testing::StartsWith("CONNECT git.example.org:443 "));
        EXPECT_EQ(fake.seen.at(0).target, "/sub/api/v4/jobs/request");
        EXPECT_EQ(fake.seen.at(0).headers.get("Host"), "git.example.org");
        EXPECT_FALSE(fake.seen.at(0).headers.find("Proxy-Authorization"));
        EXPECT_THAT(client.ca_content(), HasSubstr("BEGIN CERTIFICATE"));
      });
}

TEST(CoordinatorProxy, HttpIsAskedOfIt) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{204, {}, ""},
                 {307, {{"Location", "http://other.example.org/api/v4/jobs/request"}}, ""},
                 {204, {}, ""}});
    auto options = fake.options();
    const auto proxy = "127.0.0.1:" + std::to_string(fake.port());
    options.url = "http://git.example.org:8080";
    options.proxies = proxies({{"http_proxy", "me:secret@" + proxy}});
    Client client{fake.executor(), options};
    auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, Kind::none) << result.call.text;
    result = co_await client.request_job();
    EXPECT_EQ(result.kind, Kind::none) << result.call.text;
    EXPECT_EQ(fake.seen.at(0).target, "http://git.example.org:8080/api/v4/jobs/request");
    EXPECT_EQ(fake.seen.at(0).headers.get("Proxy-Authorization"), "Basic bWU6c2VjcmV0");
    EXPECT_EQ(fake.seen.at(2).target, "http://other.example.org/api/v4/jobs/request");
    EXPECT_FALSE(fake.seen.at(2).headers.find("RUNNER-TOKEN")) << "another origin";
  });
}

TEST(CoordinatorProxy, ExceptionsGoStraight) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{204, {}, ""}});
    auto options = fake.options();
    options.proxies = proxies({{"HTTP_PROXY", "http://127.0.0.1:1"}});
    Client client{fake.executor(), options};
    const auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, Kind::none) << "loopback: " << result.call.text;
    EXPECT_EQ(fake.seen.at(0).target, "/api/v4/jobs/request");
  });
}

TEST(CoordinatorProxy, OneThatCannotBeUsedIsAFailureThatSaysSo) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    auto options = fake.options();
    options.url = "http://git.example.org";
    for (const auto* proxy : {"socks5://me:secret@127.0.0.1:1", "http://me:secret@127.0.0.1:1"}) {
      options.proxies = proxies({{"HTTP_PROXY", proxy}});
      Client client{fake.executor(), options};
      const auto result = co_await client.request_job();
      EXPECT_EQ(result.kind, Kind::failed);
      EXPECT_THAT(result.call.text, HasSubstr("proxy"));
      EXPECT_THAT(result.call.text, Not(HasSubstr("secret")));
    }
  });
}

TEST(ConnectionAge, OldOnesAreClosedBeforeTheNextRequest) {
  run_behind_proxy(
      [](FakeCoordinator& fake, tests::RelayProxy& proxy, ClientOptions options) -> Task {
        fake.script({{204, {}, ""}, {204, {}, ""}, {204, {}, ""}, {204, {}, ""}});
        options.connection_max_age = 15min;
        Client client{fake.executor(), options};
        co_await client.request_job();
        fake.steady += 14min + 59s;
        co_await client.request_job();
        EXPECT_EQ(proxy.heads().size(), 1u);
        fake.steady += 1s;
        co_await client.request_job();
        EXPECT_EQ(proxy.heads().size(), 2u);
        fake.steady += 14min;
        co_await client.request_job();
        EXPECT_EQ(proxy.heads().size(), 2u) << "counted from the last time";
      });
}

TEST(ConnectionAge, ZeroMeansNever) {
  run_behind_proxy(
      [](FakeCoordinator& fake, tests::RelayProxy& proxy, ClientOptions options) -> Task {
        fake.script({{204, {}, ""}, {204, {}, ""}});
        options.connection_max_age = 0s;
        Client client{fake.executor(), options};
        co_await client.request_job();
        fake.steady += 1000h;
        // Fault 19: neither does the wall clock matter.
        fake.now += 1000h;
        co_await client.request_job();
        EXPECT_EQ(proxy.heads().size(), 1u);
      });
}

}  // namespace
}  // namespace slipway::gitlab_api
