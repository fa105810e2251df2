#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace slipway::job {

/// Lines that the runner itself writes to a job's log, with GitLab Runner's colours; each ends with
/// reset and newline.
std::string plain_line(std::string_view text);
std::string info_line(std::string_view text);
std::string warning_line(std::string_view text);
std::string error_line(std::string_view text);
/// A stage's title (bold cyan within a plain line).
std::string title_line(std::string_view title);
/// Section marks without newline.
std::string section_start(std::string_view name, std::chrono::system_clock::time_point at);
std::string section_end(std::string_view name, std::chrono::system_clock::time_point at);
/// The title of a stage: `get_sources` → `Getting source from Git repository`; unknown ones get the
/// generic text. `executor` appears in that of prepare_executor.
std::string stage_title(std::string_view stage, std::string_view executor = "docker");

/// Go's text form of a duration: `1h0m0s`, `1m30s`, `1.5s`, `0s`.
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace slipway::job
