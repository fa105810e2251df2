#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "helper/archive/compression_level.hpp"
#include "helper/archive/path_list.hpp"

namespace slipway::helper {

/// The files of a cache or of artifacts, as users name them: variables are still to be expanded.
struct FileChoice {
  std::filesystem::path project;
  std::vector<std::string> paths;
  std::vector<std::string> exclude;
  bool untracked = false;
};

/// Finds them; the job's log on stderr is told what each path found and what is wrong with one.
/// `lookup` gives the variables. \throws std::system_error (`project` cannot be opened)
archive::PathList choose_files(
    const FileChoice& choice,
    const std::function<std::optional<std::string>(std::string_view)>& lookup);

/// The level called `word`; the default, after a warning, if there is none.
archive::CompressionLevel level_called(const std::string& word);

}  // namespace slipway::helper
