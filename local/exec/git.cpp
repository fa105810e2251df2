#include "local/exec/git.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace slipway::local::exec {

namespace {

/// Where git finds its user's configuration, keys and proxies. Not GIT_DIR and its like, which are
/// set where a hook calls: the directory alone says which repository is meant.
constexpr std::array inherited{"HOME",
                               "XDG_CONFIG_HOME",
                               "USER",
                               "LOGNAME",
                               "SUDO_UID",
                               "TMPDIR",
                               "SSH_AUTH_SOCK",
                               "SSL_CERT_FILE",
                               "SSL_CERT_DIR",
                               "GIT_CEILING_DIRECTORIES",
                               "GIT_SSH",
                               "GIT_SSH_COMMAND",
                               "GIT_ASKPASS",
                               "GIT_SSL_CAINFO",
                               "GIT_CONFIG_GLOBAL",
                               "GIT_CONFIG_SYSTEM",
                               "GIT_CONFIG_NOSYSTEM",
                               "http_proxy",
                               "https_proxy",
                               "HTTPS_PROXY",
                               "no_proxy",
                               "NO_PROXY"};

}  // namespace

Finished Git::start(std::vector<std::string> arguments, const Environment& more) const {
  std::vector<std::string> command{"git", "-C", directory_.string()};
  command.insert(command.end(), std::make_move_iterator(arguments.begin()),
                 std::make_move_iterator(arguments.end()));
  Environment environment{"LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0"};
  for (const auto* name : inherited)
    if (const char* value = std::getenv(name))
      environment.push_back(std::string{name} + "=" + value);
  environment.insert(environment.end(), more.begin(), more.end());
  return run_program(command, environment);
}

std::string Git::run(std::vector<std::string> arguments, const Environment& more) const {
  const auto word = std::find_if(arguments.begin(), arguments.end(), [](const std::string& text) {
    return !text.starts_with('-') && text.find('=') == std::string::npos;
  });
  const auto name = word == arguments.end() ? std::string{} : " " + *word;
  auto result = start(std::move(arguments), more);
  if (result.exit_code != 0) {
    while (result.errors.ends_with('\n')) result.errors.pop_back();
    throw GitError{"git" + name + " ended with exit code " + std::to_string(result.exit_code) +
                   ": " + result.errors};
  }
  if (result.output.ends_with('\n')) result.output.pop_back();
  return std::move(result.output);
}

std::optional<std::string> Git::ask(std::vector<std::string> arguments,
                                    const Environment& more) const {
  auto result = start(std::move(arguments), more);
  if (result.exit_code != 0) return std::nullopt;
  if (result.output.ends_with('\n')) result.output.pop_back();
  return std::move(result.output);
}

std::vector<std::string> split_nul(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find('\0'), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace slipway::local::exec
