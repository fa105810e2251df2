#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>

namespace slipway::config {

/// Notices that a file became another one: by its time, size or identity, so that also a file that
/// is moved into place with an old time counts. One that is still being written is not reported
/// before two looks have seen it the same. One thread; look() is one stat().
class FileWatch {
 public:
  enum class News { none, changed, gone };

  /// What is there now is known.
  explicit FileWatch(std::string path);

  /// `changed` and `gone` are reported by every look until accept().
  News look();
  /// What the last look saw is known from now on.
  void accept() { known_ = seen_; }

 private:
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  std::optional<Stamp> stamp() const;

  std::string path_;
  std::optional<Stamp> known_;
  std::optional<Stamp> seen_;
};

/// Says that a daemon serves a configuration file, by a lock on the file itself: nothing is left
/// behind, and it needs no right to write. A file that cannot be locked (it is missing, or its file
/// system has no locks) is served without.
class ServingLock {
 public:
  /// \throws ConfigError when another process serves the file, and still does a second later.
  explicit ServingLock(std::string path);
  ServingLock(const ServingLock&) = delete;
  ServingLock& operator=(const ServingLock&) = delete;
  ~ServingLock();

  /// After every change: a file that was replaced is another one. \throws ConfigError.
  void renew();

 private:
  std::string path_;
  int file_ = -1;
};

}  // namespace slipway::config
