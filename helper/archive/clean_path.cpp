#include "helper/archive/clean_path.hpp"

#include <cstddef>

namespace slipway::helper::archive {

std::string clean_path(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::string clean = absolute ? "/" : "";
  const std::size_t root = clean.size();
  std::size_t kept = root;  // what `..` may not take back ends here
  while (!path.empty()) {
    const auto end = path.find('/');
    const auto part = path.substr(0, end);
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    if (part.empty() || part == ".") continue;
    if (part == ".." && clean.size() > kept) {
      const auto slash = clean.rfind('/');
      clean.resize(slash == std::string::npos || slash < root ? root : slash);
      continue;
    }
    if (part == ".." && absolute) continue;
    if (clean.size() > root) clean += '/';
    clean += part;
    if (part == "..") kept = clean.size();
  }
  return clean.empty() ? "." : clean;
}

bool leaves(std::string_view clean) {
  return clean == ".." || clean.starts_with("../");
}

std::string relative_to(std::string_view root, std::string_view path) {
  if (!path.starts_with('/')) return clean_path(path);
  const auto clean = clean_path(path);
  if (clean == root) return ".";
  if (root == "/") return clean.substr(1);
  if (clean.starts_with(root) && clean[root.size()] == '/') return clean.substr(root.size() + 1);
  return "../" + clean.substr(1);
}

}  // namespace slipway::helper::archive
