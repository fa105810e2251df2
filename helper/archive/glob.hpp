#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::helper::archive {

/// One pattern of `paths` or `exclude`, as GitLab documents them: `*` and `?` (never a `/`),
/// `[set]`, `[^set]`, `[!set]`, `**` as a whole component for any number of directories, `\` takes
/// the meaning from the next character; a leading dot is nothing special. Braces are gone here: see
/// expand_braces(). A character is a UTF-8 sequence, or a byte where there is none.
class Glob {
 public:
  /// Which parts of the pattern may come next, one bit each; 0 when nothing below can match.
  using State = std::uint64_t;

  /// `pattern` is a clean relative path. \throws ArchiveError (bad pattern)
  explicit Glob(std::string_view pattern);

  /// The leading components without wildcards, unescaped, joined by `/`; `.` if there are none.
  const std::string& prefix() const { return prefix_; }
  bool has_wildcard() const { return !parts_.empty(); }
  /// For walking down from prefix(): the state there, after one more component, and whether the
  /// path so far matches the whole pattern.
  State start() const { return closure(1); }
  State step(State state, std::string_view name) const;
  bool matched(State state) const { return (state >> parts_.size()) & 1; }

  /// Whether the whole clean relative path matches.
  bool matches(std::string_view path) const;

 private:
  State closure(State state) const;

  std::string prefix_;
  std::vector<std::string> parts_;  ///< from the first one with a wildcard on
};

/// `a{b,c{d,e}}` → `ab`, `acd`, `ace`. \throws ArchiveError (unbalanced, too many alternatives)
std::vector<std::string> expand_braces(std::string_view pattern);

}  // namespace slipway::helper::archive
