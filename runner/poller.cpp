#include "runner/poller.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

#include "runner/service.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using namespace std::chrono_literals;
using Kind = gitlab_api::JobRequestResult::Kind;

constexpr std::chrono::milliseconds first_refusal_pause = 1s;
constexpr std::chrono::milliseconds longest_refusal_pause = 30s;
constexpr std::chrono::milliseconds default_unhealthy_pause = 1h;
constexpr int default_unhealthy_limit = 3;

std::chrono::milliseconds jittered(std::chrono::milliseconds pause) {
  static std::minstd_rand random{std::random_device{}()};
  std::uniform_real_distribution<double> factor{0.8, 1.2};
  return std::chrono::milliseconds{
      static_cast<std::int64_t>(static_cast<double>(pause.count()) * factor(random))};
}
}  // namespace

Poller::Poller(asio::any_io_executor executor, Service& service, config::Runner runner,
               gitlab_api::ClientOptions client, std::chrono::seconds check_interval)
    : service_{service},
      runner_{std::move(runner)},
      gitlab_{std::move(executor), std::move(client)},
      check_interval_{check_interval},
      last_job_{std::chrono::steady_clock::now()} {}

asio::awaitable<void> Poller::run() {
  while (true) {
    while (!service_.has_room() || (runner_.limit > 0 && service_.jobs_of(*this) >= runner_.limit))
      co_await service_.room_changed();
    co_await poll_once();
    if (pause_ > 0ms) co_await util::sleep_for(pause_);
  }
}

asio::awaitable<void> Poller::poll_once() {
  auto result = co_await gitlab_.request_job();
  after_answer(result);
  if (result.kind == Kind::job) {
    last_job_ = std::chrono::steady_clock::now();
    service_.start_job(*this, std::move(*result.job));
  } else if (result.kind == Kind::unusable) {
    co_await give_back(std::move(result.unusable));
  }
}

void Poller::after_answer(const gitlab_api::JobRequestResult& result) {
  const auto name = runner_.name;
  pause_ = check_interval_;
  if (result.healthy()) {
    refused_ = 0ms;
    unhealthy_ = 0;
  }
  switch (result.kind) {
    case Kind::job:
      if (!runner_.strict_check_interval) pause_ = 0ms;
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
  refused_ = std::min(std::max(refused_ * 2, first_refusal_pause), longest_refusal_pause);
  pause_ = std::max(jittered(refused_), 1ms);
  ++unhealthy_;
  const bool limited = runner_.unhealthy_requests_limit || runner_.unhealthy_interval;
  if (limited && unhealthy_ >= runner_.unhealthy_requests_limit.value_or(default_unhealthy_limit)) {
    unhealthy_ = 0;
    pause_ = runner_.unhealthy_interval.value_or(default_unhealthy_pause);
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
