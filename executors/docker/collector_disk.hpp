#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/disk_level.hpp"
#include "docker_api/error.hpp"
#include "docker_api/types.hpp"

namespace slipway::executors::docker {

/// How full a filesystem is, as `df` counts: what is reserved for root is neither used nor free.
struct DiskSpace {
  std::string path;        ///< the directory that was asked for
  std::uint64_t used = 0;  ///< bytes
  std::uint64_t free = 0;  ///< bytes, for those who are not root
  std::uint64_t inodes_used = 0;
  std::uint64_t inodes_free = 0;  ///< both 0 where the filesystem has no fixed number of them

  std::uint64_t total() const { return used + free; }
  /// 0 to 1, of the scarcer of bytes and inodes.
  double used_share() const;
  /// `97% of 2.0 GB used, 60 MB free in /var/lib/docker`.
  std::string text() const;
};

/// nullopt where the directory cannot be reached. Source: statvfs(3).
std::optional<DiskSpace> disk_space(const std::string& path);

/// The directories on this machine that hold the Engine's data: none when the Engine is remote, or
/// in a machine of its own. \param host  its address, as in DOCKER_HOST.
std::vector<std::string> local_data_roots(std::string_view host, const docker_api::Info& info);

/// The fullest of them; nullopt if there is none.
std::optional<DiskSpace> fullest(const std::vector<std::string>& roots);

/// The free space below which no jobs are taken: what `floor` says; unset: 2 %, but at most 2 GB; 0
/// when off.
std::uint64_t floor_bytes(const DiskSpace& disk, const std::optional<config::DiskLevel>& floor);
/// True when less is free, or hardly any inodes are; `margin` asks for that much more, as a factor.
bool below_floor(const DiskSpace& disk, const std::optional<config::DiskLevel>& floor,
                 double margin = 1);
/// There is room again only when so many times the floor is free.
inline constexpr double floor_margin = 1.25;

/// What to tell a job's user when the Engine refused for want of space; nullopt for any other
/// refusal. One line, for job::FailureReason::runner_system_failure. \param roots  of
/// local_data_roots(): how full they are now becomes part of the text.
std::optional<std::string> disk_full_text(const docker_api::EngineError& error,
                                          const std::vector<std::string>& roots);

}  // namespace slipway::executors::docker
