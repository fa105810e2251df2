#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "helper/agent/fd.hpp"
#include "helper/artifacts/upload.hpp"
#include "helper/commands/command_line.hpp"
#include "helper/commands/commands.hpp"
#include "helper/log.hpp"

extern char** environ;

namespace slipway::helper {

namespace {

using namespace std::chrono_literals;

constexpr std::array options{Option{"port", Option::Kind::list, "", 'p'}};
constexpr auto pause = 1s;
constexpr int dial_limit_ms = 5000;

/// Where to look, and whether one of the ports is enough.
struct Targets {
  std::string address;
  std::vector<std::string> ports;
  bool any = false;
};

/// Of the services that are linked: Docker names their address and ports so.
Targets linked_targets() {
  Targets targets;
  targets.any = true;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = text.substr(0, equals);
    const std::string value{text.substr(equals + 1)};
    if (name.ends_with("_TCP_ADDR")) targets.address = value;
    if (name.ends_with("_TCP_PORT")) targets.ports.push_back(value);
  }
  return targets;
}

bool connects(const addrinfo& place) {
  const Fd socket{::socket(place.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket) return false;
  if (::connect(socket.get(), place.ai_addr, place.ai_addrlen) == 0) return true;
  if (errno != EINPROGRESS) return false;
  pollfd ready{socket.get(), POLLOUT, 0};
  if (::poll(&ready, 1, dial_limit_ms) != 1) return false;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

bool dial(const std::string& address, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), port.c_str(), &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> places{found, &::freeaddrinfo};
  for (const auto* place = places.get(); place != nullptr; place = place->ai_next)
    if (connects(*place)) return true;
  return false;
}

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

/// One round; true when nothing is left to wait for.
bool try_all(Targets& targets) {
  std::vector<std::string> left;
  for (const auto& port : targets.ports) {
    say(fmt::format("dialing {}:{}...", targets.address, port));
    if (!dial(targets.address, port)) {
      left.push_back(port);
    } else if (targets.any || (left.empty() && &port == &targets.ports.back())) {
      say(fmt::format("dial succeeded on {}:{}. Exiting...", targets.address, port));
      return true;
    }
  }
  targets.ports = std::move(left);
  return targets.ports.empty();
}

}  // namespace

int health_check_command(Words words) {
  const CommandLine line{options, words, environment_lookup()};
  auto targets = Targets{"localhost", line.list("port"), false};
  if (targets.ports.empty()) targets = linked_targets();
  if (targets.address.empty() || targets.ports.empty()) {
    log(LogLevel::fatal, "No HOST or PORT found");
    return 1;
  }
  say(fmt::format("waiting for TCP connection to {} on [{}]...", targets.address,
                  fmt::join(targets.ports, " ")));
  while (!try_all(targets)) std::this_thread::sleep_for(pause);
  return 0;
}

}  // namespace slipway::helper
