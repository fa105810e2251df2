#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace slipway::local::ci {

/// A duration as GitLab takes it in `timeout`, `start_in` and `expire_in`: `1h 30m`, `2 hrs 20
/// min`, `3 weeks and 2 days`, `1:30:00`, or seconds without a unit. Months have 30 days, years
/// 365. Absent for anything else, a duration of nothing and one beyond 1,000 years.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

}  // namespace slipway::local::ci
