#include "util/program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "util/async.hpp"

namespace slipway::util {
namespace {

using namespace std::chrono_literals;

constexpr int kill_looks = 100;
constexpr int kill_pause_us = 1000;
constexpr auto longest_pause = 20ms;
constexpr int lost_exit_code = 255;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error{error, std::generic_category(), what};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_{fd} {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

/// A file in memory at its start: input of any size needs no writer beside the program.
int open_input(const std::string& input) {
  const int fd = ::memfd_create("input", MFD_CLOEXEC);
  if (fd < 0) fail(errno, "memfd_create");
  for (std::size_t at = 0; at < input.size();) {
    const auto count = ::write(fd, input.data() + at, input.size() - at);
    if (count < 0) {
      const int error = errno;
      ::close(fd);
      fail(error, "write");
    }
    at += static_cast<std::size_t>(count);
  }
  ::lseek(fd, 0, SEEK_SET);
  return fd;
}

/// posix_spawn's two parameter objects.
struct SpawnOptions {
  SpawnOptions(int input, int output) {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, 1);
    ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    ::posix_spawnattr_init(&attributes);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes, &signals);
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes, &signals);
    ::posix_spawnattr_setflags(&attributes,
                               POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnOptions(const SpawnOptions&) = delete;
  ~SpawnOptions() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

/// A process that leads a session, and what it has started there.
class Child {
 public:
  explicit Child(pid_t pid) : pid_{pid} {}
  Child(const Child&) = delete;
  /// Waits without giving way, since after a cancellation nothing else can: for a killed process
  /// that is a moment, and one that the kernel holds is not waited for.
  ~Child() {
    if (pid_ < 0) return;
    kill();
    int ignored = 0;
    for (int looks = 0; !ended(ignored) && looks < kill_looks; ++looks) ::usleep(kill_pause_us);
  }

  void kill() const {
    if (pid_ > 0) ::kill(-pid_, SIGKILL);
  }

  /// Its exit code, once it has ended. The number stays its own until its session is killed.
  bool ended(int& exit_code) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == 0)
      return false;
    kill();
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) {
      // Somebody else has taken its status: this process ignores SIGCHLD.
      exit_code = lost_exit_code;
      pid_ = -1;
      return true;
    }
    exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    pid_ = -1;
    return true;
  }

 private:
  pid_t pid_;
};

pid_t spawn(const std::vector<std::string>& arguments, int input, int output) {
  std::vector<char*> words;
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const SpawnOptions options{input, output};
  pid_t pid = -1;
  const int error =
      ::posix_spawnp(&pid, words[0], &options.actions, &options.attributes, words.data(), environ);
  if (error != 0) fail(error, arguments[0]);
  return pid;
}

asio::awaitable<void> wait_for_end(Child& child, int& exit_code) {
  for (auto pause = 1ms; !child.ended(exit_code); pause = std::min(2 * pause, longest_pause))
    co_await sleep_for(pause);
}

asio::awaitable<void> read_output(asio::posix::stream_descriptor& pipe, std::size_t max_output,
                                  Child& child, ProgramEnd& end) {
  std::array<char, 4096> buffer;
  boost::system::error_code error;
  while (!error && !end.too_much) {
    const auto count = co_await pipe.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) throw boost::system::system_error{error};
    end.too_much = end.output.size() + count > max_output;
    end.output.append(buffer.data(), std::min(count, max_output - end.output.size()));
  }
  if (end.too_much) child.kill();
}

/// Side by side: what the program leaves behind may keep the pipe open, and goes with its end.
asio::awaitable<void> read_and_wait(asio::posix::stream_descriptor& pipe, std::size_t max_output,
                                    Child& child, ProgramEnd& end) {
  auto reading = read_output(pipe, max_output, child, end);
  auto waiting = wait_for_end(child, end.exit_code);
  co_await both(std::move(reading), std::move(waiting));
}

}  // namespace

asio::awaitable<ProgramEnd> run_program(std::vector<std::string> arguments, std::string input,
                                        std::size_t max_output, std::chrono::milliseconds limit) {
  const auto executor = co_await asio::this_coro::executor;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(errno, "pipe");
  Descriptor reading{ends[0]};
  std::optional<Descriptor> writing{std::in_place, ends[1]};
  std::optional<Descriptor> given{std::in_place, open_input(input)};
  Child child{spawn(arguments, given->get(), writing->get())};
  given.reset();
  writing.reset();
  asio::posix::stream_descriptor pipe{executor, reading.get()};
  reading.release();
  ProgramEnd end;
  auto work = read_and_wait(pipe, max_output, child, end);
  co_await with_timeout(std::move(work), limit);
  co_return end;
}

}  // namespace slipway::util
