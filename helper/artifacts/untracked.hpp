#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "helper/agent/fd.hpp"

namespace slipway::helper {

/// The files of a work tree that git does not know, ignored ones included, as `git ls-files -o -z`
/// prints them.
class UntrackedFiles {
 public:
  /// Runs git in `project`. \throws std::system_error when it cannot be run at all.
  explicit UntrackedFiles(const std::filesystem::path& project);
  UntrackedFiles(const UntrackedFiles&) = delete;
  ~UntrackedFiles();

  /// Why there is no list; "" = there is one.
  const std::string& problem() const { return problem_; }
  /// Names, each ended by a NUL. Valid as long as this.
  std::string_view list() const { return {text_, size_}; }

 private:
  std::string problem_;
  Fd file_;
  const char* text_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace slipway::helper
