#include "commands_fixture.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "helper/commands/commands.hpp"

namespace slipway::helper {

namespace {

void send_to(const std::filesystem::path& file, int fd) {
  const int opened = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(opened, fd);
}

}  // namespace

pid_t CommandTest::start(const std::vector<std::string>& words) const {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  for (const auto& [name, value] : environment_) ::setenv(name.c_str(), value.c_str(), 1);
  send_to(home_ / "stage.out", STDOUT_FILENO);
  send_to(home_ / "stage.err", STDERR_FILENO);
  if (::chdir(project_.c_str()) != 0) std::_Exit(99);
  const int code = run_command_line(words);
  std::fflush(stdout);
  std::_Exit(code);
}

StageResult CommandTest::call(const std::vector<std::string>& words) const {
  const pid_t pid = start(words);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(home_ / "stage.out"),
          read_file(home_ / "stage.err")};
}

}  // namespace slipway::helper
