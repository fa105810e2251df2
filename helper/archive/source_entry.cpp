#include "helper/archive/source_entry.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <system_error>

#include "helper/archive/source_file.hpp"

namespace slipway::helper::archive {

std::string gone_text(std::string_view path) {
  return std::string{path} + ": it is gone, and is not archived";
}

std::optional<SourceEntry> look_at(const Root& project, std::string_view path,
                                   const std::function<void(const std::string&)>& warn) {
  const auto fd = project.open(path, O_PATH | O_NOFOLLOW);
  SourceEntry entry;
  if (!fd || fstat(fd.get(), &entry.status) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) throw_unreadable(project, path);
    warn(gone_text(path));
    return std::nullopt;
  }
  const auto mode = entry.status.st_mode;
  if (S_ISLNK(mode)) {
    char target[PATH_MAX];
    const auto size = readlinkat(fd.get(), "", target, sizeof target);
    if (size < 0) throw std::system_error{errno, std::generic_category(), std::string{path}};
    entry.target.assign(target, static_cast<std::size_t>(size));
  } else if (!S_ISREG(mode) && !S_ISDIR(mode)) {
    warn(std::string{path} + ": it is neither file, directory nor link, and is not archived");
    return std::nullopt;
  }
  return entry;
}

}  // namespace slipway::helper::archive
