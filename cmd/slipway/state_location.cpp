#include "cmd/slipway/state_location.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace slipway::cmd {

std::filesystem::path state_location(const config::Config& config, const config::Paths& paths,
                                     const std::filesystem::path& config_path) {
  if (!config.slipway.state_dir.empty()) return config.slipway.state_dir;
  if (config_path == std::filesystem::absolute(paths.config_file)) return paths.state_dir;
  return config_path.parent_path() / "state";
}

DaemonState daemon_state(const std::filesystem::path& state_dir) {
  const auto path = state_dir / "lock";
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    if (errno == ENOENT) return DaemonState::never_ran;
    throw std::runtime_error{fmt::format(
        "cannot look into the state directory {}: {}; ask as the user that runs the service",
        state_dir.string(), std::strerror(errno))};
  }
  // Held for no longer than this call: a daemon that starts meanwhile tries for a while.
  const bool free = ::flock(file, LOCK_SH | LOCK_NB) == 0;
  const int problem = errno;
  ::close(file);
  if (free) return DaemonState::stopped;
  if (problem == EWOULDBLOCK) return DaemonState::running;
  throw std::runtime_error{
      fmt::format("cannot look at the lock {}: {}", path.string(), std::strerror(problem))};
}

}  // namespace slipway::cmd
