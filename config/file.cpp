#include "config/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "config/load.hpp"

namespace slipway::config {

namespace {

constexpr std::size_t file_limit = 16u << 20;
constexpr std::chrono::seconds lock_limit{10};
constexpr std::chrono::milliseconds lock_pause{50};

[[noreturn]] void fail(const std::string& path, std::string_view what, int error = errno) {
  throw ConfigError{path, 0, 0, fmt::format("{}: {}", what, std::strerror(error))};
}

/// An open file, closed at the end.
class File {
 public:
  explicit File(int descriptor) : descriptor_{descriptor} {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

std::filesystem::path directory_of(const std::string& path) {
  const auto parent = std::filesystem::path{path}.parent_path();
  return parent.empty() ? "." : parent;
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file) == 0;
}

/// Where a symbolic link leads; the path itself if it is none.
std::string target_of(const std::string& path) {
  std::error_code error;
  const auto target = std::filesystem::canonical(path, error);
  return error ? path : target.string();
}

void write_directly(const std::string& path, std::string_view text) {
  const File file{::open(path.c_str(), O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600)};
  if (!file || !write_all(file.get(), text)) fail(path, "write");
}

}  // namespace

std::optional<std::string> read_config_file(const std::string& path) {
  const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) {
    if (errno == ENOENT) return std::nullopt;
    fail(path, "read");
  }
  std::string text;
  char buffer[65536];
  for (;;) {
    const auto got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, "read");
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > file_limit) fail(path, "read", EFBIG);
  }
}

void write_config_file(const std::string& given, std::string_view text) {
  const auto path = target_of(given);
  const auto directory = directory_of(path).string();
  struct stat old {};
  const bool exists = ::stat(path.c_str(), &old) == 0;
  auto name =
      fmt::format("{}/.{}.XXXXXX", directory, std::filesystem::path{path}.filename().string());
  {
    const File file{::mkostemp(name.data(), O_CLOEXEC)};
    if (!file) {
      // A directory that may not be written to can still hold a file that may.
      if (exists && (errno == EACCES || errno == EPERM || errno == EROFS))
        return write_directly(path, text);
      fail(path, "create a temporary file beside it");
    }
    const bool same_owner = !exists || (old.st_uid == ::geteuid() && old.st_gid == ::getegid()) ||
                            ::fchown(file.get(), old.st_uid, old.st_gid) == 0;
    const bool ready = same_owner &&
                       ::fchmod(file.get(), exists ? old.st_mode & 07777 : 0600) == 0 &&
                       write_all(file.get(), text);
    if (!ready) {
      const int error = errno;
      ::unlink(name.c_str());
      if (!same_owner) return write_directly(path, text);
      fail(path, "write", error);
    }
  }
  if (::rename(name.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(name.c_str());
    if (error == EBUSY || error == EXDEV) return write_directly(path, text);
    fail(path, "rename", error);
  }
  if (const File folder{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)})
    ::fsync(folder.get());
}

EditLock::EditLock(const std::string& path) {
  const auto directory = directory_of(path);
  std::error_code error;
  if (!std::filesystem::exists(directory, error)) {
    const auto mask = ::umask(0077);
    std::filesystem::create_directories(directory, error);
    ::umask(mask);
    if (error) fail(path, "create its directory", error.value());
  }
  // The directory, not the file: the file is replaced by every change, and a lock file would be
  // left behind.
  directory_ = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_ < 0) fail(path, "open its directory");
  const auto end = std::chrono::steady_clock::now() + lock_limit;
  while (::flock(directory_, LOCK_EX | LOCK_NB) != 0) {
    const int failure = errno;
    if ((failure == EWOULDBLOCK || failure == EINTR) && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(lock_pause);
      continue;
    }
    ::close(directory_);
    fail(path, "another process is changing it", failure);
  }
}

EditLock::~EditLock() {
  ::close(directory_);
}

}  // namespace slipway::config
