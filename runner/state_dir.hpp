#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::runner {

/// Another process works with the state directory.
struct StateDirInUse : std::runtime_error {
  using runtime_error::runtime_error;
};

/// The daemon's own directory: its id (what labels "ours" on an Engine), the lock that keeps a
/// second daemon off, and a directory for each job that is not over (journal.hpp). Mode 0700; files
/// 0600.
class StateDir {
 public:
  /// Makes and locks it. \throws StateDirInUse; std::runtime_error naming the directory: not
  /// writable.
  explicit StateDir(std::filesystem::path path);
  StateDir(const StateDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Random, drawn once per directory: value of the label io.slipway.state.
  const std::string& id() const { return id_; }
  /// Where a job's journal goes; its name, which nothing has yet, is the job's key.
  std::filesystem::path new_job(std::string_view runner, std::int64_t job) const;
  /// The directories of jobs that are there. \throws std::runtime_error naming the directory.
  std::vector<std::filesystem::path> jobs() const;

 private:
  /// Lets go of the directory even when the constructor fails after taking it.
  struct Lock {
    Lock() = default;
    Lock(const Lock&) = delete;
    ~Lock();
    int file = -1;
  };

  void lock();
  void load_id();

  std::filesystem::path path_;
  std::string id_;
  Lock lock_;
};

/// 2 × `bytes` random hex digits.
std::string random_hex(std::size_t bytes);

}  // namespace slipway::runner
