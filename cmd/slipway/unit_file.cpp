#include "cmd/slipway/unit_file.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace slipway::cmd {

namespace {

/// systemd reads `%` and `"` and `\` in a command line.
std::string quoted(const std::string& word) {
  std::string out = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '%' || c == '$') out += c;
    out += c;
  }
  return out + "\"";
}

std::string command_line(const UnitOptions& options) {
  std::vector<std::string> words{"run",
                                 "--config",
                                 options.config_file,
                                 "--working-directory",
                                 options.working_directory,
                                 "--service",
                                 options.name};
  if (!options.user.empty()) words.insert(words.end(), {"--user", options.user});
  auto line = options.program;
  for (const auto& word : words) line += " " + quoted(word);
  return line;
}

constexpr auto stop_text =
    "# A stop lets the running jobs finish: SIGQUIT drains, and goes to the daemon alone. SIGTERM\n"
    "# would abort them, or leave them to the next process (on_stop in [slipway]).\n"
    "KillSignal=SIGQUIT\n"
    "KillMode=mixed\n"
    "TimeoutStopSec=7200\n"
    "# After `slipway drain` it stays away. Jobs run on meanwhile; their agents wait for the next\n"
    "# process.\n"
    "Restart=on-failure\n"
    "RestartSec=5\n";

constexpr auto hardening =
    "\n"
    "# What needs the host happens in the Engine. For runners with executor = \"shell\" see\n"
    "# /usr/share/doc/slipway/examples/shell-executor.conf.\n"
    "ProtectSystem=strict\n"
    "ProtectHome=read-only\n"
    "PrivateTmp=yes\n"
    "PrivateDevices=yes\n"
    "ProtectClock=yes\n"
    "ProtectControlGroups=yes\n"
    "ProtectHostname=yes\n"
    "ProtectKernelLogs=yes\n"
    "ProtectKernelModules=yes\n"
    "ProtectKernelTunables=yes\n"
    "ProtectProc=invisible\n"
    "LockPersonality=yes\n"
    "MemoryDenyWriteExecute=yes\n"
    "NoNewPrivileges=yes\n"
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n"
    "RestrictNamespaces=yes\n"
    "RestrictRealtime=yes\n"
    "RestrictSUIDSGID=yes\n"
    "SystemCallArchitectures=native\n"
    "SystemCallFilter=@system-service\n"
    "CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER\n"
    "UMask=0077\n";

}  // namespace

std::string unit_text(const UnitOptions& options) {
  std::string out =
      "[Unit]\nDescription=slipway, a runner for GitLab CI\nDocumentation=man:slipway(1)\n";
  out += fmt::format("ConditionFileIsExecutable={}\n", options.program);
  if (!options.user_service)
    out += "Wants=network-online.target\nAfter=network-online.target docker.service\n";
  out +=
      "StartLimitIntervalSec=60\nStartLimitBurst=10\n\n[Service]\nType=notify\n"
      "NotifyAccess=main\n";
  out += fmt::format("ExecStart={}\n", command_line(options));
  out +=
      "ExecReload=/bin/kill -HUP $MAINPID\n"
      "# Fed as long as requests for jobs make progress and pings of the Engine come back.\n"
      "WatchdogSec=90\n";
  out += stop_text;
  if (!options.init_user.empty()) out += fmt::format("User={}\n", options.init_user);
  if (!options.user_service) {
    out +=
        "# When memory runs out, a job's process goes first.\nOOMScoreAdjust=-500\n"
        "# The id of its objects, its lock, the journals and logs of jobs.\n"
        "StateDirectory=slipway\nStateDirectoryMode=0700\n";
    out += fmt::format("EnvironmentFile=-/etc/default/{}\n", options.name);
    out += fmt::format("EnvironmentFile=-/etc/sysconfig/{}\n", options.name);
  }
  if (options.hardened) {
    const auto directory = std::filesystem::path{options.config_file}.parent_path().string();
    out += hardening;
    out += fmt::format("ReadWritePaths=-{}\n", directory);
  }
  out += fmt::format("\n[Install]\nWantedBy={}\n",
                     options.user_service ? "default.target" : "multi-user.target");
  return out;
}

}  // namespace slipway::cmd
