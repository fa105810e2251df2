#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "util/asio_fwd.hpp"

namespace slipway::demo {

/// A program of this host, its output in a file, its stdin empty. It leads a process group of its
/// own, so that ^C reaches it only through us, and gets TERM should we die. Destruction kills and
/// reaps it.
class Child {
 public:
  /// \param arguments    the program's path first.
  /// \param environment  `NAME=value`; nothing is added.
  /// \throws std::system_error. A program that cannot be run ends with 127 and says why in
  /// `output`.
  Child(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
        const std::filesystem::path& output);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  /// Its exit code, or 128 + signal; nullopt while it runs.
  std::optional<int> poll();
  /// Waits for its end. Cancellation: any kind; it runs on.
  asio::awaitable<int> wait();
  /// Sends `signal`, and KILL after `grace`. Returns its exit code. Cancellation: any kind.
  asio::awaitable<int> end(int signal, std::chrono::milliseconds grace);

 private:
  void send(int signal) const;

  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

/// The variables of this process that are named, as they are; those not set are left out.
std::vector<std::string> inherit(const std::vector<std::string>& names);

}  // namespace slipway::demo
