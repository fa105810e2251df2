#include "helper/sources/ownership.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "helper/sources/files.hpp"
#include "helper/sources/process.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

using Owner = std::pair<uid_t, gid_t>;

std::optional<Owner> parse_owner(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  Owner owner;
  const auto* const end = text.data() + text.size();
  const auto uid = std::from_chars(text.data(), end, owner.first);
  if (uid.ec != std::errc{} || uid.ptr == end || *uid.ptr != ':') return std::nullopt;
  const auto gid = std::from_chars(uid.ptr + 1, end, owner.second);
  if (gid.ec != std::errc{} || gid.ptr != end) return std::nullopt;
  return owner;
}

std::optional<Owner> read_owner(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::array<char, 64> text{};
  const auto size = ::read(fd, text.data(), text.size());
  ::close(fd);
  if (size <= 0) return std::nullopt;
  return parse_owner({text.data(), static_cast<std::size_t>(size)});
}

void give(const fs::path& path, const Owner& owner) {
  if (::lchown(path.c_str(), owner.first, owner.second) == 0 || errno == ENOENT) return;
  throw StageFailure{1,
                     "cannot change the owner of " + path.string() + ": " + std::strerror(errno)};
}

}  // namespace

void fix_ownership(const std::string& builds_dir, const std::vector<std::string>& directories) {
  if (builds_dir.empty()) return;
  const auto owner = read_owner(fs::path{builds_dir} / ".gitlab-build-uid-gid");
  if (!owner) return;
  for (const auto& directory : directories) {
    if (directory.empty() || !is_real_directory(directory)) continue;
    give(directory, *owner);
    for (const auto& entry : fs::recursive_directory_iterator{directory})
      give(entry.path(), *owner);
  }
}

}  // namespace slipway::helper
