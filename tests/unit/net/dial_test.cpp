#include "net/dial.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "peers.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

namespace slipway::net {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;
using tests::run_test;

asio::awaitable<void> dial_ignored(Endpoint endpoint, std::chrono::milliseconds limit) {
  co_await dial(std::move(endpoint), nullptr, limit, 0ms);
}

TEST(Dial, SaysWhoRefused) {
  run_test([]() -> asio::awaitable<void> {
    tcp::acceptor taken{co_await asio::this_coro::executor,
                        {asio::ip::make_address("127.0.0.1"), 0}};
    const auto port = taken.local_endpoint().port();
    taken.close();
    EXPECT_EQ(co_await failure_of(dial_ignored(loopback(port), 5s)),
              "connect: connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
    auto nowhere = unix_endpoint();
    EXPECT_EQ(co_await failure_of(dial_ignored(nowhere, 5s)),
              "connect: connect to " + nowhere.host + ": No such file or directory");
    nowhere.host = std::string(300, 'x');
    EXPECT_THAT(co_await failure_of(dial_ignored(nowhere, 5s)), HasSubstr("File name too long"));
  });
}

/// A listener whose queue is full: the kernel answers no further connection.
struct FullListener {
  explicit FullListener(const asio::any_io_executor& executor) : acceptor{executor} {
    acceptor.open(tcp::v4());
    acceptor.bind({asio::ip::make_address("127.0.0.1"), 0});
    acceptor.listen(0);
    for (int i = 0; i < 3; ++i) {
      auto& socket = fillers.emplace_back(executor);
      socket.open(tcp::v4());
      socket.native_non_blocking(true);
      const auto address = acceptor.local_endpoint();
      // The library's own connect would wait for an answer.
      ::connect(socket.native_handle(), address.data(), static_cast<socklen_t>(address.size()));
    }
  }
  Endpoint endpoint() const { return loopback(acceptor.local_endpoint().port()); }

  tcp::acceptor acceptor;
  std::vector<tcp::socket> fillers;
};

TEST(Dial, ConnectIsLimitedAndCancelled) {
  run_test([]() -> asio::awaitable<void> {
    FullListener full{co_await asio::this_coro::executor};
    EXPECT_THAT(co_await failure_of(dial_ignored(full.endpoint(), 50ms)),
                HasSubstr("no answer within 0.05 s"));
    EXPECT_EQ(co_await cancelled(dial_ignored(full.endpoint(), 0ms)), "aborted");
  });
}

TEST(Dial, TriesTheAddressesOfANameInOrder) {
  run_test([]() -> asio::awaitable<void> {
    // `localhost` is ::1 or 127.0.0.1 first: whichever of them listens is found.
    for (const char* address : {"127.0.0.1", "::1"}) {
      tcp::acceptor acceptor{co_await asio::this_coro::executor,
                             {asio::ip::make_address(address), 0}};
      const Endpoint endpoint{
          Endpoint::Scheme::http, "localhost", acceptor.local_endpoint().port(), {}};
      const auto failure = co_await failure_of(dial_ignored(endpoint, 5s));
      // Without a ::1 line in the hosts file there is only one address to try.
      if (failure.empty()) continue;
      EXPECT_STREQ(address, "::1");
      EXPECT_THAT(failure, HasSubstr("Connection refused"));
    }
  });
}

TEST(Dial, ALookupFailsInItsTime) {
  run_test([]() -> asio::awaitable<void> {
    const Endpoint nowhere{Endpoint::Scheme::http, "no-such-host.invalid", 80, {}};
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THAT(co_await failure_of(dial_ignored(nowhere, 50ms)),
                StartsWith("resolve: look up no-such-host.invalid: "));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
    // Cancelled or, if the resolver was faster, failed; in both cases at once.
    EXPECT_THAT(co_await cancelled(dial_ignored(nowhere, 0ms)),
                testing::AnyOf("aborted", StartsWith("resolve: ")));
  });
}

}  // namespace
}  // namespace slipway::net
