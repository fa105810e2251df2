#include "helper/health/service_health.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>

#include "helper/health/probe.hpp"
#include "helper/sources/process.hpp"
#include "util/async.hpp"
#include "util/event.hpp"
#include "util/run.hpp"
#include "util/task_group.hpp"

namespace slipway::helper {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// The script waits for this, so most services are caught while the polling is dense.
constexpr auto dense_phase = 2s;
constexpr auto dense_interval = 50ms;
constexpr auto later_interval = 100ms;
constexpr int max_timeout_seconds = 24 * 3600;
constexpr std::size_t max_told_errors = 4;

/// What the probes of one service have found so far.
struct Findings {
  Findings(const asio::any_io_executor& executor, std::size_t probes)
      : healthy{executor}, errors(probes) {}
  util::Event healthy;
  std::vector<std::string> errors;  ///< the last one of each probe
};

asio::awaitable<void> ask_until_healthy(Candidate candidate, Findings& findings,
                                        std::size_t index) {
  const auto begin = Clock::now();
  Probe probe{co_await asio::this_coro::executor, std::move(candidate)};
  for (;;) {
    findings.errors[index] = co_await probe.ask();
    if (findings.errors[index].empty()) break;
    const bool dense = Clock::now() - begin < dense_phase;
    co_await util::sleep_for(dense ? dense_interval : later_interval);
  }
  findings.healthy.set();
}

std::string timeout_text(const Findings& findings) {
  std::string text = "timeout";
  std::size_t told = 0;
  for (const auto& error : findings.errors) {
    if (error.empty() || told == max_told_errors) continue;
    text += (told++ == 0 ? ": " : "; ") + error;
  }
  return text;
}

/// Sets `error` to why the service is not healthy. `service` and `error` outlive the call.
asio::awaitable<void> check_service(const job::ServiceCheck& service,
                                    std::chrono::milliseconds limit, std::string& error) {
  auto candidates = candidates_of(service);
  if (candidates.empty()) {
    error = service.addresses.empty() ? "no address" : "no exposed ports";
    co_return;
  }
  const auto executor = co_await asio::this_coro::executor;
  Findings findings{executor, candidates.size()};
  util::TaskGroup probes{executor};
  for (std::size_t i = 0; i < candidates.size(); ++i)
    probes.start(ask_until_healthy(std::move(candidates[i]), findings, i));
  std::exception_ptr failure;
  try {
    auto healthy = findings.healthy.wait();
    co_await util::with_timeout(std::move(healthy), limit);
  } catch (const util::TimeoutError&) {
    error = timeout_text(findings);
  } catch (...) {
    failure = std::current_exception();
  }
  probes.cancel();
  co_await probes.join();
  if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> check_all(const job::ServiceHealthParameters& parameters,
                                std::vector<std::string>& errors) {
  const std::chrono::seconds limit{std::clamp(parameters.timeout_seconds, 1, max_timeout_seconds)};
  util::TaskGroup checks{co_await asio::this_coro::executor};
  for (std::size_t i = 0; i < errors.size(); ++i)
    checks.start(check_service(parameters.services[i], limit, errors[i]));
  co_await checks.join();
}

}  // namespace

job::ServiceHealthResult check_services(const job::ServiceHealthParameters& parameters) {
  job::ServiceHealthResult result;
  result.errors.resize(parameters.services.size());
  util::run_to_end(check_all(parameters, result.errors));
  return result;
}

int service_health(const job::ServiceHealthParameters& parameters) {
  const nlohmann::json result = check_services(parameters);
  print(result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  return 0;
}

}  // namespace slipway::helper
