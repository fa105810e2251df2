#include "runner/token_rotation.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "config/feature_flags.hpp"
#include "job/job.hpp"
#include "runner/poller.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using namespace std::chrono_literals;
using Time = std::chrono::system_clock::time_point;

constexpr auto longest_sleep = 1min;
constexpr std::chrono::seconds first_retry = 1min;
constexpr std::chrono::seconds longest_retry = 1h;
/// Nobody has the new token when the answer is not read.
constexpr std::chrono::milliseconds reset_limit = 1min;

asio::awaitable<gitlab_api::RegisterResult> reset(gitlab_api::Client& gitlab) {
  gitlab_api::RegisterResult result;
  try {
    auto call = gitlab.reset_token();
    result = co_await util::with_timeout(std::move(call), reset_limit);
  } catch (const util::TimeoutError& error) {
    result.call.text = error.what();
  }
  co_return result;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// `2026-01-02T03:04:05Z`, or with `+02:00` in place of the Z; a fraction is dropped.
std::optional<Time> parse_time(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':')
    return std::nullopt;
  const std::array<std::optional<int>, 6> parts{
      number(text.substr(0, 4)),  number(text.substr(5, 2)),  number(text.substr(8, 2)),
      number(text.substr(11, 2)), number(text.substr(14, 2)), number(text.substr(17, 2))};
  if (!std::ranges::all_of(parts, [](const auto& part) { return part && *part >= 0; }))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*parts[0]},
                                         std::chrono::month(static_cast<unsigned>(*parts[1])),
                                         std::chrono::day(static_cast<unsigned>(*parts[2]))};
  if (!date.ok() || *parts[0] > 2200) return std::nullopt;
  Time time = std::chrono::sys_days{date} + std::chrono::hours{*parts[3]} +
              std::chrono::minutes{*parts[4]} + std::chrono::seconds{*parts[5]};
  auto zone = text.substr(19);
  if (zone.starts_with('.')) zone.remove_prefix(std::min(zone.find_first_of("Z+-"), zone.size()));
  if (zone == "Z") return time;
  const auto hours = zone.size() == 6 ? number(zone.substr(1, 2)) : std::nullopt;
  const auto minutes = zone.size() == 6 ? number(zone.substr(4, 2)) : std::nullopt;
  if (!hours || !minutes) return std::nullopt;
  const auto offset = std::chrono::hours{*hours} + std::chrono::minutes{*minutes};
  return zone[0] == '-' ? time + offset : time - offset;
}

bool is_off(const config::Runner& runner) {
  const auto no_job = [](std::string_view) -> std::optional<std::string> { return std::nullopt; };
  return config::resolve("FF_DISABLE_AUTOMATIC_TOKEN_ROTATION", runner.feature_flags, no_job).value;
}

}  // namespace

std::optional<Time> rotation_due(const std::string& obtained_at, const std::string& expires_at) {
  const auto expires = parse_time(expires_at);
  if (!expires) return std::nullopt;
  const auto obtained = parse_time(obtained_at);
  if (!obtained || *obtained >= *expires) return Time{};
  return *obtained + (*expires - *obtained) / 4 * 3;
}

std::string time_text(Time time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

TokenRotation::TokenRotation(std::list<Poller>& pollers, Store store, gitlab_api::RetryClock clock)
    : pollers_{pollers}, store_{std::move(store)}, clock_{std::move(clock)} {}

std::vector<TokenRotation::Unstored> TokenRotation::unstored() const {
  std::vector<Unstored> list;
  for (const auto& subject : subjects_)
    if (subject.unstored) list.push_back(*subject.unstored);
  return list;
}

bool TokenRotation::needed() {
  auto before = std::exchange(subjects_, {});
  for (auto& poller : pollers_) {
    const auto& runner = poller.runner();
    const auto old = std::ranges::find_if(before, [&](const Subject& subject) {
      return subject.unstored && subject.unstored->second.token == runner.token;
    });
    const bool unstored = old != before.end();
    if (!unstored && !rotation_due(runner.token_obtained_at, runner.token_expires_at)) continue;
    if (!unstored && is_off(runner)) {
      spdlog::warn(
          "the token expires at {} and is not replaced (FF_DISABLE_AUTOMATIC_TOKEN_ROTATION) "
          "runner={}",
          runner.token_expires_at, runner.name);
      continue;
    }
    Subject subject;
    subject.poller = &poller;
    set_due(subject);
    if (unstored) {
      subject.unstored = std::move(old->unstored);
      subject.due = old->due;
    }
    subjects_.push_back(std::move(subject));
  }
  return !subjects_.empty();
}

/// After a change: by the runner's new times.
void TokenRotation::set_due(Subject& subject) {
  const auto& runner = subject.poller->runner();
  const auto due = rotation_due(runner.token_obtained_at, runner.token_expires_at);
  subject.due = due.value_or(Time::max());
  subject.expires = parse_time(runner.token_expires_at);
  subject.retry = 0s;
}

void TokenRotation::try_later(Subject& subject) {
  subject.retry = std::clamp(subject.retry * 2, first_retry, longest_retry);
  const auto now = clock_.now();
  auto pause = subject.retry;
  // A short life has no time for long pauses.
  if (subject.expires && *subject.expires > now) {
    const auto left = std::chrono::floor<std::chrono::seconds>(*subject.expires - now);
    pause = std::min(pause, std::max<std::chrono::seconds>(left / 4, 1s));
  }
  subject.due = now + pause;
}

asio::awaitable<void> TokenRotation::run() {
  while (!subjects_.empty()) {
    const auto next = std::ranges::min_element(subjects_, {}, &Subject::due);
    const auto now = clock_.now();
    if (next->due <= now) {
      co_await rotate(*next);
      continue;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        std::min<Time::duration>(next->due - now, longest_sleep));
    auto sleeping = clock_.sleep(left);
    co_await std::move(sleeping);
  }
}

asio::awaitable<void> TokenRotation::rotate(Subject& subject) {
  auto& poller = *subject.poller;
  if (subject.unstored) {
    store(subject);
    co_return;
  }
  const auto before = poller.runner();
  auto resetting = reset(poller.gitlab());
  const auto result = co_await util::shielded(std::move(resetting));
  if (result.call.status != gitlab_api::Status::ok) {
    try_later(subject);
    spdlog::error("replacing the token: {}; trying again later runner={}", result.call.text,
                  before.name);
    co_return;
  }
  // From here on the old one is void, whatever becomes of the file.
  const config::TokenChange change{result.token, time_text(clock_.now()), result.token_expires_at};
  poller.use_token(change);
  spdlog::info("the token was replaced before it expired runner={} new={} expires={}", before.name,
               job::short_token(change.token.reveal()),
               change.expires_at.empty() ? "never" : change.expires_at);
  subject.unstored.emplace(before, change);
  store(subject);
}

void TokenRotation::store(Subject& subject) {
  const auto& [before, change] = *subject.unstored;
  try {
    store_(before, change);
    subject.unstored.reset();
    set_due(subject);
  } catch (const std::exception& error) {
    // A restart would begin with a token that is void.
    spdlog::error("the new token is in use but not stored: {}; trying again runner={}",
                  error.what(), before.name);
    try_later(subject);
  }
}

}  // namespace slipway::runner
