#include "helper/archive/source_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

#include "helper/archive/archive_error.hpp"

namespace slipway::helper::archive {

void throw_unreadable(const Root& project, std::string_view path) {
  if (errno == EXDEV)
    throw ArchiveError{project.full(path) + " cannot be archived from outside of chroot (" +
                       project.path() + ")"};
  throw std::system_error{errno, std::generic_category(), std::string{path}};
}

std::optional<SourceFile> SourceFile::find(const Root& project, std::string_view path) {
  SourceFile file;
  file.name_ = path;
  file.fd_ = project.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (!file.fd_ && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  // A link (ELOOP) or a socket (ENXIO) says so itself, less clearly.
  if (!file.fd_ && errno != ELOOP && errno != ENXIO) throw_unreadable(project, path);
  if (file.fd_ && fstat(file.fd_.get(), &file.status_) != 0) throw_unreadable(project, path);
  if (!file.fd_ || !S_ISREG(file.status_.st_mode))
    throw ArchiveError{"the \"" + file.name_ + "\" is not a regular file"};
  return file;
}

// Reading a hole would fill the page cache with zeros. Where the filesystem cannot tell, there is
// none. The descriptor's position, which other threads move too, is not used otherwise.
bool SourceFile::is_hole(std::uint64_t offset, std::size_t size) const {
  if (size < piece_size) return false;
  const auto end = static_cast<off_t>(offset + size);
  const auto data = lseek(fd_.get(), static_cast<off_t>(offset), SEEK_DATA);
  if (data >= 0 || errno != ENXIO) return data >= end;
  // No data up to the file's end, which may have come nearer meanwhile.
  struct stat status {};
  return fstat(fd_.get(), &status) == 0 && status.st_size >= end;
}

std::string_view SourceFile::read(std::uint64_t offset, std::size_t size) const {
  static const auto zeros = std::make_unique<const char[]>(piece_size);
  if (is_hole(offset, size)) return {zeros.get(), size};
  thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(piece_size);
  return {buffer.get(), read_data(buffer.get(), offset, size)};
}

std::size_t SourceFile::read_to(char* bytes, std::uint64_t offset, std::size_t size) const {
  std::size_t have = 0;
  while (have < size) {
    const auto part = std::min(size - have, piece_size);
    const bool hole = is_hole(offset + have, part);
    if (hole) std::fill_n(bytes + have, part, '\0');
    const auto got = hole ? part : read_data(bytes + have, offset + have, part);
    have += got;
    if (got < part) break;
  }
  return have;
}

std::size_t SourceFile::read_data(char* bytes, std::uint64_t offset, std::size_t size) const {
  std::size_t have = 0;
  while (have < size) {
    const auto got = pread(fd_.get(), bytes + have, size - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::system_error{errno, std::generic_category(), name_};
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return have;
}

}  // namespace slipway::helper::archive
