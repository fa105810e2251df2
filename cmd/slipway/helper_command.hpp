#pragma once

#include <span>
#include <string>

namespace slipway::cmd {

/// The commands that run inside containers and live in `slipway-helper`.
bool is_helper_command(const std::string& name);

/// Becomes the `slipway-helper` beside this program. \param words  the command and its arguments.
/// \throws Fatal when there is none.
[[noreturn]] void exec_helper(std::span<const std::string> words);

}  // namespace slipway::cmd
