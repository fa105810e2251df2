#include "runner/poller.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "config/feature_flags.hpp"
#include "runner/service.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Kind = gitlab_api::JobRequestResult::Kind;

constexpr std::chrono::milliseconds longest_trouble_pause = 30s;
constexpr int give_back_tries = 10;
constexpr std::chrono::milliseconds first_give_back_pause = 1s;
constexpr std::chrono::milliseconds longest_give_back_pause = 1min;

bool is_adaptive(const config::Runner& runner) {
  const auto no_job = [](std::string_view) -> std::optional<std::string> { return std::nullopt; };
  return config::resolve("FF_USE_ADAPTIVE_REQUEST_CONCURRENCY", runner.feature_flags, no_job).value;
}

/// Counts a request while it is under way, however it ends.
class UnderWay {
 public:
  UnderWay(int& count, util::Condition& ended) : count_{count}, ended_{ended} { ++count_; }
  UnderWay(const UnderWay&) = delete;
  ~UnderWay() {
    --count_;
    ended_.notify_all();
  }

 private:
  int& count_;
  util::Condition& ended_;
};

}  // namespace

Poller::Poller(asio::any_io_executor executor, Service& service, config::Runner runner,
               gitlab_api::ClientOptions client, std::chrono::milliseconds check_interval,
               std::chrono::milliseconds first_delay)
    : service_{service},
      runner_{std::move(runner)},
      gitlab_{executor, std::move(client)},
      pauses_{runner_, check_interval},
      check_interval_{check_interval},
      first_delay_{first_delay},
      limit_{runner_.request_concurrency, is_adaptive(runner_)},
      last_job_{Clock::now()},
      last_step_{Clock::now()},
      answered_{executor},
      tasks_{executor} {}

asio::awaitable<void> Poller::run() {
  next_ = Clock::now() + first_delay_;
  lanes_ = 1;
  tasks_.start(poll());
  co_await tasks_.join();
  ended_ = true;
}

void Poller::use_settings(const config::Runner& runner, std::chrono::milliseconds check_interval) {
  const bool same_limit = limit_.hard() == std::max(runner.request_concurrency, 1) &&
                          is_adaptive(runner) == is_adaptive(runner_);
  if (!same_limit) limit_ = RequestLimit{runner.request_concurrency, is_adaptive(runner)};
  runner_ = runner;
  check_interval_ = check_interval;
  pauses_ = PollPause{runner_, check_interval_};
  next_ = std::min(next_, Clock::now() + check_interval_);
  answered_.notify_all();
}

void Poller::retire(std::string config) {
  retired_ = true;
  retired_config_ = std::move(config);
  answered_.notify_all();
}

bool Poller::stuck(std::chrono::milliseconds limit) const {
  return !waiting_ && !ended_ && std::max(last_step_, next_) + limit < Clock::now();
}

void Poller::use_token(const config::TokenChange& change) {
  runner_.token = change.token;
  runner_.token_obtained_at = change.obtained_at;
  runner_.token_expires_at = change.expires_at;
  gitlab_.use_token(change.token);
}

/// One request after the other, beside others of this runner.
asio::awaitable<void> Poller::poll() {
  while (true) {
    co_await turn();
    if (retired_) co_return;
    next_ = Clock::now() + check_interval_;
    ++counts_.feeds;
    const UnderWay counted{under_way_, answered_};
    // One more than were ever needed at once, however high the limit is.
    if (under_way_ == lanes_ && lanes_ < limit_.hard()) {
      ++lanes_;
      tasks_.start(poll());
    }
    try {
      co_await poll_once();
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const std::exception& error) {
      // A runner must not fall silent for one job that could not be started.
      spdlog::error("taking a job: {} runner={}", error.what(), runner_.name);
      next_ = Clock::now() + longest_trouble_pause;
    }
  }
}

