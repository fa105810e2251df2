#include "executors/shell/spawn.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace slipway::executors::shell {

namespace {

constexpr int report_fd = 3;
constexpr int most_descriptors = 65536;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_{fd} {}
  Descriptor(Descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

struct Pipe {
  Descriptor read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::runtime_error{fmt::format("cannot make a pipe: {}", std::strerror(errno))};
  return {Descriptor{ends[0]}, Descriptor{ends[1]}};
}

/// What stopped the child between fork and exec.
struct ChildError {
  enum Step : int { streams, groups, group, user, exec } step;
  int code;
};

const char* name_of(ChildError::Step step) {
  switch (step) {
    case ChildError::streams:
      return "setting up its standard streams";
    case ChildError::groups:
      return "taking on the groups of its user";
    case ChildError::group:
      return "taking on the primary group of its user";
    case ChildError::user:
      return "becoming its user";
    case ChildError::exec:
      break;
  }
  return "executing it";
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

/// Everything the child needs, made before the fork: behind it nothing may be allocated.
struct ChildPlan {
  const SpawnRequest& request;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int in, out, report;
};

[[noreturn]] void fail(ChildError::Step step) {
  const ChildError error{step, errno};
  [[maybe_unused]] const auto ignored = ::write(report_fd, &error, sizeof error);
  ::_exit(127);
}

void reset_signals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void place_descriptors(const ChildPlan& plan) {
  // First out of the way: any of the three may have one of the numbers 0 to 3.
  const int in = ::fcntl(plan.in, F_DUPFD, report_fd + 1);
  const int out = ::fcntl(plan.out, F_DUPFD, report_fd + 1);
  const int report = ::fcntl(plan.report, F_DUPFD, report_fd + 1);
  if (::dup3(report, report_fd, O_CLOEXEC) < 0) ::_exit(127);
  if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0) fail(ChildError::streams);
  if (::close_range(report_fd + 1, ~0u, 0) != 0)
    for (int fd = report_fd + 1; fd < most_descriptors; ++fd) ::close(fd);
}

[[noreturn]] void run_child(const ChildPlan& plan) {
  ::setsid();
  reset_signals();
  place_descriptors(plan);
  if (const auto& account = plan.request.become) {
    if (::setgroups(account->groups.size(), account->groups.data()) != 0) fail(ChildError::groups);
    if (::setgid(account->gid) != 0) fail(ChildError::group);
    if (::setuid(account->uid) != 0) fail(ChildError::user);
  }
  const char* home = plan.request.become ? plan.request.become->home.c_str() : "/";
  [[maybe_unused]] const bool entered =
      ::chdir(plan.request.working_dir.c_str()) == 0 || ::chdir(home) == 0 || ::chdir("/") == 0;
  ::execve(plan.arguments[0], plan.arguments.data(), plan.environment.data());
  fail(ChildError::exec);
}

void set_nonblocking(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

Spawned spawn(const SpawnRequest& request) {
  auto in = make_pipe();
  auto out = make_pipe();
  auto report = make_pipe();
  const ChildPlan plan{
      request,         pointers(request.arguments), pointers(request.environment), in.read.get(),
      out.write.get(), report.write.get()};
  const auto pid = ::fork();
  if (pid < 0) throw std::runtime_error{fmt::format("cannot fork: {}", std::strerror(errno))};
  if (pid == 0) run_child(plan);

  // Ends with the exec, which closes the other end, or with its failure.
  report.write.close();
  ChildError error{};
  ssize_t size = 0;
  do size = ::read(report.read.get(), &error, sizeof error);
  while (size < 0 && errno == EINTR);
  if (size == sizeof error) {
    ::waitpid(pid, nullptr, 0);
    throw std::runtime_error{fmt::format("cannot start {}: {}: {}", request.arguments[0],
                                         name_of(error.step), std::strerror(error.code))};
  }
  set_nonblocking(in.write.get());
  set_nonblocking(out.read.get());
  return {pid, in.write.release(), out.read.release()};
}

}  // namespace slipway::executors::shell
