#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace slipway::executors::shell {

/// A user of this machine, as login programs see one.
struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
  std::string shell;
  std::vector<gid_t> groups;  ///< all of them, the primary one too
};

/// By name; nullopt: there is none. May block: the machine's directory of users is asked.
/// \throws std::runtime_error: it cannot be asked.
std::optional<Account> find_account(const std::string& name);

/// Why jobs cannot run as `user` here, for the operator; "" = they can. `user` "" is this
/// process's.
std::string account_problem(const std::string& user);

/// The environment of a login as `account`: who it is, the usual PATH, and of `ours` (`NAME=value`)
/// what says how this machine speaks and reaches the network: locale, time zone, proxies, trust.
/// Pure.
std::vector<std::string> login_environment(const Account& account,
                                           const std::vector<std::string>& ours);

/// `ours` for jobs that run as the daemon's own user: without what is the daemon's alone, its
/// tokens and its connection to systemd. Pure.
std::vector<std::string> inherited_environment(const std::vector<std::string>& ours);

/// This process's environment.
std::vector<std::string> own_environment();

}  // namespace slipway::executors::shell
