#include "helper/sources/repository.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>

#include "helper/sources/files.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

/// git collects at more than 27 in this one of 256 folders, and at more than 50 packs.
constexpr const char* sampled_folder = "objects/17";
constexpr int few_loose_objects = 20;
constexpr int few_packs = 40;

/// What git knows of an existing `.git` by its HEAD: a reference or a commit.
bool has_valid_head(const fs::path& git_dir) {
  const auto head = git_dir / "HEAD";
  if (!fs::is_regular_file(fs::symlink_status(head))) return false;
  std::array<char, 64> begin{};
  std::ifstream{head, std::ios::binary}.read(begin.data(), begin.size());
  const std::string_view text{begin.data(), begin.size()};
  return text.starts_with("ref: refs/") ||
         text.find_first_not_of("0123456789abcdef") >= std::size_t{40};
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

/// Whether the file system keeps the execute bit of `file`.
bool keeps_execute_bit(const fs::path& file) {
  struct stat before {};
  struct stat after {};
  if (::lstat(file.c_str(), &before) != 0) return true;
  const auto mode = before.st_mode & 07777;
  const bool kept = ::chmod(file.c_str(), mode ^ S_IXUSR) == 0 &&
                    ::lstat(file.c_str(), &after) == 0 && before.st_mode != after.st_mode;
  return ::chmod(file.c_str(), mode) == 0 && kept;
}

bool takes_links(const fs::path& git_dir) {
  const auto probe = git_dir / "link-probe";
  std::error_code error;
  fs::create_symlink("nowhere", probe, error);
  const bool made = !error && fs::is_symlink(probe);
  fs::remove(probe, error);
  return made;
}

std::string core_section(const fs::path& git_dir) {
  const auto flag = [](bool value) { return value ? "true\n" : "false\n"; };
  std::string text = "[core]\n\trepositoryformatversion = 0\n\tfilemode = ";
  text += flag(keeps_execute_bit(git_dir / "config"));
  text += "\tbare = false\n\tlogallrefupdates = true\n";
  if (!takes_links(git_dir)) text += "\tsymlinks = false\n";
  if (is_there(git_dir / "CoNfIg")) text += "\tignorecase = true\n";
  return text;
}

int count_files(const fs::path& directory, std::string_view ending) {
  int count = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{directory, error})
    if (entry.path().native().ends_with(ending)) ++count;
  return count;
}

}  // namespace

bool is_repository(const fs::path& git_dir) {
  return is_real_directory(git_dir) && is_real_directory(git_dir / "objects") &&
         is_real_directory(git_dir / "refs") && has_valid_head(git_dir);
}

bool initialize_repository(const fs::path& project_dir, std::string_view config,
                           const Environment& environment, const OuterConfig& outer) {
  for (const auto* name : {"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
                           "GIT_DEFAULT_HASH", "GIT_DEFAULT_REF_FORMAT"})
    if (!environment.find(name).value_or("").empty()) return false;
  // [init], core.sharedRepository, core.worktree and whatever else is about [core].
  if (outer.may_mention("[init") || outer.may_mention("[core")) return false;
  const auto git_dir = project_dir / ".git";
  const bool known = is_there(git_dir);
  if (known &&
      (!is_repository(git_dir) || is_there(git_dir / "config") || is_there(git_dir / "reftable")))
    return false;
  for (const auto* name : {"objects/info", "objects/pack", "refs/heads", "refs/tags"})
    fs::create_directories(git_dir / name);
  write_shared_file(git_dir / "config", config);
  append_to_file(git_dir / "config", core_section(git_dir));
  if (!known) write_shared_file(git_dir / "HEAD", "ref: refs/heads/none\n");
  print((known ? "Reinitialized existing" : "Initialized empty") +
        std::string{" Git repository in "} + fs::canonical(git_dir).string() + "/\n");
  return true;
}

bool may_need_collection(const fs::path& git_dir) {
  return count_files(git_dir / sampled_folder, "") > few_loose_objects ||
         count_files(git_dir / "objects" / "pack", ".pack") > few_packs;
}

}  // namespace slipway::helper
