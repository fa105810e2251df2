#include "runner/poller.hpp"

#include <spdlog/spdlog.h>

#include "runner/service.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using namespace std::chrono_literals;
constexpr std::chrono::milliseconds longest_trouble_pause = 30s;

using Kind = gitlab_api::JobRequestResult::Kind;

}  // namespace

Poller::Poller(asio::any_io_executor executor, Service& service, config::Runner runner,
               gitlab_api::ClientOptions client, std::chrono::milliseconds check_interval)
    : service_{service},
      runner_{std::move(runner)},
      gitlab_{std::move(executor), std::move(client)},
      pauses_{runner_, check_interval},
      last_job_{std::chrono::steady_clock::now()} {}

asio::awaitable<void> Poller::run() {
  while (true) {
    while (!service_.has_room(*this) ||
           (runner_.limit > 0 && service_.jobs_of(*this) >= runner_.limit))
      co_await service_.room_changed();
    try {
      co_await poll_once();
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const std::exception& error) {
      // A runner must not fall silent for one job that could not be started.
      spdlog::error("taking a job: {} runner={}", error.what(), runner_.name);
      pause_ = longest_trouble_pause;
    }
    if (pause_ > 0ms) co_await util::sleep_for(pause_);
  }
}

asio::awaitable<void> Poller::poll_once() {
  auto result = co_await gitlab_.request_job();
  after_answer(result);
  if (result.kind == Kind::job) {
    last_job_ = std::chrono::steady_clock::now();
    service_.start_job(*this, std::move(*result.job), std::move(result.payload));
  } else if (result.kind == Kind::unusable) {
    co_await give_back(std::move(result.unusable));
  }
}

void Poller::after_answer(const gitlab_api::JobRequestResult& result) {
  const auto name = runner_.name;
  pause_ = pauses_.after(result);
  switch (result.kind) {
    case Kind::job:
      return;
    case Kind::none:
      spdlog::debug("Checking for jobs... no content runner={}", name);
      return;
    case Kind::unusable:
      spdlog::error("Checking for jobs... unusable payload: {} runner={}", result.unusable.text,
                    name);
      return;
    case Kind::failed:
      spdlog::warn("Checking for jobs... failed: {} runner={}", result.call.text, name);
      return;
    case Kind::forbidden:
    case Kind::client_error:
      break;
  }
  spdlog::error("Checking for jobs... {}: {}; asking again in {:.1f} s runner={}",
                result.kind == Kind::forbidden ? "forbidden" : "client error", result.call.text,
                static_cast<double>(pause_.count()) / 1000, name);
}

/// A job that cannot be read would hang at the coordinator until it times out.
asio::awaitable<void> Poller::give_back(job::PayloadError unusable) {
  if (unusable.id == 0 || unusable.token.empty()) co_return;
  gitlab_api::JobUpdate update;
  update.state = "failed";
  update.failure_reason = "runner_system_failure";
  co_await gitlab_.update_job(unusable.id, unusable.token, update);
}

}  // namespace slipway::runner
