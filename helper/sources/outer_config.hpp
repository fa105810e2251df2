#pragma once

#include <string>
#include <string_view>

#include "helper/sources/process.hpp"

namespace slipway::helper {

/// What git's configuration outside of the repository (system, user, environment) says, as far as
/// it can be told without asking git. Serves to leave out processes that would do nothing; in doubt
/// the answer is the one that leaves nothing out.
class OuterConfig {
 public:
  /// Reads what git would read with that environment. Never throws for a file that cannot be read.
  explicit OuterConfig(const Environment& environment);

  /// Whether `word` (lower case) may stand anywhere in it. True where it cannot be told: an
  /// unusual git, or files that include others.
  bool may_mention(std::string_view word) const;

 private:
  void add_file(const std::string& path);

  bool known_ = true;
  std::string text_;  ///< of all of it, lower case
};

}  // namespace slipway::helper
