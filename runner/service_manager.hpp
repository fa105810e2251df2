#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace slipway::runner {

/// The service manager that started this process, told of its states by datagrams to a Unix socket.
/// Protocol: sd_notify(3), sd_watchdog_enabled(3) of systemd. One that is not there, or does not
/// listen, makes no difference.
class ServiceManager {
 public:
  /// None.
  ServiceManager() = default;
  /// That of NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which are removed from the environment:
  /// what this process starts is not its main process.
  static ServiceManager of_environment();

  bool present() const { return !address_.empty(); }
  /// How long the manager waits for `WATCHDOG=1` before it ends the process; 0 = for ever.
  std::chrono::milliseconds watchdog() const { return watchdog_; }

  /// Lines such as `READY=1`, `STATUS=…`. Never blocks.
  void tell(std::string_view lines) const;

 private:
  std::string address_;  ///< path of the socket, or `@` and an abstract name
  std::chrono::milliseconds watchdog_{0};
};

}  // namespace slipway::runner
