#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/variables.hpp"
#include "local/ci/expression.hpp"

namespace slipway::local::ci {

/// Looks variables up in a list, the last entry of a key wins. The list must outlive it.
class ListLookup final : public VariableLookup {
 public:
  explicit ListLookup(const job::Variables& list) : list_{list} {}
  std::optional<std::string> find(std::string_view name) const override { return list_.find(name); }

 private:
  const job::Variables& list_;
};

enum class Undefined { keep, remove };

/// Replaces `$NAME`, `${NAME}` and `%NAME%` as GitLab (not the runner) does: once, `$$` and `%%`
/// stay as they are. The result is cut off by an error past 1 MiB. \throws std::length_error.
std::string expand_references(std::string_view text, const VariableLookup& variables,
                              Undefined undefined);

/// GitLab's expansion of all variables before it sends them: references to other variables are
/// resolved, however deep; undefined ones, those to file variables and to raw ones (`expand:
/// false`) stay. Where variables refer to each other in a circle, all stay as they are. \throws
/// std::length_error if the result would be over 64 MiB.
job::Variables expand_all(const job::Variables& list);

/// The values of `keys` as a job sees them: after expand_all(), and the runner's expansion of what
/// that has left. The same as doing both with the whole list, without copying it. The variables
/// must outlive the call. \throws std::length_error.
std::vector<std::string> values_in_job(const std::vector<const job::Variable*>& list,
                                       const std::vector<std::string>& keys);

}  // namespace slipway::local::ci
