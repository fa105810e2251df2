#include "helper/agent/fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace slipway::helper {

void Fd::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Pipe make_pipe(OurEnd nonblocking) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error{errno, std::generic_category(), "cannot make a pipe"};
  Pipe pipe{Fd{ends[0]}, Fd{ends[1]}};
  if (nonblocking == OurEnd::read) fcntl(ends[0], F_SETFL, O_NONBLOCK);
  if (nonblocking == OurEnd::write) fcntl(ends[1], F_SETFL, O_NONBLOCK);
  return pipe;
}

StandardStream::StandardStream(int fd, Direction direction) : fd_{fd} {
  struct stat info {};
  if (fstat(fd, &info) != 0) return;
  socket_ = S_ISSOCK(info.st_mode);
  if (!S_ISFIFO(info.st_mode)) return;
  const auto path = "/proc/self/fd/" + std::to_string(fd);
  const int mode = direction == Direction::in ? O_RDONLY : O_WRONLY;
  own_ = Fd{open(path.c_str(), mode | O_NONBLOCK | O_CLOEXEC)};
}

// Where the pipe could not be opened anew (it may belong to another user): a pipe that polls as
// writable takes PIPE_BUF bytes at once.
bool StandardStream::ready(short event) const {
  if (own_ || socket_) return true;
  pollfd entry{fd_, event, 0};
  if (poll(&entry, 1, 0) > 0) return true;
  errno = EAGAIN;
  return false;
}

ssize_t StandardStream::read(char* to, std::size_t size) {
  if (socket_) return recv(fd_, to, size, MSG_DONTWAIT);
  return ready(POLLIN) ? ::read(fd(), to, size) : -1;
}

ssize_t StandardStream::write(std::string_view bytes) {
  if (socket_) return send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return ready(POLLOUT) ? ::write(fd(), bytes.data(), bytes.size()) : -1;
}

}  // namespace slipway::helper
