#pragma once

#include <string>
#include <string_view>

#include "agent/daemon_end.hpp"

namespace slipway::agent {

/// The line that starts an agent from a shell's stdin, or prints the plain marker. POSIX shell text
/// for bash, dash and BusyBox ash, under `set -e`, `-u` and `-x` too. `mark`: 16 hex digits.
std::string bootstrap_line(std::string_view helper_dir, std::string_view mark,
                           const AgentOptions& options);

/// `<nonce> plain\n`, as the line above prints it; the line's own text does not contain it, so an
/// echo of the line is not taken for the answer.
std::string plain_marker(std::string_view mark);

}  // namespace slipway::agent
