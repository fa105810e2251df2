#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "job/variables.hpp"

namespace slipway::local::exec {

/// Reads the user's own variables, a line each: `NAME=value`. Empty lines and those that begin with
/// `#` say nothing; a value in double quotes may hold `\n`, `\"`, `\\` and go on over lines; one in
/// single quotes is taken as it is. `[masked]`, `[file]` and `[raw]` (or several, `[masked,file]`)
/// before a name say what GitLab's settings page says: hidden in logs, given as a file, `$` not
/// expanded. \param name  of the file, for errors. \throws std::invalid_argument
/// `name:line: what is wrong`; values are not in its text.
job::Variables parse_user_variables(std::string_view text, const std::string& name);
/// \throws std::runtime_error: not readable.
job::Variables load_user_variables(const std::filesystem::path& file);

/// `NAME=value` of a command line. \throws std::invalid_argument.
job::Variable parse_assignment(std::string_view text, bool masked);

/// The content of a dotenv report as GitLab reads it: `NAME=value` lines, nothing else.
/// \throws std::invalid_argument naming the line.
job::Variables parse_dotenv(std::string_view text);

}  // namespace slipway::local::exec
