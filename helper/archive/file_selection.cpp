#include "helper/archive/file_selection.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>

#include "helper/archive/archive_error.hpp"
#include "helper/archive/beneath.hpp"
#include "helper/archive/clean_path.hpp"
#include "helper/archive/glob.hpp"

namespace slipway::helper::archive {
namespace {

constexpr auto outside_text = "not supported: outside build directory";

struct Exclusion {
  std::string text;
  std::vector<Glob> globs;
  std::uint64_t count = 0;

  bool matches(std::string_view path) const {
    for (const auto& glob : globs)
      if (glob.matches(path)) return true;
    return false;
  }
};

// A directory that is still to be read.
struct Pending {
  std::string path;
  Glob::State state = 0;
  std::uint64_t matches = 0;  // of it and its parents: each counts what is below
};

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Directory open_directory(const Root& root, const std::string& path) {
  const auto fd = root.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return nullptr;
  // The stream owns its descriptor.
  const int own = fcntl(fd.get(), F_DUPFD_CLOEXEC, 0);
  Directory directory{own < 0 ? nullptr : fdopendir(own)};
  if (!directory && own >= 0) ::close(own);
  return directory;
}

bool is_directory(const Directory& parent, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat status {};
  return fstatat(dirfd(parent.get()), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(status.st_mode);
}

// Mode of what is at `path`, a link itself; empty with errno.
std::optional<mode_t> mode_of(const Root& root, const std::string& path) {
  const auto fd = root.open(path, O_PATH | O_NOFOLLOW);
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) return std::nullopt;
  return status.st_mode;
}

class Selector {
 public:
  Selector(const std::filesystem::path& project, const SelectionRequest& request)
      : root_{project}, request_{request} {}

  Selection select() {
    for (const auto& pattern : request_.exclude) add_exclusion(pattern);
    for (const auto& path : request_.paths) add_path(path);
    if (request_.untracked) add_untracked();
    for (const auto& exclusion : exclusions_)
      if (exclusion.count > 0)
        note(Note::Level::info,
             exclusion.text + ": excluded " + std::to_string(exclusion.count) + " files");
    selection_.files.sort_unique();
    return std::move(selection_);
  }

 private:
  void note(Note::Level level, std::string text) {
    selection_.notes.push_back({level, std::move(text)});
  }
  void warn(const std::string& name, const std::string& problem) {
    note(Note::Level::warning, name + ": " + problem);
  }
  void warn_errno(const std::string& name) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    warn(name, errno == EXDEV ? outside_text : std::generic_category().message(errno));
  }

  // The globs of a pattern as the user wrote it; throws ArchiveError.
  std::vector<Glob> globs_of(const std::string& pattern) const {
    std::vector<Glob> globs;
    for (const auto& alternative : expand_braces(relative_to(root_.path(), pattern))) {
      const auto clean = clean_path(alternative);
      if (leaves(clean)) throw ArchiveError{outside_text};
      globs.emplace_back(clean);
    }
    return globs;
  }

  void add_exclusion(const std::string& pattern) {
    if (pattern.empty()) return;
    try {
      exclusions_.push_back({pattern, globs_of(pattern)});
    } catch (const ArchiveError& error) {
      warn(pattern, error.what());
    }
  }

  void add_path(const std::string& pattern) {
    if (pattern.empty()) {
      note(Note::Level::warning, "No matching files. Path is empty.");
      return;
    }
    if (leaves(relative_to(root_.path(), pattern))) {
      note(Note::Level::warning,
           "processPath: artifact path is not a subpath of project directory: " + pattern);
      return;
    }
    std::uint64_t found = 0;
    try {
      for (const auto& glob : globs_of(pattern)) found += walk(glob);
    } catch (const ArchiveError& error) {
      warn(pattern, error.what());
      return;
    }
    if (found == 0)
      warn(pattern,
           "no matching files. Ensure that the artifact path is relative to the working directory "
           "(" +
               root_.path() + ")");
    else
      note(Note::Level::info, pattern + ": found " + std::to_string(found) +
                                  " matching artifact files and directories");
  }

  void add_untracked() {
    std::uint64_t found = 0;
    auto list = request_.untracked_list;
    while (!list.empty()) {
      const auto end = std::min(list.find('\0'), list.size());
      const std::string name{list.substr(0, end)};
      list.remove_prefix(std::min(end + 1, list.size()));
      if (name.empty()) continue;
      const auto path = relative_to(root_.path(), name);
      if (leaves(path))
        warn(name, outside_text);
      else if (mode_of(root_, path))
        found += add(path, 1);
      else
        warn_errno(name);
    }
    if (found == 0)
      note(Note::Level::warning, "untracked: no files");
    else
      note(Note::Level::info, "untracked: found " + std::to_string(found) + " files");
  }

  // Takes `path`, found `matches` times, unless it is excluded; returns how often it counts.
  std::uint64_t add(const std::string& path, std::uint64_t matches) {
    for (auto& exclusion : exclusions_) {
      if (!exclusion.matches(path)) continue;
      exclusion.count += matches;
      return 0;
    }
    if (path != ".") selection_.files.add(path);
    return matches;
  }

  std::uint64_t walk(const Glob& glob) {
    const auto mode = mode_of(root_, glob.prefix());
    if (!mode) {
      warn_errno(glob.prefix());
      return 0;
    }
    // `link/**` means what is behind the link; the link as well would be an archive that cannot be
    // extracted.
    const bool follow = S_ISLNK(*mode) && glob.has_wildcard();
    const bool whole = glob.matched(glob.start()) && !follow;
    std::uint64_t found = whole ? add(glob.prefix(), 1) : 0;
    if (S_ISDIR(*mode) || follow)
      pending_.push_back({glob.prefix(), glob.start(), whole ? 1u : 0u});
    while (!pending_.empty()) {
      const auto next = std::move(pending_.back());
      pending_.pop_back();
      found += read(glob, next);
    }
    return found;
  }

  std::uint64_t read(const Glob& glob, const Pending& parent) {
    // A link is followed only as the last part before the first wildcard.
    const bool followed = parent.matches == 0 && parent.path == glob.prefix();
    const auto directory = open_directory(root_, followed ? parent.path + "/." : parent.path);
    if (!directory) {
      warn_errno(parent.path);
      return 0;
    }
    std::uint64_t found = 0;
    while (true) {
      errno = 0;
      const auto* entry = readdir(directory.get());
      if (!entry) break;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      const auto state = glob.step(parent.state, name);
      const auto matches = parent.matches + (glob.matched(state) ? 1 : 0);
      if (matches == 0 && state == 0) continue;
      auto path = parent.path == "." ? std::string{name} : parent.path + "/" + std::string{name};
      if (matches > 0) found += add(path, matches);
      if (is_directory(directory, *entry)) pending_.push_back({std::move(path), state, matches});
    }
    if (errno != 0) warn_errno(parent.path);
    return found;
  }

  Root root_;
  const SelectionRequest& request_;
  std::vector<Exclusion> exclusions_;
  std::vector<Pending> pending_;
  Selection selection_;
};

}  // namespace

Selection select_files(const std::filesystem::path& project, const SelectionRequest& request) {
  return Selector{project, request}.select();
}

}  // namespace slipway::helper::archive
