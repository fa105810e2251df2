#include "local/ci/read_rules.hpp"

#include "local/ci/pattern.hpp"
#include "local/ci/read_needs.hpp"
#include "local/ci/read_variables.hpp"

namespace slipway::local::ci {
namespace {

constexpr std::size_t max_paths = 50;
constexpr std::size_t max_regexp = 255;

std::string read_regexp(const Field& field) {
  auto text = field.text();
  if (text.size() > max_regexp) field.fail("should not be longer than 255 characters");
  // Variables may still come into it; only what has none can be judged now.
  if (text.find('$') == std::string::npos) {
    const Pattern pattern{text};
    if (!pattern.ok()) field.fail("the regular expression is not valid (" + pattern.error() + ")");
  }
  return text;
}

std::vector<std::string> read_paths(const Field& field) {
  auto paths = field.texts();
  if (paths.size() > max_paths) field.fail("should not have more than 50 entries");
  return paths;
}

/// `paths` or `regexp`, one of them.
template <class Clause>
void read_what(const Field& field, Clause& clause) {
  const auto paths = field.find("paths");
  const auto regexp = field.find("regexp");
  if (paths && regexp) field.fail("paths and regexp cannot be used together");
  if (!paths && !regexp) field.fail("paths or regexp is missing");
  if (paths) clause.paths = read_paths(*paths);
  if (regexp) clause.regexp = read_regexp(*regexp);
}

ExistsClause read_exists(const Field& field) {
  ExistsClause clause;
  clause.mark = field.mark();
  if (!field.is_mapping()) {
    if (!field.is_list()) field.expected("a list of paths or a mapping");
    clause.paths = read_paths(field);
    return clause;
  }
  field.only_keys({"paths", "regexp", "project", "ref"});
  read_what(field, clause);
  if (const auto project = field.find("project")) clause.project = project->text();
  if (const auto ref = field.find("ref")) {
    if (clause.project.empty()) field.fail("ref needs project");
    clause.ref = ref->text();
  }
  return clause;
}

void check_keys(const Field& field, RulesOf owner) {
  switch (owner) {
    case RulesOf::job:
      return field.only_keys({"if", "changes", "exists", "when", "start_in", "allow_failure",
                              "variables", "needs", "interruptible"});
    case RulesOf::workflow:
      return field.only_keys({"if", "changes", "exists", "when", "variables", "auto_cancel"});
    case RulesOf::include:
      return field.only_keys({"if", "changes", "exists", "when"});
  }
}

When read_when(const Field& field, RulesOf owner) {
  if (owner != RulesOf::job) return *when_from(field.one_of({"always", "never"}));
  return *when_from(
      field.one_of({"on_success", "on_failure", "always", "never", "manual", "delayed"}));
}

RuleSpec read_rule(const Field& field, RulesOf owner) {
  RuleSpec rule;
  rule.mark = field.mark();
  check_keys(field, owner);
  if (field.node().entries().empty()) field.fail("should not be empty");
  if (const auto condition = field.find("if")) rule.condition = read_condition(*condition);
  if (const auto changes = field.find("changes")) rule.changes = read_changes(*changes, false);
  if (const auto exists = field.find("exists")) rule.exists = read_exists(*exists);
  if (const auto when = field.find("when"); when && !(owner == RulesOf::include && when->is_null()))
    rule.when = read_when(*when, owner);
  if (const auto start = field.find("start_in")) {
    if (rule.when != When::delayed) start->fail("is possible with when: delayed only");
    rule.start_in = start->duration();
  } else if (rule.when == When::delayed) {
    field.fail("start_in is missing, which when: delayed needs");
  }
  if (const auto allow = field.find("allow_failure")) {
    if (allow->node().kind() != yaml::Kind::boolean) allow->expected("true or false");
    rule.allow_failure = read_allow_failure(*allow);
  }
  if (const auto variables = field.find("variables"))
    rule.variables = read_variables(*variables, VariablesOf::rule);
  if (const auto needs = field.find("needs")) {
    std::vector<Refusal> refusals;
    rule.needs = read_needs(*needs, refusals);
    if (!refusals.empty())
      throw yaml::Error{refusals[0].mark, needs->path() +
                                              ": only jobs of this pipeline are "
                                              "possible in a rule"};
  }
  if (const auto interruptible = field.find("interruptible"))
    rule.interruptible = interruptible->boolean();
  if (const auto cancel = field.find("auto_cancel")) rule.auto_cancel = read_auto_cancel(*cancel);
  return rule;
}

void read_nested(const Field& rules, RulesOf owner, int depth, std::vector<RuleSpec>& result) {
  constexpr int max_depth = 10;
  if (depth > max_depth) rules.fail("nested deeper than ten levels");
  if (!rules.is_list()) rules.expected("a list of rules");
  for (const auto& item : rules.items()) {
    if (item.is_list()) {
      read_nested(item, owner, depth + 1, result);
    } else {
      result.push_back(read_rule(item, owner));
    }
  }
}

void check_ref(const Field& field, const std::string& ref) {
  if (ref.size() < 2 || ref.front() != '/') return;
  const auto pattern = Pattern::from_slashes(ref.substr(0, ref.rfind('@')));
  const auto whole = Pattern::from_slashes(ref);
  const auto& usable = whole ? whole : pattern;
  if (usable && !usable->ok())
    field.fail("the regular expression is not valid (" + usable->error() + ")");
}

void read_refs(const Field& field, PolicySpec& policy) {
  policy.has_refs = true;
  policy.refs = field.text_or_texts();
  for (const auto& ref : policy.refs) check_ref(field, ref);
}

}  // namespace

IfClause read_condition(const Field& field) {
  // A number or boolean is no expression; `if: true` is a common slip.
  if (field.is_null()) field.fail("should not be empty");
  if (!field.node().is_string()) field.expected("an expression in a string");
  IfClause clause;
  clause.text = field.node().text();
  try {
    clause.expression = std::make_shared<const Expression>(Expression::parse(clause.text));
  } catch (const ExpressionError& error) {
    field.fail(std::string{"the expression is not valid: "} + error.what());
  }
  return clause;
}

ChangesClause read_changes(const Field& field, bool simple) {
  ChangesClause clause;
  clause.mark = field.mark();
  if (!field.is_mapping() || simple) {
    if (!field.is_list())
      field.expected(simple ? "a list of paths" : "a list of paths or a mapping");
    clause.paths = read_paths(field);
    return clause;
  }
  field.only_keys({"paths", "regexp", "compare_to"});
  read_what(field, clause);
  if (const auto compare = field.find("compare_to")) clause.compare_to = compare->text();
  return clause;
}

PolicySpec read_policy(const Field& field) {
  PolicySpec policy;
  policy.mark = field.mark();
  if (!field.is_mapping()) {
    if (!field.is_list() && !field.node().is_string())
      field.expected("a list of refs or a mapping");
    read_refs(field, policy);
    return policy;
  }
  field.only_keys({"refs", "kubernetes", "variables", "changes"});
  if (field.node().entries().empty()) field.fail("should not be empty");
  if (const auto refs = field.find("refs")) read_refs(*refs, policy);
  if (const auto kubernetes = field.find("kubernetes")) {
    kubernetes->one_of({"active"});
    policy.kubernetes = true;
  }
  if (const auto variables = field.find("variables"))
    for (const auto& item : variables->items()) policy.variables.push_back(read_condition(item));
  if (const auto changes = field.find("changes")) policy.changes = read_changes(*changes, true);
  return policy;
}

AllowFailure read_allow_failure(const Field& field) {
  AllowFailure result;
  if (!field.is_mapping()) {
    if (field.node().kind() != yaml::Kind::boolean) field.expected("true, false or a mapping");
    result.always = field.boolean();
    return result;
  }
  field.only_keys({"exit_codes"});
  const auto codes = field.find("exit_codes");
  if (!codes) field.fail("exit_codes is missing");
  if (codes->is_list()) {
    for (const auto& code : codes->items())
      result.exit_codes.push_back(static_cast<int>(code.integer(0, 255)));
    if (result.exit_codes.empty()) codes->fail("should not be empty");
  } else {
    result.exit_codes.push_back(static_cast<int>(codes->integer(0, 255)));
  }
  return result;
}

AutoCancel read_auto_cancel(const Field& field) {
  AutoCancel result;
  field.only_keys({"on_new_commit", "on_job_failure"});
  if (const auto commit = field.find("on_new_commit"))
    result.on_new_commit = commit->one_of({"conservative", "interruptible", "none"});
  if (const auto failure = field.find("on_job_failure"))
    result.on_job_failure = failure->one_of({"none", "all"});
  return result;
}

std::vector<RuleSpec> read_rules(const Field& rules, RulesOf owner) {
  std::vector<RuleSpec> result;
  read_nested(rules, owner, 0, result);
  return result;
}

}  // namespace slipway::local::ci
