#include "helper/sources/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

/// `chmod -R u+rwX` for the directories below `path`: all that removal needs.
void open_up(const fs::path& path) {
  std::error_code ignored;
  fs::permissions(path, fs::perms::owner_all, fs::perm_options::add, ignored);
  for (const auto& entry : fs::directory_iterator{path, ignored})
    if (is_real_directory(entry.path())) open_up(entry.path());
}

void write_and_close(int fd, std::string_view text, const fs::path& path) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      ::close(fd);
      throw std::system_error{error, std::generic_category(), path.string()};
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::close(fd) != 0) throw std::system_error{errno, std::generic_category(), path.string()};
}

mode_t umask_now() {
  const auto mask = ::umask(0);
  ::umask(mask);
  return mask;
}

void replace_file(const fs::path& path, std::string_view text, mode_t mode) {
  remove_tree(path);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0) throw std::system_error{errno, std::generic_category(), path.string()};
  write_and_close(fd, text, path);
}

}  // namespace

bool is_real_directory(const fs::path& path) {
  return fs::is_directory(fs::symlink_status(path));
}

bool is_file_name(const std::string& text) {
  return !text.empty() && text != "." && text != ".." && text.find('/') == std::string::npos &&
         text.find('\0') == std::string::npos;
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error == std::errc::permission_denied && is_real_directory(path)) {
    open_up(path);
    error.clear();
    fs::remove_all(path, error);
  }
  if (!error) return;
  if (error == std::errc::device_or_resource_busy && is_real_directory(path)) {
    for (const auto& entry : fs::directory_iterator{path}) remove_tree(entry.path());
    return;
  }
  throw fs::filesystem_error{"cannot remove", path, error};
}

void make_directory(const fs::path& path) {
  if (is_real_directory(path)) return;
  fs::remove(path);
  fs::create_directories(path);
}

void write_fresh_file(const fs::path& path, std::string_view text) {
  replace_file(path, text, umask_now() == 0 ? 0644 : 0600);
}

void write_shared_file(const fs::path& path, std::string_view text, bool is_private) {
  replace_file(path, text, is_private && umask_now() != 0 ? 0600 : 0666);
}

void append_to_file(const fs::path& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) throw std::system_error{errno, std::generic_category(), path.string()};
  write_and_close(fd, text, path);
}

}  // namespace slipway::helper
