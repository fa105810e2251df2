#pragma once

#include <filesystem>
#include <string>

namespace slipway::cmd {

/// Unpacks a job's artifacts into a directory, which is made. \throws std::runtime_error.
void unpack_artifacts(const std::filesystem::path& archive, const std::filesystem::path& directory);

/// One file of a job's artifacts. \throws local::ci::SourceError.
std::string read_from_artifacts(const std::filesystem::path& archive, const std::string& path);

}  // namespace slipway::cmd
