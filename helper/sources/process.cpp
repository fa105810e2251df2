#include "helper/sources/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <unordered_set>

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

std::string search_path(const Environment& environment) {
  return environment.find("PATH").value_or(
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

std::string find_program(const std::string& name, const Environment& environment) {
  if (name.find('/') != std::string::npos) return name;
  const auto path = search_path(environment);
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find(':', begin), path.size());
    const auto directory = path.substr(begin, end - begin);
    begin = end + 1;
    // An empty entry means the current directory, which belongs to the job: never searched.
    if (directory.empty()) continue;
    auto candidate = directory + "/" + name;
    if (is_program(candidate)) return candidate;
  }
  return "";
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
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto equals = text.find('=');
    if (equals != std::string_view::npos)
      result.set(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

void Environment::set(std::string_view name, std::string_view value) {
  std::string entry{name};
  entry += '=';
  entry += value;
  const auto [position, is_new] = positions_.try_emplace(std::string{name}, entries_.size());
  if (is_new)
    entries_.push_back(std::move(entry));
  else
    entries_[position->second] = std::move(entry);
}

std::optional<std::string> Environment::find(std::string_view name) const {
  const auto position = positions_.find(std::string{name});
  if (position == positions_.end()) return std::nullopt;
  return entries_[position->second].substr(name.size() + 1);
}

std::vector<std::string> Environment::fit(std::size_t single, std::size_t total) {
  // As the kernel counts: the text, its NUL, and a pointer to it.
  const auto weight = [](const std::string& entry) { return entry.size() + 1 + sizeof(char*); };
  std::size_t sum = 0;
  std::vector<std::string> by_size;
  for (const auto& entry : entries_) {
    sum += weight(entry);
    by_size.push_back(entry);
  }
  std::sort(by_size.begin(), by_size.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
  std::vector<std::string> dropped;
  std::unordered_set<std::string> gone;
  for (const auto& entry : by_size) {
    if (entry.size() < single && sum <= total) break;
    sum -= weight(entry);
    dropped.push_back(entry.substr(0, entry.find('=')));
    gone.insert(entry);
  }
  if (dropped.empty()) return dropped;
  auto kept = std::exchange(entries_, {});
  positions_.clear();
  for (const auto& entry : kept) {
    const auto equals = entry.find('=');
    if (!gone.contains(entry)) set(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return dropped;
}

std::vector<std::string> Environment::fit() {
  // MAX_ARG_STRLEN of the kernel.
  constexpr std::size_t longest_entry = 32 * 4096 - 1;
  const auto system_limit = ::sysconf(_SC_ARG_MAX);
  const auto total = system_limit > 0 ? static_cast<std::size_t>(system_limit) : 128u << 10;
  return fit(longest_entry, total / 2);
}

// Plain fork, not posix_spawn: the latter uses clone3, which older seccomp profiles refuse with
// EPERM.
Child::Child(const Command& command, const Environment& environment) {
  const auto program = find_program(command.arguments.at(0), environment);
  if (program.empty())
    throw StageFailure{
        127, command.arguments.at(0) + ": not found in PATH (" + search_path(environment) + ")"};
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

std::optional<std::string> read_output(const Command& command, const Environment& environment,
                                       std::size_t limit) {
  const int file = ::memfd_create("output", MFD_CLOEXEC);
  if (file < 0) fail("memfd_create");
  const Descriptor output{file};
  Command quiet = command;
  quiet.output = file;
  quiet.discard_output = true;
  if (Child{quiet, environment}.wait() != 0) return std::nullopt;
  struct stat status {};
  if (::fstat(file, &status) != 0) fail("fstat");
  if (static_cast<std::size_t>(status.st_size) > limit) return std::nullopt;
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  for (std::size_t done = 0; done < text.size();) {
    const auto count =
        ::pread(file, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail("read");
    done += static_cast<std::size_t>(count);
  }
  return text;
}

std::string program_path(const std::string& name, const Environment& environment) {
  return find_program(name, environment);
}

void print(std::string_view text) {
  write_all(STDOUT_FILENO, text);
}

void notice(std::string_view text) {
  print(job::info_line(text));
}

void warning(std::string_view text) {
  print(job::warning_line(text));
}

}  // namespace slipway::helper
