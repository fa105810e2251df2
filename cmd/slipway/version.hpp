#pragma once

#include <string>

namespace slipway::cmd {

std::string version();
/// Short commit hash; `HEAD` when built outside a repository.
std::string revision();
/// Go's name of the architecture: `amd64`.
std::string architecture();
/// What `--version` prints: six lines, values aligned.
std::string version_text();

}  // namespace slipway::cmd
