#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>
#include <utility>

namespace slipway::helper {

/// Owns one file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_{fd} {}
  Fd(Fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read;
  Fd write;
};
/// Close-on-exec; `nonblocking` sets O_NONBLOCK on the end that stays here. Throws
/// std::system_error.
enum class OurEnd { none, read, write };
Pipe make_pipe(OurEnd nonblocking);

/// One of the agent's own standard streams, read or written without ever blocking. O_NONBLOCK is
/// never set on the stream itself, which other processes of the container share: a pipe is opened
/// anew, a socket asked per call.
class StandardStream {
 public:
  enum class Direction { in, out };
  StandardStream(int fd, Direction direction);

  int fd() const { return own_ ? own_.get() : fd_; }
  /// As read(2) and write(2): -1 with errno EAGAIN when it would block.
  ssize_t read(char* to, std::size_t size);
  ssize_t write(std::string_view bytes);

 private:
  bool ready(short event) const;

  int fd_;
  bool socket_ = false;
  Fd own_;
};

}  // namespace slipway::helper
