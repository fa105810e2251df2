#include "executors/shell/account.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace slipway::executors::shell {

namespace {

/// A login shell that counts itself as the first one clears the console when it ends, by Debian's
/// ~/.bash_logout, and fails where there is none.
constexpr auto first_shell = "SHLVL=1";
constexpr auto login_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

constexpr std::array<std::string_view, 18> kept{
    "LANG",      "LANGUAGE",  "TZ",           "TERM",          "HTTP_PROXY",  "HTTPS_PROXY",
    "FTP_PROXY", "ALL_PROXY", "NO_PROXY",     "http_proxy",    "https_proxy", "ftp_proxy",
    "all_proxy", "no_proxy",  "SSL_CERT_DIR", "SSL_CERT_FILE", "DOCKER_HOST", "TMPDIR"};

/// systemd's own, and what `register` and `run-single` take tokens from.
constexpr std::array<std::string_view, 9> never_passed_on{
    "NOTIFY_SOCKET",  "WATCHDOG_PID",    "WATCHDOG_USEC",      "LISTEN_FDS",           "LISTEN_PID",
    "LISTEN_FDNAMES", "CI_SERVER_TOKEN", "REGISTRATION_TOKEN", "CREDENTIALS_DIRECTORY"};

std::string_view name_of(std::string_view entry) {
  return entry.substr(0, entry.find('='));
}

std::vector<gid_t> groups_of(const std::string& name, gid_t primary) {
  std::vector<gid_t> groups(32);
  for (;;) {
    int count = static_cast<int>(groups.size());
    if (::getgrouplist(name.c_str(), primary, groups.data(), &count) >= 0) {
      groups.resize(static_cast<std::size_t>(count));
      return groups;
    }
    groups.resize(std::max<std::size_t>(static_cast<std::size_t>(count), groups.size() * 2));
  }
}

}  // namespace

std::optional<Account> find_account(const std::string& name) {
  std::vector<char> buffer(4096);
  passwd entry{};
  passwd* found = nullptr;
  int error = 0;
  do {
    error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) buffer.resize(buffer.size() * 2);
  } while (error == ERANGE || error == EINTR);
  if (found == nullptr) {
    // Some of these are how a missing user is said.
    if (error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM)
      return std::nullopt;
    throw std::system_error{error, std::generic_category(), "looking up the user " + name};
  }
  Account account;
  account.name = entry.pw_name;
  account.uid = entry.pw_uid;
  account.gid = entry.pw_gid;
  account.home = entry.pw_dir;
  account.shell = entry.pw_shell;
  account.groups = groups_of(account.name, account.gid);
  return account;
}

std::string account_problem(const std::string& user) {
  if (user.empty()) return "";
  try {
    const auto account = find_account(user);
    if (!account) return fmt::format("there is no user \"{}\" on this machine", user);
    if (account->uid != ::geteuid() && ::geteuid() != 0)
      return fmt::format("only root can run jobs as another user (\"{}\")", user);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

std::vector<std::string> login_environment(const Account& account,
                                           const std::vector<std::string>& ours) {
  std::vector<std::string> result{
      "HOME=" + account.home,
      "USER=" + account.name,
      "LOGNAME=" + account.name,
      "SHELL=" + (account.shell.empty() ? std::string{"/bin/sh"} : account.shell),
      std::string{"PATH="} + login_path,
      first_shell};
  for (const auto& entry : ours) {
    const auto name = name_of(entry);
    if (name.starts_with("LC_") || std::ranges::find(kept, name) != kept.end())
      result.push_back(entry);
  }
  return result;
}

std::vector<std::string> inherited_environment(const std::vector<std::string>& ours) {
  std::vector<std::string> result;
  for (const auto& entry : ours)
    if (std::ranges::find(never_passed_on, name_of(entry)) == never_passed_on.end())
      result.push_back(entry);
  const auto counts = [](const std::string& entry) { return name_of(entry) == "SHLVL"; };
  if (std::ranges::none_of(result, counts)) result.emplace_back(first_shell);
  return result;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    result.emplace_back(*entry);
  return result;
}

}  // namespace slipway::executors::shell
