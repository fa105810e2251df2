#include "gitlab_api/retry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <random>
#include <string>

#include "util/async.hpp"

namespace slipway::gitlab_api {

namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr milliseconds smallest_backoff{100};
constexpr milliseconds largest_backoff{60'000};
constexpr milliseconds largest_server_wait = std::chrono::hours{24};

/// All of `text` as a decimal number without sign.
std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text[0] == '-' || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return std::numeric_limits<int>::max();
  if (error != std::errc{}) return std::nullopt;
  return value;
}

/// `Fri, 02 Jan 2026 15:04:05 GMT`.
std::optional<system_clock::time_point> parse_rfc1123(std::string_view text) {
  constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' ||
      text[16] != ' ' || text[19] != ':' || text[22] != ':' || text[25] != ' ')
    return std::nullopt;
  if (const auto zone = text.substr(26); zone != "GMT" && zone != "UTC") return std::nullopt;
  const auto month = std::find(months.begin(), months.end(), text.substr(8, 3));
  const auto day = number(text.substr(5, 2)), year = number(text.substr(12, 4));
  const auto hour = number(text.substr(17, 2)), minute = number(text.substr(20, 2)),
             second = number(text.substr(23, 2));
  if (month == months.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 60 || *year < 1970 || *year > 2200)
    return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year{*year},
      std::chrono::month(static_cast<unsigned>(month - months.begin()) + 1),
      std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         std::chrono::seconds{*second};
}

}  // namespace

RetryClock RetryClock::system() {
  return {[](milliseconds duration) { return util::sleep_for(duration); },
          [] { return system_clock::now(); },
          [] {
            static std::minstd_rand engine{std::random_device{}()};
            return std::uniform_real_distribution<double>{}(engine);
          },
          std::chrono::steady_clock::now};
}

bool is_retried(int status) {
  switch (status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return status >= 512;
  }
}

milliseconds retry_wait(const net::Headers& answer, int attempt, const RetryClock& clock) {
  if (const auto reset = parse_rfc1123(answer.get("RateLimit-ResetTime"))) {
    const auto wait = std::chrono::ceil<milliseconds>(*reset - clock.now());
    if (wait > milliseconds{0}) return std::min(wait, largest_server_wait);
  }
  if (const auto seconds = number(answer.get("Retry-After")); seconds && *seconds > 0)
    return std::min<milliseconds>(std::chrono::seconds{*seconds}, largest_server_wait);
  const auto top = std::min(smallest_backoff * (1 << std::clamp(attempt, 0, 10)), largest_backoff);
  const auto jitter = static_cast<double>((top - smallest_backoff).count()) * clock.random();
  return smallest_backoff + milliseconds{std::lround(jitter)};
}

}  // namespace slipway::gitlab_api
