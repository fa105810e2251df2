#include "local/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "util/async.hpp"

namespace slipway::local {

namespace {

using namespace std::chrono_literals;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error{error, std::generic_category(), what};
}

/// A descriptor that is closed unless it is given away.
class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_{fd} {}
  OwnedFd(const OwnedFd&) = delete;
  ~OwnedFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

int memory_file(const char* name) {
  const int fd = ::memfd_create(name, MFD_CLOEXEC);
  if (fd < 0) fail(errno, "memfd_create");
  return fd;
}

/// The last `limit` bytes of a file.
std::string file_end(int fd, std::size_t limit) {
  const auto size = ::lseek(fd, 0, SEEK_END);
  if (size <= 0) return {};
  const auto length = std::min(static_cast<std::size_t>(size), limit);
  std::string text(length, '\0');
  const auto got = ::pread(fd, text.data(), length, size - static_cast<off_t>(length));
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

/// Starts a program with the three descriptors as its only ones. Returns its pid.
pid_t spawn(std::vector<std::string> arguments, Environment environment, int in, int out, int err) {
  if (const char* path = std::getenv("PATH")) environment.push_back("PATH=" + std::string{path});
  const auto argv = pointers(arguments);
  const auto envp = pointers(environment);

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&files, in, 0);
  posix_spawn_file_actions_adddup2(&files, out, 1);
  posix_spawn_file_actions_adddup2(&files, err, 2);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, argv[0], &files, &attributes, argv.data(), envp.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) fail(error, "start " + arguments[0]);
  return pid;
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

constexpr std::size_t max_error_text = 2'000;

}  // namespace

ChildProcess::ChildProcess(asio::any_io_executor executor,
                           const std::vector<std::string>& arguments,
                           const Environment& environment)
    : input_{executor}, output_{executor} {
  // A socket as stdin: writing to a pipe that nobody reads would raise SIGPIPE in this process.
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    fail(errno, "socketpair");
  const OwnedFd child_in{ends[1]};
  input_.assign(asio::local::stream_protocol{}, ends[0]);
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno, "pipe2");
  const OwnedFd child_out{ends[1]};
  output_.assign(ends[0]);
  OwnedFd errors{memory_file("stderr")};
  pid_ = spawn(arguments, environment, child_in.get(), child_out.get(), errors.get());
  error_file_ = errors.release();
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    reap(true);
  }
  if (error_file_ >= 0) ::close(error_file_);
}

asio::awaitable<bool> ChildProcess::write(std::string_view data) {
  if (!input_.is_open()) co_return false;
  boost::system::error_code error;
  const auto buffer = asio::buffer(data.data(), data.size());
  co_await asio::async_write(input_, buffer, asio::redirect_error(asio::use_awaitable, error));
  if (error == asio::error::operation_aborted) throw boost::system::system_error{error};
  co_return !error;
}

void ChildProcess::close_input() {
  boost::system::error_code ignored;
  input_.close(ignored);
}

asio::awaitable<std::size_t> ChildProcess::read_some(std::span<char> buffer,
                                                     std::chrono::milliseconds limit) {
  const auto target = asio::buffer(buffer.data(), buffer.size());
  std::size_t size = 0;
  try {
    auto reading = output_.async_read_some(target, asio::use_awaitable);
    size = co_await util::with_timeout(std::move(reading), limit);
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::eof) throw;
  }
  co_return size;
}

asio::awaitable<int> ChildProcess::wait(std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  auto nap = 1ms;
  while (!reap(false)) {
    if (std::chrono::steady_clock::now() >= end) {
      ::kill(-pid_, SIGKILL);
      reap(true);
      break;
    }
    co_await util::sleep_for(nap);
    nap = std::min(2 * nap, 50ms);
  }
  co_return exit_code_of(status_);
}

std::string ChildProcess::error_text() const {
  return file_end(error_file_, max_error_text);
}

bool ChildProcess::reap(bool block) {
  if (pid_ <= 0) return true;
  pid_t got = -1;
  do {
    got = ::waitpid(pid_, &status_, block ? 0 : WNOHANG);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return false;
  pid_ = -1;
  return true;
}

Finished run_program(const std::vector<std::string>& arguments, const Environment& environment) {
  constexpr std::size_t max_output = 16u << 20;
  const OwnedFd nothing{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  if (nothing.get() < 0) fail(errno, "open /dev/null");
  const OwnedFd output{memory_file("stdout")};
  const OwnedFd errors{memory_file("stderr")};
  const auto pid = spawn(arguments, environment, nothing.get(), output.get(), errors.get());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) fail(errno, "wait for " + arguments[0]);
  return {exit_code_of(status), file_end(output.get(), max_output),
          file_end(errors.get(), max_error_text)};
}

}  // namespace slipway::local
