#include "runner/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace slipway::runner {

namespace {

std::string taken_variable(const char* name) {
  const auto* value = std::getenv(name);
  std::string text = value ? value : "";
  ::unsetenv(name);
  return text;
}

std::optional<long long> number(const std::string& text) {
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

ServiceManager ServiceManager::of_environment() {
  ServiceManager manager;
  manager.address_ = taken_variable("NOTIFY_SOCKET");
  const auto limit = number(taken_variable("WATCHDOG_USEC"));
  const auto process = number(taken_variable("WATCHDOG_PID"));
  const bool usable = manager.address_.starts_with('/') || manager.address_.starts_with('@');
  if (!usable || manager.address_.size() >= sizeof(sockaddr_un::sun_path)) manager.address_.clear();
  if (limit && *limit > 0 && (!process || *process == ::getpid()))
    manager.watchdog_ =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::microseconds{*limit});
  return manager;
}

void ServiceManager::tell(std::string_view lines) const {
  if (!present()) return;
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, address_.data(), address_.size());
  if (address_.starts_with('@')) address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  // A manager that is being restarted loses a line; the next one comes soon.
  [[maybe_unused]] const auto sent = ::sendto(socket, lines.data(), lines.size(), MSG_NOSIGNAL,
                                              reinterpret_cast<const sockaddr*>(&address), length);
  ::close(socket);
}

}  // namespace slipway::runner
