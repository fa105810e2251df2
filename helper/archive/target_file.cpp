#include "helper/archive/target_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "helper/archive/archive_error.hpp"
#include "helper/archive/deflate.hpp"

namespace slipway::helper::archive {
namespace {

constexpr std::size_t hole_size = 64 << 10;

[[noreturn]] void fail(const std::string& full) {
  throw std::system_error{errno, std::generic_category(), full};
}

struct Times {
  explicit Times(std::int64_t mtime) : values{{0, UTIME_OMIT}, {mtime, 0}} {}
  timespec values[2];
};

// Only root may, and not in every container: as good as it goes.
void restore_owner(int directory, const char* name, const Metadata& metadata) {
  if (!metadata.uid && !metadata.gid) return;
  [[maybe_unused]] const int result =
      fchownat(directory, name, metadata.uid.value_or(static_cast<uid_t>(-1)),
               metadata.gid.value_or(static_cast<gid_t>(-1)), AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
}

}  // namespace

void remove_existing(int directory, const std::string& name, const std::string& full) {
  if (unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR) fail(full);
  if (unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return;
  if (errno == ENOTEMPTY || errno == EEXIST)
    throw ArchiveError{"remove " + full + ": directory not empty"};
  fail(full);
}

TargetFile::TargetFile(int directory, const std::string& name, const Metadata& metadata,
                       std::string full)
    : directory_{directory}, name_{name}, full_{std::move(full)}, metadata_{metadata} {
  create();
  if (!fd_ && errno == EEXIST) {
    remove_existing(directory_, name_, full_);
    create();
  }
  if (!fd_) fail(full_);
}

TargetFile::TargetFile(const Root& project, const std::string& path, int directory,
                       const std::string& name, const Metadata& metadata,
                       const std::function<void(Identity)>& before)
    : directory_{directory}, name_{name}, full_{project.full(path)}, metadata_{metadata} {
  create();
  if (fd_) return;
  if (errno != EEXIST) fail(full_);
  open_existing(project, path);
  if (!fd_) {
    remove_existing(directory_, name_, full_);
    create();
    if (!fd_) fail(full_);
    return;
  }
  struct stat status {};
  if (fstat(fd_.get(), &status) != 0) fail(full_);
  if (!S_ISREG(status.st_mode)) {
    fd_.close();
    throw ArchiveError{full_ + ": there is something that is no file"};
  }
  before({status.st_dev, status.st_ino});
  if (ftruncate(fd_.get(), 0) != 0) fail(full_);
}

void TargetFile::create() {
  // Nobody else reads it before it has its permissions; where it has none, the umask decides.
  const mode_t mode = metadata_.mode ? 0600 : 0666;
  fd_ = Fd{openat(directory_, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                  mode)};
}

// Leaves fd_ empty where a new file has to take the place of one that may not be written to.
void TargetFile::open_existing(const Root& project, const std::string& path) {
  constexpr int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  fd_ = Fd{openat(directory_, name_.c_str(), flags | O_NOFOLLOW)};
  if (!fd_ && errno == ELOOP) {
    is_link_ = true;
    fd_ = project.open(path, flags);
    if (!fd_ && errno == EXDEV)
      throw ArchiveError{full_ + " cannot be extracted outside of chroot (" + project.path() + ")"};
    if (!fd_ && errno == ENOENT) throw ArchiveError{full_ + ": there is a link to nothing"};
    if (!fd_) fail(full_);
  }
  if (!fd_ && errno == ENXIO) throw ArchiveError{full_ + ": there is something that is no file"};
  if (!fd_ && errno != EACCES && errno != EPERM && errno != ETXTBSY) fail(full_);
}

TargetFile::~TargetFile() {
  if (fd_ && !is_link_) unlinkat(directory_, name_.c_str(), 0);
}

TargetFile::Identity TargetFile::identity() const {
  struct stat status {};
  if (fstat(fd_.get(), &status) != 0) fail(full_);
  return {status.st_dev, status.st_ino};
}

void TargetFile::write_all(std::uint64_t offset, std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto wrote = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail(full_);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
    offset += static_cast<std::uint64_t>(wrote);
  }
}

std::uint64_t TargetFile::write(std::string_view bytes) {
  const auto written = write_at(size_, bytes);
  size_ += bytes.size();
  return written;
}

std::uint64_t TargetFile::write_at(std::uint64_t offset, std::string_view bytes) {
  std::uint64_t written = 0;
  while (!bytes.empty()) {
    // As many blocks of the same kind as there are, in one call.
    const auto zero = bytes.size() >= hole_size && is_zero(bytes.substr(0, hole_size));
    auto size = std::min(bytes.size(), hole_size);
    while (size < bytes.size()) {
      const auto block = bytes.substr(size, hole_size);
      if ((block.size() == hole_size && is_zero(block)) != zero) break;
      size += block.size();
    }
    if (zero)
      has_holes_ = true;
    else
      write_all(offset, bytes.substr(0, size));
    written += zero ? 0 : size;
    offset += size;
    bytes.remove_prefix(size);
  }
  return written;
}

void TargetFile::finish() {
  finish(size_);
}

void TargetFile::finish(std::uint64_t size) {
  if (has_holes_ && ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) fail(full_);
  if (metadata_.mode && fchmod(fd_.get(), *metadata_.mode) != 0) fail(full_);
  if (futimens(fd_.get(), Times{metadata_.mtime}.values) != 0) fail(full_);
  // Last: afterwards the file may be somebody else's.
  restore_owner(fd_.get(), "", metadata_);
  // Some filesystems tell only now that the disk is full.
  const int fd = dup(fd_.get());
  if (fd < 0 || ::close(fd) != 0) fail(full_);
  fd_.close();
}

void make_link(int directory, const std::string& name, const std::string& target,
               const Metadata& metadata, const std::string& full) {
  if (symlinkat(target.c_str(), directory, name.c_str()) != 0) {
    if (errno != EEXIST) fail(full);
    remove_existing(directory, name, full);
    if (symlinkat(target.c_str(), directory, name.c_str()) != 0) fail(full);
  }
  // Not every filesystem keeps a link's time.
  [[maybe_unused]] const int result =
      utimensat(directory, name.c_str(), Times{metadata.mtime}.values, AT_SYMLINK_NOFOLLOW);
  restore_owner(directory, name.c_str(), metadata);
}

void restore_directory(int directory, const Metadata& metadata, const std::string& full) {
  // The time first: without permission to search it there is no way to "." left.
  if (utimensat(directory, ".", Times{metadata.mtime}.values, 0) != 0) fail(full);
  if (metadata.mode && fchmodat(directory, ".", *metadata.mode, 0) != 0) fail(full);
  restore_owner(directory, "", metadata);
}

}  // namespace slipway::helper::archive
