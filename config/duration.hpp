#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::config {

/// A duration in Go's text form: `1h30m`, `90s`, `1.5h`, `-2ms`, `0`. nullopt for anything else,
/// also when it does not fit into 63 bits of nanoseconds.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// The canonical text, as GitLab Runner writes it: `15m0s`, `1h30m0s`, `300ms`, `0s`.
std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace slipway::config
