#pragma once

#include <vector>

#include "local/ci/field.hpp"
#include "local/ci/spec.hpp"

namespace slipway::local::ci {

/// Whose rules are read: each knows other keys.
enum class RulesOf { job, workflow, include };

/// Reads a `rules` list, nested lists included. \throws yaml::Error.
std::vector<RuleSpec> read_rules(const Field& rules, RulesOf owner);
/// \throws yaml::Error.
IfClause read_condition(const Field& field);
/// `changes` of a rule or of `only`. \throws yaml::Error.
ChangesClause read_changes(const Field& field, bool simple);
/// `only` or `except`. \throws yaml::Error.
PolicySpec read_policy(const Field& field);
/// \throws yaml::Error.
AllowFailure read_allow_failure(const Field& field);
AutoCancel read_auto_cancel(const Field& field);

}  // namespace slipway::local::ci
