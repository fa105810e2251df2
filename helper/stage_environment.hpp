#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::helper {

using NamedValues = std::vector<std::pair<std::string, std::string>>;

/// What a job has written to `$GITLAB_ENV` so far, read as a shell's `read -r` and `export` would:
/// one `NAME=value` per line, without blanks at its ends, an unfinished last line left out.
/// \throws StageFailure (1) naming the first line that is no assignment.
NamedValues parse_job_environment(std::string_view text);

/// Makes this process one of a stage, before any thread of it: its environment is the stage's with
/// what `$GITLAB_ENV` holds on top, stderr goes where stdout goes, so that lines stay in their
/// order, and it works in `project_dir`. \throws StageFailure
void enter_stage(const NamedValues& variables, const std::string& project_dir);

}  // namespace slipway::helper
