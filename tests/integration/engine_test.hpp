#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "docker_api/client.hpp"
#include "tests/integration/host_census.hpp"

namespace slipway::tests {

/// What is on an Engine: one line per container, volume and network, with name and state of the id.
struct EngineCensus {
  std::set<std::string> objects;

  friend bool operator==(const EngineCensus&, const EngineCensus&) = default;
};

asio::awaitable<EngineCensus> take_census(docker_api::Client& engine);

/// A client of the Engine that DOCKER_HOST (and DOCKER_TLS_VERIFY, DOCKER_CERT_PATH) names.
std::unique_ptr<docker_api::Client> make_engine(asio::any_io_executor executor);

/// Base of every test that uses the real Engine: takes a census before, and after the test waits
/// for the same one again; likewise of the machine's processes and mounts, when all else of the
/// test is destroyed. What is missing or left over fails the test. Without an Engine the test
/// fails; it is never skipped.
class EngineTest : public testing::Test {
 public:
  static constexpr const char* label = "io.slipway.test";
  static constexpr const char* image = "busybox:latest";

  ~EngineTest() override;

 protected:
  using Body = std::function<asio::awaitable<void>(docker_api::Client&)>;

  void SetUp() override;
  void TearDown() override;

  /// Runs `body` with a connected client; what it throws fails the test.
  static void run(Body body, std::chrono::seconds limit = std::chrono::seconds{60});

 private:
  HostCensus host_before_ = HostCensus::take();
  EngineCensus before_;
};

/// A container of the test image that writes to no log, labelled so that it is swept up after a
/// failure.
docker_api::ContainerSpec busybox(std::vector<std::string> command);

/// Both streams of an attachment until its end, in the order of arrival.
asio::awaitable<std::string> read_all(docker_api::Attachment& attachment);

/// The status of the EngineError that `work` throws; -1 if it throws none.
template <class T>
asio::awaitable<int> refusal(asio::awaitable<T> work) {
  int status = -1;
  try {
    co_await std::move(work);
  } catch (const docker_api::EngineError& error) {
    status = error.status();
  }
  co_return status;
}

/// Creates `spec`, attaches, starts, reads everything, waits, removes.
struct Finished {
  std::string output;
  std::int64_t exit_code = -1;
};
asio::awaitable<Finished> run_container(docker_api::Client& engine, docker_api::ContainerSpec spec);

}  // namespace slipway::tests
