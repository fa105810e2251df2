#include "local/ci/rules.hpp"

#include <algorithm>

#include "local/ci/glob.hpp"
#include "local/ci/pattern.hpp"
#include "local/ci/variables.hpp"

namespace slipway::local::ci {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// Variables are shown in traces: masked ones and long ones are not.
std::string shown(const job::Variables& variables, const std::string& name) {
  constexpr std::size_t max_shown = 80;
  const auto& list = variables.list();
  const auto found = std::find_if(list.rbegin(), list.rend(),
                                  [&](const job::Variable& v) { return v.key == name; });
  if (found == list.rend()) return name + " is not set";
  if (found->masked) return name + " = [MASKED]";
  auto value = found->value;
  if (value.size() > max_shown) value = value.substr(0, max_shown) + "...";
  return name + " = \"" + value + "\"";
}

std::vector<std::string> expanded(const std::vector<std::string>& texts,
                                  const job::Variables& variables) {
  const ListLookup lookup{variables};
  std::vector<std::string> result;
  for (const auto& text : texts) result.push_back(expand_references(text, lookup, Undefined::keep));
  return result;
}

/// \throws yaml::Error for an expression that is not valid once expanded.
Pattern pattern_of(const std::string& text, const job::Variables& variables,
                   const yaml::Mark& mark) {
  Pattern pattern{expand_references(text, ListLookup{variables}, Undefined::keep)};
  if (!pattern.ok())
    throw yaml::Error{mark, "the regular expression is not valid (" + pattern.error() + ")"};
  return pattern;
}

std::string outcome(const RuleSpec& rule) {
  std::string text = rule.when ? "when: " + std::string{name_of(*rule.when)} : "";
  if (!rule.start_in.empty()) text += " in " + rule.start_in;
  if (rule.allow_failure)
    text += std::string{text.empty() ? "" : ", "} +
            "allow_failure: " + (rule.allow_failure->always ? "true" : "false");
  return text;
}

}  // namespace

bool RuleJudge::condition_met(const IfClause& clause, const job::Variables& variables,
                              ClauseTrace& trace) {
  trace.met = clause.expression->holds(ListLookup{variables});
  trace.clause = "if " + clause.text;
  std::string values;
  for (const auto& name : clause.expression->variables())
    values += (values.empty() ? "" : ", ") + shown(variables, name);
  if (!values.empty()) trace.clause += " (" + values + ")";
  return trace.met;
}

const std::optional<std::vector<std::string>>& RuleJudge::changed_files(
    const ChangesClause& clause, const std::optional<std::string>& compare_to) {
  if (const auto known = changed_.find(compare_to); known != changed_.end()) return known->second;
  try {
    return changed_[compare_to] = history_.changed_files(compare_to);
  } catch (const SourceError& error) {
    throw yaml::Error{clause.mark, std::string{"changes: "} + error.what()};
  }
}

bool RuleJudge::changes_met(const ChangesClause& clause, const job::Variables& variables,
                            ClauseTrace& trace) {
  const auto all = expand_all(variables);
  auto compare_to = clause.compare_to;
  if (compare_to) compare_to = expand_references(*compare_to, ListLookup{all}, Undefined::keep);
  const auto& changed = changed_files(clause, compare_to);
  const auto what = clause.regexp.empty() ? joined(clause.paths) : "/" + clause.regexp + "/";
  trace.clause = "changes " + what + (compare_to ? " compared to " + *compare_to : "");
  if (!changed) {
    trace.clause += " (nothing to compare with: counts as changed)";
    return trace.met = true;
  }
  if (!clause.regexp.empty()) {
    const auto pattern = pattern_of(clause.regexp, all, clause.mark);
    trace.met = std::any_of(changed->begin(), changed->end(),
                            [&](const auto& path) { return pattern.found_in(path); });
    return trace.met;
  }
  const auto globs = expanded(clause.paths, all);
  trace.met = std::any_of(changed->begin(), changed->end(), [&](const std::string& path) {
    return std::any_of(globs.begin(), globs.end(),
                       [&](const std::string& glob) { return glob_matches(glob, path); });
  });
  return trace.met;
}

bool RuleJudge::exists_met(const ExistsClause& clause, const job::Variables& variables,
                           ClauseTrace& trace) {
  trace.clause =
      "exists " + (clause.regexp.empty() ? joined(clause.paths) : "/" + clause.regexp + "/");
  auto origin = clause.origin;
  try {
    if (!clause.project.empty()) {
      const ListLookup lookup{variables};
      const auto project = expand_references(clause.project, lookup, Undefined::keep);
      trace.clause += " in " + project;
      origin = files_.open_project(project, expand_references(clause.ref, lookup, Undefined::keep));
    }
    const auto& paths = files_.list(origin);
    if (!clause.regexp.empty()) {
      const auto pattern = pattern_of(clause.regexp, variables, clause.mark);
      trace.met = std::any_of(paths.begin(), paths.end(),
                              [&](const auto& path) { return pattern.found_in(path); });
      return trace.met;
    }
    const auto there = [&](const std::string& glob) {
      const auto key = origin.project + "\n" + origin.ref + "\n" + glob;
      if (const auto known = found_.find(key); known != found_.end()) return known->second;
      const bool found =
          is_glob(glob) ? std::any_of(paths.begin(), paths.end(),
                                      [&](const auto& path) { return glob_matches(glob, path); })
                        : std::binary_search(paths.begin(), paths.end(), glob);
      return found_[key] = found;
    };
    const auto globs = expanded(clause.paths, variables);
    trace.met = std::any_of(globs.begin(), globs.end(), there);
  } catch (const SourceError& error) {
    throw yaml::Error{clause.mark, std::string{"exists: "} + error.what()};
  }
  return trace.met;
}

bool RuleJudge::rule_met(const RuleSpec& rule, const job::Variables& variables, RuleTrace& trace) {
  trace.mark = rule.mark;
  const auto look = [&](const auto& clause, auto judge) {
    if (!clause) return true;
    ClauseTrace one;
    const bool met = (this->*judge)(*clause, variables, one);
    trace.clauses.push_back(std::move(one));
    return met;
  };
  trace.met = look(rule.condition, &RuleJudge::condition_met) &&
              look(rule.changes, &RuleJudge::changes_met) &&
              look(rule.exists, &RuleJudge::exists_met);
  if (trace.met) trace.outcome = outcome(rule);
  return trace.met;
}

std::optional<std::size_t> RuleJudge::first_met(const std::vector<RuleSpec>& rules,
                                                const job::Variables& variables,
                                                std::vector<RuleTrace>& trace) {
  for (std::size_t at = 0; at < rules.size(); ++at) {
    trace.emplace_back();
    if (rule_met(rules[at], variables, trace.back())) return at;
  }
  return std::nullopt;
}

}  // namespace slipway::local::ci
