#include "config/file_watch.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "config/load.hpp"

namespace slipway::config {

namespace {
using namespace std::chrono_literals;

constexpr int lock_tries = 20;
constexpr auto lock_pause = 50ms;

/// True unless somebody else has it.
bool take_lock(int file) {
  for (int tries = 1;; ++tries) {
    if (::flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return true;
    if (tries == lock_tries) return false;
    std::this_thread::sleep_for(lock_pause);
  }
}
}  // namespace

FileWatch::FileWatch(std::string path) : path_{std::move(path)}, known_{stamp()}, seen_{known_} {}

std::optional<FileWatch::Stamp> FileWatch::stamp() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return std::nullopt;
  return Stamp{status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
               status.st_mtim.tv_nsec};
}

FileWatch::News FileWatch::look() {
  const auto before = std::exchange(seen_, stamp());
  if (seen_ == known_ || seen_ != before) return News::none;
  return seen_ ? News::changed : News::gone;
}

ServingLock::ServingLock(std::string path) : path_{std::move(path)} {
  renew();
}

ServingLock::~ServingLock() {
  if (file_ >= 0) ::close(file_);
}

void ServingLock::renew() {
  const int fresh = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fresh < 0) return;
  struct stat held {
  }, there{};
  const bool same = file_ >= 0 && ::fstat(file_, &held) == 0 && ::fstat(fresh, &there) == 0 &&
                    held.st_dev == there.st_dev && held.st_ino == there.st_ino;
  if (same) {
    ::close(fresh);
    return;
  }
  if (!take_lock(fresh)) {
    ::close(fresh);
    throw ConfigError{path_, 0, 0,
                      "another slipway serves this file; stop that one, or give this one a file of "
                      "its own with --config"};
  }
  if (file_ >= 0) ::close(file_);
  file_ = fresh;
}

}  // namespace slipway::config
