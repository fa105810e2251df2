#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "job/variables.hpp"
#include "local/ci/file_source.hpp"
#include "local/ci/spec.hpp"

namespace slipway::local::ci {

/// How one clause of a rule came out, in words: `if $A == "x" (A = "y")`.
struct ClauseTrace {
  std::string clause;
  bool met = false;
};

/// How one rule came out. Clauses after the first that is not met are not looked at.
struct RuleTrace {
  yaml::Mark mark;
  std::vector<ClauseTrace> clauses;
  bool met = false;
  std::string outcome;  ///< what a rule that is met says: `when: manual`
};

/// Judges rules against variables, files and history. Answers about files and changes are kept, so
/// one of these serves a whole pipeline. What it refers to must outlive it.
class RuleJudge {
 public:
  RuleJudge(FileSource& files, History& history) : files_{files}, history_{history} {}

  /// Index of the first rule that is met; absent if none is. Appends to `trace` what was looked at.
  /// \throws yaml::Error for a `compare_to` or `project` that is not there.
  std::optional<std::size_t> first_met(const std::vector<RuleSpec>& rules,
                                       const job::Variables& variables,
                                       std::vector<RuleTrace>& trace);

  bool condition_met(const IfClause& clause, const job::Variables& variables, ClauseTrace& trace);
  bool changes_met(const ChangesClause& clause, const job::Variables& variables,
                   ClauseTrace& trace);
  bool exists_met(const ExistsClause& clause, const job::Variables& variables, ClauseTrace& trace);

 private:
  using Paths = std::vector<std::string>;

  bool rule_met(const RuleSpec& rule, const job::Variables& variables, RuleTrace& trace);
  const std::optional<Paths>& changed_files(const ChangesClause& clause,
                                            const std::optional<std::string>& compare_to);

  FileSource& files_;
  History& history_;
  std::map<std::optional<std::string>, std::optional<Paths>> changed_;
  std::map<std::string, bool, std::less<>> found_;  ///< by glob, in the repository itself
};

}  // namespace slipway::local::ci
