#include "helper/sources/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "job/log_lines.hpp"

namespace slipway::helper {
namespace {

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_{fd} {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error{errno, std::generic_category(), what};
}

void write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const auto written = ::write(fd, data.data(), data.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("write");
    }
    data.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// A file in memory at its start, so that input of any size needs no writer beside the child.
int open_input(std::string_view input) {
  if (input.empty()) return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int fd = ::memfd_create("input", MFD_CLOEXEC);
  if (fd < 0) fail("memfd_create");
  write_all(fd, input);
  ::lseek(fd, 0, SEEK_SET);
  return fd;
}

bool is_program(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

std::string find_program(const std::string& name, const Environment& environment) {
  if (name.find('/') != std::string::npos) return name;
  const auto path = environment.find("PATH").value_or(
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find(':', begin), path.size());
    const auto directory = path.substr(begin, end - begin);
    begin = end + 1;
    // An empty entry means the current directory, which belongs to the job: never searched.
    if (directory.empty()) continue;
    auto candidate = directory + "/" + name;
    if (is_program(candidate)) return candidate;
  }
  throw StageFailure{127, name + ": not found in PATH (" + path + ")"};
}

/// Runs in the child between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(const char* program, char* const* arguments, char* const* environment,
                         const char* directory, int input, int output, int error) {
  ::dup2(input, STDIN_FILENO);
  if (output >= 0) ::dup2(output, STDOUT_FILENO);
  if (error >= 0) ::dup2(error, STDERR_FILENO);
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (*directory == '\0' || ::chdir(directory) == 0) ::execve(program, arguments, environment);
  ::perror(*directory == '\0' ? program : directory);
  ::_exit(126);
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

Environment Environment::inherited() {
  Environment result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    result.entries_.emplace_back(*entry);
  return result;
}

void Environment::set(std::string_view name, std::string_view value) {
  std::string entry{name};
  entry += '=';
  const auto prefix = entry.size();
  entry += value;
  for (auto& old : entries_) {
    if (old.compare(0, prefix, entry, 0, prefix) != 0) continue;
    old = std::move(entry);
    return;
  }
  entries_.push_back(std::move(entry));
}

std::optional<std::string> Environment::find(std::string_view name) const {
  for (const auto& entry : entries_)
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name))
      return entry.substr(name.size() + 1);
  return std::nullopt;
}

// Plain fork, not posix_spawn: the latter uses clone3, which older seccomp profiles refuse with
// EPERM.
Child::Child(const Command& command, const Environment& environment) {
  const auto program = find_program(command.arguments.at(0), environment);
  const auto arguments = pointers(command.arguments);
  const auto variables = pointers(environment.entries());
  const Descriptor input{open_input(command.input)};
  if (input.get() < 0) fail("/dev/null");
  const Descriptor nowhere{command.discard_output ? ::open("/dev/null", O_WRONLY | O_CLOEXEC) : -1};
  const int output = command.output >= 0 ? command.output : nowhere.get();
  pid_ = ::fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0)
    become(program.c_str(), arguments.data(), variables.data(), command.directory.c_str(),
           input.get(), output, nowhere.get());
}

Child::~Child() {
  if (pid_ > 0) wait();
}

int Child::wait() {
  int status = 0;
  const int pid = std::exchange(pid_, -1);
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) fail("waitpid");
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int run(const Command& command, const Environment& environment) {
  return Child{command, environment}.wait();
}

void print(std::string_view text) {
  write_all(STDOUT_FILENO, text);
}

void notice(std::string_view text) {
  print(job::info_line(text));
}

}  // namespace slipway::helper
