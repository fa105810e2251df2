#include "runner/service_manager.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "service_fixture.hpp"

namespace slipway::runner {
namespace {

using testing::HasSubstr;

/// A socket as systemd has it.
class Manager {
 public:
  explicit Manager(const std::string& path) : file_{::socket(AF_UNIX, SOCK_DGRAM, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    EXPECT_EQ(::bind(file_, reinterpret_cast<const sockaddr*>(&address), length), 0);
  }
  Manager(const Manager&) = delete;
  ~Manager() { ::close(file_); }

  /// "" when nothing was told.
  std::string next() const {
    char buffer[4096];
    const auto got = ::recv(file_, buffer, sizeof buffer, MSG_DONTWAIT);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : "";
  }
  std::string all() const {
    std::string text;
    for (auto one = next(); !one.empty(); one = next()) text += one + "\n";
    return text;
  }

 private:
  int file_;
};

TEST(ServiceManager, IsTakenFromTheEnvironmentAndRemovedFromIt) {
  ::setenv("NOTIFY_SOCKET", "/run/x", 1);
  ::setenv("WATCHDOG_USEC", "90000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  const auto manager = ServiceManager::of_environment();
  EXPECT_TRUE(manager.present());
  EXPECT_EQ(manager.watchdog(), std::chrono::seconds{90});
  for (const auto* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
    EXPECT_EQ(std::getenv(name), nullptr) << name;
  EXPECT_FALSE(ServiceManager::of_environment().present());
}

TEST(ServiceManager, WhatIsNotForThisProcessIsIgnored) {
  ::setenv("WATCHDOG_USEC", "1000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(ServiceManager::of_environment().watchdog().count(), 0);
  ::setenv("NOTIFY_SOCKET", "relative", 1);
  EXPECT_FALSE(ServiceManager::of_environment().present());
  ::setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
  EXPECT_FALSE(ServiceManager::of_environment().present());
}

TEST(ServiceManager, TellsAnAbstractSocketAndAFile) {
  const TempDir dir;
  for (const auto& path :
       {"@slipway-test-" + std::to_string(::getpid()), (dir.path() / "notify").string()}) {
    const Manager systemd{path};
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    const auto manager = ServiceManager::of_environment();
    manager.tell("READY=1");
    EXPECT_EQ(systemd.next(), "READY=1");
  }
  ::setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
  ServiceManager::of_environment().tell("READY=1");
  ServiceManager{}.tell("READY=1");
}

class Notify : public ServiceTest {};

TEST_F(Notify, TheServiceTellsItsStatesAndFeedsTheWatchdog) {
  const auto path = (dir.path() / "notify").string();
  const Manager systemd{path};
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  ::setenv("WATCHDOG_USEC", "300000", 1);
  options.manager = ServiceManager::of_environment();
  add_runner();
  const auto test = [](Notify& f) -> asio::awaitable<void> {
    co_await f.requests_made(1);
    co_await util::sleep_for(500ms);
  };
  run_service<Notify>(test);
  const auto told = systemd.all();
  EXPECT_THAT(told, testing::StartsWith("READY=1\nSTATUS="));
  EXPECT_THAT(told, HasSubstr("0 jobs, 1 runners"));
  EXPECT_THAT(told, HasSubstr("WATCHDOG=1\n"));
  EXPECT_THAT(told, HasSubstr("STOPPING=1\n"));
}

}  // namespace
}  // namespace slipway::runner
