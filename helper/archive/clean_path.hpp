#pragma once

#include <string>
#include <string_view>

namespace slipway::helper::archive {

/// The shortest path that means the same as text: no empty or `.` components, `..` taken back where
/// a component precedes it. Relative: `.` for nothing left, leading `..` stay. Absolute (`/…`):
/// `..` at the root is dropped.
std::string clean_path(std::string_view path);

/// True for `..` and for what begins with `../`. `clean` is a clean relative path.
bool leaves(std::string_view clean);

/// What `path` (relative to `root`, or absolute) is called from `root`, an absolute clean path;
/// not always below it (see leaves()).
std::string relative_to(std::string_view root, std::string_view path);

}  // namespace slipway::helper::archive