/// Returns when a request may begin, or none is wanted any more. Nothing may be waited for between
/// this and its beginning.
asio::awaitable<void> Poller::turn() {
  while (!retired_) {
    last_step_ = Clock::now();
    waiting_ = false;
    const bool limited = runner_.limit > 0 && service_.jobs_of(*this) + under_way_ >= runner_.limit;
    if (limited && under_way_ > 0) {
      co_await answered_.wait();
    } else if (limited || !service_.has_room(*this, under_way_)) {
      waiting_ = under_way_ == 0;
      co_await service_.room_changed();
    } else if (under_way_ >= limit_.current()) {
      ++counts_.exceeded;
      co_await answered_.wait();
    } else if (const auto left = next_ - Clock::now(); left > 0ms) {
      auto sleeping = util::sleep_for(std::chrono::ceil<std::chrono::milliseconds>(left));
      auto changed = answered_.wait();
      co_await util::first_of(std::move(sleeping), std::move(changed));
    } else {
      co_return;
    }
  }
}

asio::awaitable<void> Poller::poll_once() {
  const auto token = runner_.token;
  auto result = co_await gitlab_.request_job();
  // What is refused for a token that was replaced meanwhile says nothing of the runner.
  after_answer(result, token != runner_.token);
  if (result.kind == Kind::job) {
    last_job_ = Clock::now();
    service_.start_job(*this, std::move(*result.job), std::move(result.payload));
  } else if (result.kind == Kind::unusable) {
    tasks_.start(give_back(std::move(result.unusable)));
  }
}

void Poller::after_answer(const gitlab_api::JobRequestResult& result, bool stale) {
  const auto name = runner_.name;
  const auto now = Clock::now();
  limit_.note(result.call.attempts > 1   ? RequestLimit::Outcome::retried
              : result.kind == Kind::job ? RequestLimit::Outcome::job
                                         : RequestLimit::Outcome::none);
  if (stale && result.kind == Kind::forbidden) {
    spdlog::debug("Checking for jobs... the token was replaced meanwhile runner={}", name);
    next_ = now;
    return;
  }
  const auto pause = pauses_.after(result);
  switch (result.kind) {
    case Kind::job:
      if (pause == 0ms) next_ = now;
      return;
    case Kind::none:
      spdlog::debug("Checking for jobs... no content runner={}", name);
      return;
    case Kind::unusable:
      spdlog::error("Checking for jobs... unusable payload: {} runner={}", result.unusable.text,
                    name);
      return;
    case Kind::failed:
      next_ = std::max(next_, now + pause);
      spdlog::warn("Checking for jobs... failed: {} runner={}", result.call.text, name);
      return;
    case Kind::forbidden:
    case Kind::client_error:
      break;
  }
  ++counts_.refused;
  next_ = std::max(next_, now + pause);
  spdlog::error("Checking for jobs... {}: {}; asking again in {:.1f} s runner={}",
                result.kind == Kind::forbidden ? "forbidden" : "client error", result.call.text,
                static_cast<double>(pause.count()) / 1000, name);
}

/// A job that cannot be read would hang at the coordinator until it times out.
asio::awaitable<void> Poller::give_back(job::PayloadError unusable) {
  if (unusable.id == 0 || unusable.token.empty()) co_return;
  gitlab_api::JobUpdate update;
  update.state = "failed";
  update.failure_reason = "runner_system_failure";
  auto pause = first_give_back_pause;
  for (int tries = 1;; ++tries) {
    const auto result = co_await gitlab_.update_job(unusable.id, unusable.token, update);
    if (result.kind != gitlab_api::UpdateResult::Kind::failed) co_return;
    if (!gitlab_api::is_passing(result.http_status) || tries == give_back_tries) {
      spdlog::error("a job that cannot be read could not be given back: {} job={}", result.text,
                    unusable.id);
      co_return;
    }
    co_await util::sleep_for(pause);
    pause = std::min(pause * 2, longest_give_back_pause);
  }
}

}  // namespace slipway::runner
