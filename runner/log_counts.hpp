#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace slipway::runner {

/// Counts the lines of this process's log by level, from the first call on. Lines that the log's
/// level suppresses do not count.
void count_log_lines();
/// By GitLab Runner's names: panic, fatal, error, warning, info, debug, trace; each is there.
std::map<std::string, std::uint64_t> log_line_counts();

}  // namespace slipway::runner
