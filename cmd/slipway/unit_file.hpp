#pragma once

#include <string>
#include <vector>

namespace slipway::cmd {

/// What a systemd unit of the daemon differs by.
struct UnitOptions {
  std::string name = "slipway";  ///< of the service
  std::string program = "/usr/bin/slipway";
  std::string config_file = "/etc/slipway/config.toml";
  std::string working_directory = "/var/lib/slipway";
  std::string user;           ///< that shell jobs run as; "" = none
  std::string init_user;      ///< that the daemon runs as; "" = root, or the user's own
  bool user_service = false;  ///< of `systemctl --user`
  bool hardened = false;  ///< for the Docker executor: jobs of the shell executor suffer from it
};

/// The unit: it tells systemd when it is ready, feeds the watchdog, reloads on SIGHUP, and drains
/// on stop. packaging/slipway.service is the hardened one with these defaults.
std::string unit_text(const UnitOptions& options);

}  // namespace slipway::cmd
