#include "tests/bench/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "tests/bench/samples.hpp"
#include "util/async.hpp"

extern char** environ;

namespace slipway::bench {

namespace {

using namespace std::chrono_literals;
constexpr auto look_again = 10ms;

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error{errno, std::generic_category(), what};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> with_own_environment(const std::vector<std::string>& added) {
  std::vector<std::string> all = added;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view own{*entry};
    const auto name = own.substr(0, own.find('=') + 1);
    bool replaced = false;
    for (const auto& text : added) replaced = replaced || text.starts_with(name);
    if (!replaced) all.emplace_back(own);
  }
  return all;
}

std::string read_proc(pid_t pid, const char* file) {
  std::ifstream in{fmt::format("/proc/{}/{}", pid, file)};
  std::stringstream text;
  text << in.rdbuf();
  if (text.str().empty()) throw std::runtime_error{fmt::format("process {} has ended", pid)};
  return text.str();
}

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment, const std::filesystem::path& output) {
  auto words = arguments;
  auto settings = with_own_environment(environment);
  const auto argv = pointers(words);
  const auto envp = pointers(settings);
  const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) fail(output.string());
  const auto parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::setpgid(0, 0);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  const int error = errno;
  ::close(file);
  errno = error;
  if (pid_ < 0) fail("fork");
}

Process::~Process() {
  if (ended_) return;
  ::kill(pid_, SIGKILL);
  reap(true);
}

void Process::reap(bool block) {
  if (ended_) return;
  const auto got = ::waitpid(pid_, &status_, block ? 0 : WNOHANG);
  ended_ = got == pid_;
}

bool Process::running() {
  reap(false);
  return !ended_;
}

std::uint64_t Process::resident_kib() const {
  std::istringstream status{read_proc(pid_, "status")};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6));
  throw std::runtime_error{fmt::format("process {} has ended", pid_)};
}

std::chrono::milliseconds Process::cpu_time() const {
  const auto text = read_proc(pid_, "stat");
  // Behind the program's name, which may hold anything, the 12th and 13th word are the times.
  std::istringstream words{text.substr(text.rfind(')') + 1)};
  std::string skipped;
  for (int i = 0; i < 11; ++i) words >> skipped;
  std::int64_t user = 0;
  std::int64_t system = 0;
  words >> user >> system;
  return std::chrono::milliseconds{(user + system) * 1000 / ::sysconf(_SC_CLK_TCK)};
}

asio::awaitable<int> Process::end(int signal, std::chrono::milliseconds limit) {
  if (running()) ::kill(pid_, signal);
  const auto until = Clock::now() + limit;
  while (running()) {
    if (Clock::now() > until) {
      ::kill(pid_, SIGKILL);
      reap(true);
      break;
    }
    co_await util::sleep_for(look_again);
  }
  co_return exit_code(status_);
}

double time_program(const std::vector<std::string>& arguments) {
  auto words = arguments;
  const auto argv = pointers(words);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  const auto begin = Clock::now();
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw std::system_error{error, std::generic_category(), arguments[0]};
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  const auto took = milliseconds(Clock::now() - begin);
  if (exit_code(status) != 0)
    throw std::runtime_error{fmt::format("{} ended with {}", arguments[0], exit_code(status))};
  return took;
}

}  // namespace slipway::bench
