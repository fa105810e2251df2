#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "local/child_process.hpp"
#include "local/repository.hpp"

namespace slipway::local::exec {

/// git as the user of a work tree would run it: with their configuration, but without questions and
/// without refreshing the index. Every call blocks until git has ended.
class Git {
 public:
  explicit Git(std::filesystem::path directory) : directory_{std::move(directory)} {}

  const std::filesystem::path& directory() const { return directory_; }

  /// What git printed, without the last newline. \throws GitError unless it ends with 0.
  std::string run(std::vector<std::string> arguments, const Environment& more = {}) const;
  /// Absent unless git ends with 0.
  std::optional<std::string> ask(std::vector<std::string> arguments,
                                 const Environment& more = {}) const;

 private:
  Finished start(std::vector<std::string> arguments, const Environment& more) const;

  std::filesystem::path directory_;
};

/// Cuts what `-z` separates; the last part may end without a NUL.
std::vector<std::string> split_nul(std::string_view text);

}  // namespace slipway::local::exec
