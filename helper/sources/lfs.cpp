#include "helper/sources/lfs.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "helper/sources/git_index.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

/// git itself reads attribute files up to 100 MiB; no real one comes near this.
constexpr std::size_t largest_file = 4u << 20;

/// Whether `lfs` stands in a file; true for one that is too large. Links are not followed where git
/// does not follow them either.
bool mentions_lfs(const fs::path& path, bool follow_links) {
  const int fd =
      ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | (follow_links ? 0 : O_NOFOLLOW));
  if (fd < 0) return false;
  struct stat status {};
  std::string text;
  if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
    text.resize(std::min(static_cast<std::size_t>(status.st_size), largest_file));
  std::size_t size = 0;
  while (size < text.size()) {
    const auto count = ::read(fd, text.data() + size, text.size() - size);
    if (count <= 0) break;
    size += static_cast<std::size_t>(count);
  }
  ::close(fd);
  text.resize(size);
  return size == largest_file || text.find("lfs") != std::string::npos;
}

}  // namespace

bool may_use_lfs(const fs::path& project_dir, std::size_t hash_size,
                 const Environment& environment) {
  const auto home = environment.find("HOME").value_or("");
  auto xdg = environment.find("XDG_CONFIG_HOME").value_or("");
  if (xdg.empty() && !home.empty()) xdg = home + "/.config";
  if (mentions_lfs("/etc/gitattributes", true) ||
      (!xdg.empty() && mentions_lfs(xdg + "/git/attributes", true)) ||
      mentions_lfs(project_dir / ".git" / "info" / "attributes", true))
    return true;
  const auto index = read_index(project_dir / ".git", hash_size);
  if (!index) return true;
  const auto& files = index->attribute_files;
  return std::any_of(files.begin(), files.end(), [&project_dir](const std::string& file) {
    return mentions_lfs(project_dir / file, false);
  });
}

bool has_lfs(const Environment& environment) {
  if (!program_path("git-lfs", environment).empty()) return true;
  Command command;
  command.arguments = {"git", "lfs", "version"};
  command.discard_output = true;
  return run(command, environment) == 0;
}

}  // namespace slipway::helper
