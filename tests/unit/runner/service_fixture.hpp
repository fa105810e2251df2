#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runner/service.hpp"
#include "sender_fixture.hpp"

namespace slipway::runner {

/// A whole service with runners of the bundled coordinator, but without an Engine: jobs are taken,
/// and end as failures of the system.
class ServiceTest : public SenderTest {
 public:
  /// One request for a job.
  struct Request {
    std::string token;
    local::TimePoint at;
  };

  using SenderTest::SenderTest;

  /// Adds a runner to coordinator and configuration; returns its token.
  std::string add_runner(std::vector<std::string> tags = {});
  /// Makes the service and runs it until `test` ends, then ends it as SIGTERM does.
  template <class Fixture>
  void run_service(asio::awaitable<void> (*test)(Fixture&), std::chrono::seconds limit = 20s) {
    body_ = test(static_cast<Fixture&>(*this));
    run<ServiceTest>(&ServiceTest::serve, limit);
  }

  Service& service() { return *service_; }
  std::vector<Request> requests() const;
  /// Waits until `count` requests have come.
  asio::awaitable<void> requests_made(std::size_t count);
  /// Waits until a runner has taken the job.
  asio::awaitable<void> taken(std::int64_t id);

  ServiceOptions options;

 private:
  static asio::awaitable<void> serve(ServiceTest& fixture);

  std::vector<Request> requests_;
  std::unique_ptr<Service> service_;
  asio::awaitable<void> body_;
};

}  // namespace slipway::runner
