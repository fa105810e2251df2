#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace slipway::job {

/// What a shell printed (stdout and stderr together) and how it ended.
struct ShellResult {
  std::string output;
  int exit_code = -1;  // -1: by a signal
};

/// Runs `command` with `script` on its stdin, a pipe that stays open as that of a container does.
/// `started` is called with the process id, which is also its process group.
template <class Started>
ShellResult run_shell(const std::vector<std::string>& command, std::string_view script,
                      Started started) {
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) return {};
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const auto child = ::fork();
  if (child == 0) {
    ::setpgid(0, 0);
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::dup2(out[1], 2);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ::setpgid(child, child);
  ::close(in[0]);
  ::close(out[1]);
  std::thread writer{[&] {
    while (!script.empty()) {
      const auto written = ::write(in[1], script.data(), script.size());
      if (written <= 0) break;
      script.remove_prefix(static_cast<std::size_t>(written));
    }
  }};
  started(child);
  ShellResult result;
  char buffer[4096];
  for (ssize_t got; (got = ::read(out[0], buffer, sizeof buffer)) > 0;) {
    result.output.append(buffer, static_cast<std::size_t>(got));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(out[0]);
  writer.join();
  ::close(in[1]);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  return result;
}

inline ShellResult run_shell(const std::vector<std::string>& command, std::string_view script) {
  return run_shell(command, script, [](pid_t) {});
}

/// A directory that is gone afterwards.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "slipway-job-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string path(std::string_view name = {}) const {
    return name.empty() ? path_ : path_ + '/' + std::string{name};
  }
  std::string read(std::string_view name) const {
    std::ifstream file{path(name), std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

 private:
  std::string path_;
};

}  // namespace slipway::job
