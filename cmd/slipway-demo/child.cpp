#include "cmd/slipway-demo/child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "util/async.hpp"

namespace slipway::demo {

namespace {

using namespace std::chrono_literals;
constexpr auto poll_interval = 20ms;
constexpr int cannot_run = 127;

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

/// Between fork and exec: only what may be called there.
[[noreturn]] void become(char* const* argv, char* const* envp, int input, int output,
                         pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(cannot_run);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  for (int signal = 1; signal < NSIG; ++signal)
    if (signal != SIGKILL && signal != SIGSTOP) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(argv[0], argv, envp);
  const char* reason = std::strerror(errno);
  const char* program = argv[0];
  for (const char* part : {program, ": ", reason, "\n"})
    if (::write(STDERR_FILENO, part, std::strlen(part)) < 0) break;
  ::_exit(cannot_run);
}

int open_file(const std::filesystem::path& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (file < 0) throw std::system_error{errno, std::generic_category(), "open " + path.string()};
  return file;
}

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
             const std::filesystem::path& output) {
  const auto argv = pointers(arguments);
  const auto envp = pointers(environment);
  const int out = open_file(output, O_WRONLY | O_CREAT | O_APPEND);
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  const int error = errno;
  if (pid_ == 0) become(argv.data(), envp.data(), in, out, parent);
  ::close(out);
  ::close(in);
  if (pid_ < 0) throw std::system_error{error, std::generic_category(), "start " + arguments[0]};
}

Child::~Child() {
  if (poll()) return;
  send(SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

std::optional<int> Child::poll() {
  if (exit_code_) return exit_code_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_)
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_code_;
}

asio::awaitable<int> Child::wait() {
  while (!poll()) co_await util::sleep_for(poll_interval);
  co_return *exit_code_;
}

asio::awaitable<int> Child::end(int signal, std::chrono::milliseconds grace) {
  if (!poll()) send(signal);
  const auto until = std::chrono::steady_clock::now() + grace;
  bool killed = false;
  while (!poll()) {
    if (!killed && std::chrono::steady_clock::now() >= until) {
      send(SIGKILL);
      killed = true;
    }
    co_await util::sleep_for(poll_interval);
  }
  co_return *exit_code_;
}

void Child::send(int signal) const {
  ::kill(pid_, signal);
}

std::vector<std::string> inherit(const std::vector<std::string>& names) {
  std::vector<std::string> environment;
  for (const auto& name : names)
    if (const char* value = std::getenv(name.c_str())) environment.push_back(name + "=" + value);
  return environment;
}

}  // namespace slipway::demo
