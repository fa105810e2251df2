#include "helper/archive/beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <system_error>

#include "helper/archive/clean_path.hpp"

namespace slipway::helper::archive {
namespace {

// Room for the terminating zero; the kernel takes no longer path in one call.
constexpr std::size_t longest_path = PATH_MAX - 1;

// Where the kernel says that `fd` is; empty where that cannot be told (no /proc).
std::string where(int fd) {
  char target[2 * PATH_MAX];
  const auto size =
      readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target, sizeof target);
  return size <= 0 ? "" : std::string(target, static_cast<std::size_t>(size));
}

bool is_below(const std::string& place, const std::string& root) {
  if (root.empty() || !place.starts_with(root)) return false;
  return place.size() == root.size() || root == "/" || place[root.size()] == '/';
}

int open_beneath(int directory, const char* path, int flags) {
  // An old kernel lacks the call, an old seccomp profile refuses it.
  static std::atomic<bool> missing = false;
  if (missing) {
    errno = ENOSYS;
    return -1;
  }
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const auto fd = static_cast<int>(syscall(SYS_openat2, directory, path, &how, sizeof how));
  if (fd < 0 && errno == ENOSYS) missing = true;
  return fd;
}

}  // namespace

Root::Root(const std::filesystem::path& directory)
    : path_{clean_path(std::filesystem::absolute(directory).native())},
      fd_{::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)} {
  if (!fd_) throw std::system_error{errno, std::generic_category(), path_};
  real_ = where(fd_.get());
}

std::string Root::full(std::string_view path) const {
  if (path == ".") return path_;
  return (path_ == "/" ? "" : path_) + "/" + std::string{path};
}

// RESOLVE_BENEATH refuses absolute links even if they lead back into the directory; those, and
// kernels without it, get the plain call and a look at where it led.
Fd Root::open_short(int directory, const std::string& path, int flags) const {
  flags |= O_CLOEXEC;
  Fd fd{open_beneath(directory, path.c_str(), flags)};
  if (fd) return fd;
  if (errno != EXDEV && errno != ENOSYS && errno != EPERM && errno != EAGAIN) return fd;
  fd = Fd{openat(directory, path.c_str(), flags)};
  if (!fd || is_below(where(fd.get()), real_)) return fd;
  fd.close();
  errno = EXDEV;
  return fd;
}

Fd Root::open(std::string_view path, int flags) const {
  Fd head;
  while (path.size() >= longest_path) {
    const auto slash = path.rfind('/', longest_path - 1);
    if (slash == std::string_view::npos) {
      errno = ENAMETOOLONG;
      return Fd{};
    }
    auto next = open_short(head ? head.get() : fd(), std::string{path.substr(0, slash)},
                           O_PATH | O_DIRECTORY);
    if (!next) return next;
    head = std::move(next);
    path.remove_prefix(slash + 1);
  }
  return open_short(head ? head.get() : fd(), std::string{path}, flags);
}

Fd Root::open_directory(std::string_view path, bool create) const {
  auto fd = open(path, O_PATH | O_DIRECTORY);
  if (fd || !create || errno != ENOENT) return fd;
  Fd parent = open(".", O_PATH | O_DIRECTORY);
  std::size_t begin = 0;
  while (parent && begin < path.size()) {
    const auto slash = std::min(path.find('/', begin), path.size());
    const std::string name{path.substr(begin, slash - begin)};
    if (mkdirat(parent.get(), name.c_str(), 0777) != 0 && errno != EEXIST) return Fd{};
    // From the root each time: links on the way may lead back up.
    parent = open(path.substr(0, slash), O_PATH | O_DIRECTORY);
    begin = slash + 1;
  }
  return parent;
}

}  // namespace slipway::helper::archive
