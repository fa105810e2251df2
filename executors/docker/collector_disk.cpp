#include "executors/docker/collector_disk.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>

namespace slipway::executors::docker {

namespace {

constexpr double default_floor_percent = 2;
constexpr std::uint64_t highest_default_floor = 2'000'000'000;
/// A floor that is no share says nothing of inodes.
constexpr double inode_floor_percent = 1;
/// Of the Engine's words in a text for users.
constexpr std::size_t longest_quote = 500;
constexpr auto containerd_root = "/var/lib/containerd";

double share(std::uint64_t used, std::uint64_t free) {
  const auto total = used + free;
  return total == 0 ? 0 : static_cast<double>(used) / static_cast<double>(total);
}

}  // namespace

double DiskSpace::used_share() const {
  return std::max(share(used, free), share(inodes_used, inodes_free));
}

std::string DiskSpace::text() const {
  auto text = fmt::format("{:.0f}% of {} used, {} free in {}", share(used, free) * 100,
                          config::format_bytes(total()), config::format_bytes(free), path);
  if (share(inodes_used, inodes_free) > share(used, free))
    text += fmt::format(", {:.0f}% of the inodes used", share(inodes_used, inodes_free) * 100);
  return text;
}

std::optional<DiskSpace> disk_space(const std::string& path) {
  struct statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0 || status.f_blocks == 0) return std::nullopt;
  DiskSpace disk;
  disk.path = path;
  const std::uint64_t block = status.f_frsize != 0 ? status.f_frsize : status.f_bsize;
  disk.used = (status.f_blocks - std::min(status.f_bfree, status.f_blocks)) * block;
  disk.free = status.f_bavail * block;
  if (status.f_files != 0) {
    disk.inodes_used = status.f_files - std::min(status.f_ffree, status.f_files);
    disk.inodes_free = status.f_favail;
  }
  return disk;
}

std::vector<std::string> local_data_roots(std::string_view host, const docker_api::Info& info) {
  std::vector<std::string> roots;
  if (!host.starts_with("unix://")) return roots;
  if (!info.root_dir.starts_with('/') || !disk_space(info.root_dir)) return roots;
  roots.push_back(info.root_dir);
  if (info.containerd_images && disk_space(containerd_root)) roots.emplace_back(containerd_root);
  return roots;
}

std::optional<DiskSpace> fullest(const std::vector<std::string>& roots) {
  std::optional<DiskSpace> worst;
  for (const auto& root : roots) {
    auto disk = disk_space(root);
    if (disk && (!worst || disk->used_share() > worst->used_share())) worst = std::move(disk);
  }
  return worst;
}

std::uint64_t floor_bytes(const DiskSpace& disk, const std::optional<config::DiskLevel>& floor) {
  if (floor) return std::min(floor->of(disk.total()), disk.total());
  return std::min(config::DiskLevel::share(default_floor_percent).of(disk.total()),
                  highest_default_floor);
}

bool below_floor(const DiskSpace& disk, const std::optional<config::DiskLevel>& floor,
                 double margin) {
  if (floor && floor->is_off()) return false;
  const auto wanted = static_cast<double>(floor_bytes(disk, floor)) * margin;
  if (static_cast<double>(disk.free) < wanted) return true;
  const auto inodes = disk.inodes_used + disk.inodes_free;
  const bool is_share = floor && floor->unit == config::DiskLevel::Unit::percent;
  const auto percent = is_share ? floor->percent : inode_floor_percent;
  return static_cast<double>(disk.inodes_free) * 100 <
         static_cast<double>(inodes) * percent * margin;
}

std::optional<std::string> disk_full_text(const docker_api::EngineError& error,
                                          const std::vector<std::string>& roots) {
  auto text = error.message();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto says = [&](std::string_view words) { return text.find(words) != std::string::npos; };
  if (!says("no space left on device") && !says("disk quota exceeded")) return std::nullopt;
  // The kernel says the same when it runs out of control groups and of watches.
  constexpr std::array others{"cgroup", "inotify", "fsnotify"};
  if (std::any_of(others.begin(), others.end(), says)) return std::nullopt;
  const auto disk = fullest(roots);
  auto quote = error.message().substr(0, longest_quote);
  std::replace(quote.begin(), quote.end(), '\n', ' ');
  return fmt::format(
      "the disk of the Docker Engine is full{}: {}. Free some space there (`docker system df` "
      "shows "
      "what takes it, `slipway gc --all` removes what jobs left), or give [slipway] a lower "
      "disk_high, so that space is made earlier",
      disk ? fmt::format(" (now {})", disk->text()) : "", quote);
}

}  // namespace slipway::executors::docker
