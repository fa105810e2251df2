#pragma once

#include <functional>
#include <string>

#include "config/config.hpp"

namespace slipway::config {

/// Who runs the program, and under which name.
struct Identity {
  std::string program;  ///< base name of argv[0]: `slipway`, or `gitlab-runner` for every path of
                        ///< GitLab Runner
  unsigned uid = 0;
  std::string home;  ///< "" = none

  /// Of this process. \param argv0  a path or a name.
  static Identity current(const std::string& argv0);
};

/// Where things are when nothing says otherwise.
struct Paths {
  std::string config_file;
  std::string certs_dir;  ///< `certs` beside the default config file
  std::string state_dir;  ///< /var/lib/slipway, or beside a user's config
};
Paths default_paths(const Identity& identity);

/// What to tell a user whose own file is missing while GitLab Runner's is there; "" when that is
/// not so. \param exists  whether there is a file of that name.
std::string foreign_config_hint(const Identity& identity,
                                const std::function<bool(const std::string&)>& exists);

/// The TLS files for a runner: what it is configured with, else `<host>.crt`, `<host>.auth.crt` and
/// `<host>.auth.key` in `certs_dir` where they exist; "" = none.
struct TlsPaths {
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
};
TlsPaths tls_paths(const Runner& runner, const std::string& certs_dir,
                   const std::function<bool(const std::string&)>& exists);

/// Whether there is a file of that name: for the parameters above.
bool file_exists(const std::string& path);

}  // namespace slipway::config
