#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "helper/sources/outer_config.hpp"
#include "helper/sources/process.hpp"

/// The `.git` directory of a project as files, where that spares a run of git. The layout is that
/// of gitrepository-layout(5).
namespace slipway::helper {

/// True for a `.git` that git would take for a repository.
bool is_repository(const std::filesystem::path& git_dir);

/// Does what `git init <project_dir>` would do where nothing asks for anything unusual, and prints
/// its line: a SHA-1 repository without a configuration, whose new one is `config` and what git
/// finds out of the file system. False, with nothing done, where git itself is needed.
bool initialize_repository(const std::filesystem::path& project_dir, std::string_view config,
                           const Environment& environment, const OuterConfig& outer);

/// Whether `git gc --auto`, which every fetch starts, would find anything to do with git's own
/// limits; true when in doubt.
bool may_need_collection(const std::filesystem::path& git_dir);

}  // namespace slipway::helper
