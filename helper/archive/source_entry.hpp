#pragma once

#include <sys/stat.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "helper/archive/beneath.hpp"

namespace slipway::helper::archive {

/// A file, directory or link that goes into an archive.
struct SourceEntry {
  struct stat status {};
  std::string target;  ///< of a link
};

/// Looks at `path`, a clean path below `project`, itself and not at what a link leads to. Empty,
/// after `warn` was told why, for what has gone and for what no archive holds (sockets, devices …).
/// \throws ArchiveError (it is outside), std::system_error
std::optional<SourceEntry> look_at(const Root& project, std::string_view path,
                                   const std::function<void(const std::string&)>& warn);

/// The text of such a warning.
std::string gone_text(std::string_view path);

}  // namespace slipway::helper::archive
