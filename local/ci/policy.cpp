#include <algorithm>

#include "local/ci/compiler.hpp"
#include "local/ci/pattern.hpp"

namespace slipway::local::ci {
namespace {

/// `push` is written `pushes` in a list of refs, `merge_request_event` `merge_requests`.
bool is_source(const std::string& word, std::string source) {
  if (word == source) return true;
  constexpr std::string_view event = "_event";
  if (source.ends_with(event)) source.resize(source.size() - event.size());
  return word == source + "s" || word == source + "es";
}

/// Where the project begins in `branch@group/project` or `/regex/i@group/project`.
std::size_t project_at(const std::string& ref) {
  if (!ref.starts_with('/')) return ref.find('@');
  for (auto at = ref.find('@'); at != std::string::npos; at = ref.find('@', at + 1)) {
    const auto slash = ref.find_last_not_of("ismU", at - 1);
    if (slash != std::string::npos && slash > 0 && ref[slash] == '/') return at;
  }
  return std::string::npos;
}

bool ref_matches(const std::string& written, const RepositoryFacts& facts) {
  auto ref = written;
  if (const auto at = project_at(ref); at != std::string::npos) {
    if (ref.substr(at + 1) != facts.project_path) return false;
    ref.resize(at);
  }
  if (ref == "branches") return !facts.is_tag;
  if (ref == "tags") return facts.is_tag;
  if (is_source(ref, facts.source)) return true;
  if (const auto pattern = Pattern::from_slashes(ref)) return pattern->found_in(facts.ref);
  return ref == facts.ref;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// How each key of a policy came out.
std::vector<ClauseTrace> judge_policy(const PolicySpec& policy,
                                      const std::vector<std::string>& refs,
                                      const RepositoryFacts& facts, const job::Variables& variables,
                                      RuleJudge& judge) {
  std::vector<ClauseTrace> result;
  if (!refs.empty()) {
    const bool met = std::any_of(refs.begin(), refs.end(),
                                 [&](const auto& ref) { return ref_matches(ref, facts); });
    result.push_back({"refs " + joined(refs), met});
  }
  if (policy.kubernetes) result.push_back({"kubernetes (there is none locally)", false});
  if (!policy.variables.empty()) {
    ClauseTrace all{"variables", false};
    for (const auto& clause : policy.variables) {
      ClauseTrace one;
      all.met |= judge.condition_met(clause, variables, one);
      all.clause += (all.clause.ends_with("variables") ? ": " : "; ") + one.clause;
    }
    result.push_back(std::move(all));
  }
  if (policy.changes) {
    ClauseTrace one;
    judge.changes_met(*policy.changes, variables, one);
    result.push_back(std::move(one));
  }
  return result;
}

}  // namespace

bool policy_lets_in(const JobSpec& spec, const RepositoryFacts& facts,
                    const job::Variables& variables, RuleJudge& judge,
                    std::vector<RuleTrace>& trace) {
  const PolicySpec everything;
  const auto& only = spec.only ? *spec.only : everything;
  std::vector<std::string> refs = only.refs;
  if (!only.has_refs) refs = {"branches", "tags"};
  auto clauses = judge_policy(only, refs, facts, variables, judge);
  bool in = std::all_of(clauses.begin(), clauses.end(), [](const auto& c) { return c.met; });
  if (spec.only) {
    for (auto& clause : clauses) clause.clause = "only " + clause.clause;
    trace.push_back({only.mark, std::move(clauses), in, {}});
  }
  if (spec.except) {
    clauses = judge_policy(*spec.except, spec.except->refs, facts, variables, judge);
    const bool out =
        std::any_of(clauses.begin(), clauses.end(), [](const auto& c) { return c.met; });
    for (auto& clause : clauses) clause.clause = "except " + clause.clause;
    trace.push_back({spec.except->mark, std::move(clauses), out, out ? "when: never" : ""});
    in = in && !out;
  }
  return in;
}

}  // namespace slipway::local::ci
