#include "helper/stage_environment.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "helper/agent/fd.hpp"
#include "helper/sources/process.hpp"
#include "job/text.hpp"

namespace slipway::helper {

namespace {

constexpr std::size_t max_job_environment = 16u << 20;
constexpr std::size_t max_shown = 100;

bool is_identifier(std::string_view text) {
  return !text.empty() && (text[0] < '0' || text[0] > '9') &&
         std::all_of(text.begin(), text.end(), job::is_name_character);
}

/// The job has made it: whatever it is, this process neither hangs nor leaves the directory by it.
std::string read_job_file(const std::string& path) {
  const Fd file{::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return "";
  std::string text;
  char buffer[16384];
  for (;;) {
    const auto got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > max_job_environment) throw StageFailure{1, "GITLAB_ENV: larger than 16 MiB"};
  }
}

void set_variable(const std::string& name, const std::string& value) {
  if (!name.empty() && name.find('=') == std::string::npos)
    ::setenv(name.c_str(), value.c_str(), 1);
}

}  // namespace

NamedValues parse_job_environment(std::string_view text) {
  NamedValues result;
  for (;;) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return result;
    auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto first = std::min(line.find_first_not_of(" \t"), line.size());
    line = line.substr(first, line.find_last_not_of(" \t") + 1 - first);
    const auto equals = line.find('=');
    const auto name = line.substr(0, equals);
    if (!is_identifier(name))
      throw StageFailure{
          1, "export: `" + std::string{line.substr(0, max_shown)} + "': not a valid identifier"};
    if (equals != std::string_view::npos)
      result.emplace_back(std::string{name}, std::string{line.substr(equals + 1)});
  }
}

void enter_stage(const NamedValues& variables, const std::string& project_dir) {
  for (const auto& [name, value] : variables) set_variable(name, value);
  ::dup2(STDOUT_FILENO, STDERR_FILENO);
  if (const char* directory = std::getenv("RUNNER_TEMP_PROJECT_DIR")) {
    const auto file = std::string{directory} + "/gitlab_runner_env";
    for (const auto& [name, value] : parse_job_environment(read_job_file(file)))
      set_variable(name, value);
    set_variable("GITLAB_ENV", file);
  }
  if (::chdir(project_dir.c_str()) != 0)
    throw StageFailure{1, "cannot enter the project directory " + project_dir};
}

}  // namespace slipway::helper
