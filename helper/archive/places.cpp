#include "helper/archive/places.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "helper/archive/archive_error.hpp"
#include "helper/archive/clean_path.hpp"

namespace slipway::helper::archive {

Places::Places(const Root& project, std::string_view format, std::uint64_t max_depth)
    : project_{project}, format_{format}, max_depth_{max_depth} {}

void Places::fail(const std::string& name, const std::string& problem) const {
  throw ArchiveError{format_ + ": " + name.substr(0, name.find('\0')) + ": " + problem};
}

void Places::fail_outside(const std::string& path) const {
  throw ArchiveError{clean_path(project_.full(path)) + " cannot be extracted outside of chroot (" +
                     project_.path() + ")"};
}

std::string Places::path_of(const std::string& entry_name) const {
  if (entry_name.empty() || entry_name.find('\0') != std::string::npos)
    fail(entry_name, "not a file name");
  auto name = std::string_view{entry_name};
  name.remove_prefix(std::min(name.find_first_not_of('/'), name.size()));
  auto path = clean_path(name);
  if (leaves(path)) fail_outside(path);
  const auto depth = static_cast<std::uint64_t>(std::count(path.begin(), path.end(), '/')) + 1;
  if (depth > max_depth_)
    fail(entry_name, "deeper than the limit of " + std::to_string(max_depth_) + " directories");
  return path;
}

std::shared_ptr<Fd> Places::open_directory(const std::string& path, bool create) const {
  auto fd = project_.open_directory(path, create);
  if (!fd && errno == EXDEV) fail_outside(path);
  if (!fd) throw std::system_error{errno, std::generic_category(), project_.full(path)};
  return std::make_shared<Fd>(std::move(fd));
}

Places::Place Places::place_of(const std::string& entry_name, const std::string& path) {
  if (path == ".") fail(entry_name, "not a file name");
  const auto slash = path.rfind('/');
  const auto parent = slash == std::string::npos ? "." : path.substr(0, slash);
  if (!last_ || parent != last_path_) {
    last_ = open_directory(parent, true);
    last_path_ = parent;
  }
  return {last_, path.substr(slash == std::string::npos ? 0 : slash + 1)};
}

void Places::add_directory(const std::string& path, const Metadata& metadata) {
  if (path == ".") return;
  open_directory(path, true);
  directories_.emplace_back(path, metadata);
}

// What is below first: it may be out of reach afterwards.
void Places::restore_directories() {
  std::sort(directories_.begin(), directories_.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [path, metadata] : directories_) {
    const auto fd = open_directory(path, false);
    restore_directory(fd->get(), metadata, project_.full(path));
  }
}

}  // namespace slipway::helper::archive
