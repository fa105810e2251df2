#pragma once

#include <gtest/gtest.h>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "net/server.hpp"

namespace slipway::helper {

/// A port of loopback on which nobody listens (any more).
int free_port();

/// Answers `GET /_ping` in a thread of its own from `delay` after its construction until its
/// destruction.
class FakeEngine {
 public:
  struct Options {
    net::Endpoint endpoint;
    std::chrono::milliseconds delay{0};
    int status = 200;
    std::string body = "OK";
  };
  explicit FakeEngine(Options options);
  ~FakeEngine();

 private:
  asio::awaitable<void> serve();

  Options options_;
  asio::io_context io_;
  asio::cancellation_signal stop_;
  std::thread thread_;
};

/// A directory per suite with certificates as a dind service has them: `good/` valid for the name
/// docker, `local/` for localhost, `strange/` for another name, `other/` of another authority. Each
/// holds ca.pem, cert.pem, key.pem (the client's) and server.pem, server-key.pem.
class HealthTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  static std::filesystem::path directory() { return directory_; }
  /// Endpoint on `port` that shows the server certificate of `set` and demands one of `client_ca`'s
  /// authority.
  static net::Endpoint tls_endpoint(int port, const std::string& set,
                                    const std::string& client_ca = "good");
  static net::Endpoint plain_endpoint(int port);

 private:
  static std::filesystem::path directory_;
};

}  // namespace slipway::helper
