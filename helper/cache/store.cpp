#include "helper/cache/store.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

namespace slipway::helper::cache {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view temporary_prefix = ".slipway-archive-";

[[noreturn]] void fail(const fs::path& what) {
  throw std::system_error{errno, std::generic_category(), what.string()};
}

// A file that is being made is locked by who makes it, wherever that runs.
void remove_leftovers(const fs::path& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream{::opendir(directory.c_str()), ::closedir};
  if (!stream) return;
  while (const auto* entry = ::readdir(stream.get())) {
    if (!std::string_view{entry->d_name}.starts_with(temporary_prefix)) continue;
    const Fd fd{::openat(::dirfd(stream.get()), entry->d_name,
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
    if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
      ::unlinkat(::dirfd(stream.get()), entry->d_name, 0);
  }
}

void write_all(int fd, std::string_view bytes, const fs::path& what) {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail(what);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

// The directories are made by the way: the temporary file, a member, needs them.
const fs::path& with_directory(const fs::path& file) {
  make_directories(file.parent_path());
  remove_leftovers(file.parent_path());
  return file;
}

void write_metadata(const fs::path& directory, const Metadata& metadata) {
  const auto file = directory / "metadata.json";
  TemporaryFile temporary{directory};
  // Bytes that are no UTF-8 have no place in JSON.
  const auto text =
      nlohmann::json(metadata).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  write_all(temporary.fd(), text, file);
  if (::fchmod(temporary.fd(), 0640) != 0) fail(file);
  temporary.rename_to(file);
}

}  // namespace

TemporaryFile::TemporaryFile(const fs::path& directory) {
  do {
    name_ = (directory / (std::string{temporary_prefix} + "XXXXXX")).string();
    fd_ = Fd{::mkostemp(name_.data(), O_CLOEXEC)};
    if (!fd_) fail(directory);
    // Where locks are not to be had, nobody removes what he cannot lock.
    while (::flock(fd_.get(), LOCK_EX) != 0 && errno == EINTR) {
    }
    // Somebody who tidied up at the wrong moment may have removed it again.
  } while (status_of(fd_.get()).st_nlink == 0);
}

TemporaryFile::~TemporaryFile() {
  if (!name_.empty()) ::unlink(name_.c_str());
}

void TemporaryFile::rename_to(const fs::path& file) {
  if (::rename(name_.c_str(), file.c_str()) != 0) fail(file);
  name_.clear();
}

NewArchive::NewArchive(fs::path file)
    : file_{with_directory(file)}, temporary_{file_.parent_path()} {}

void NewArchive::publish(const timespec& modified, const Metadata& metadata) {
  const timespec times[2] = {{0, UTIME_OMIT}, modified};
  if (::futimens(fd(), times) != 0 || ::fsync(fd()) != 0) fail(file_);
  temporary_.rename_to(file_);
  write_metadata(file_.parent_path(), metadata);
}

void make_directories(const fs::path& directory) {
  if (directory.empty() || ::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return;
  if (errno != ENOENT) fail(directory);
  make_directories(directory.parent_path());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) fail(directory);
}

Fd open_archive(const fs::path& file) {
  Fd fd{::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  if (!fd && errno != ENOENT && errno != ENOTDIR && errno != ELOOP && errno != ENXIO) fail(file);
  if (fd && !S_ISREG(status_of(fd.get()).st_mode)) fd.close();
  return fd;
}

struct stat status_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw std::system_error{errno, std::generic_category(), "fstat"};
  return status;
}

}  // namespace slipway::helper::cache
