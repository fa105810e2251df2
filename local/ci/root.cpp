#include "local/ci/root.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "local/ci/read_rules.hpp"
#include "local/ci/read_variables.hpp"

namespace slipway::local::ci {
namespace {

/// What may stand under `default`.
constexpr std::array<std::string_view, 13> default_keys{
    "after_script", "artifacts",     "before_script", "cache",    "hooks", "id_tokens", "identity",
    "image",        "interruptible", "retry",         "services", "tags",  "timeout"};
/// What may stand at the root with the same meaning.
constexpr std::array<std::string_view, 5> root_defaults{"image", "services", "cache",
                                                        "before_script", "after_script"};
/// Names that no job may have.
constexpr std::array<std::string_view, 5> reserved{"true", "false", "nil", "types", "type"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string> read_stages(const Field& field) {
  std::vector<std::string> stages;
  if (!field.is_list()) field.expected("a list of strings");
  for (const auto& item : field.items()) {
    if (item.is_list()) {
      for (auto& stage : item.texts()) stages.push_back(std::move(stage));
    } else {
      stages.push_back(item.text());
    }
  }
  if (stages.empty()) field.fail("should not be empty");
  std::vector<std::string> result{".pre"};
  for (const auto& stage : stages)
    if (stage != ".pre" && stage != ".post" &&
        std::find(result.begin(), result.end(), stage) == result.end())
      result.push_back(stage);
  result.emplace_back(".post");
  return result;
}

WorkflowSpec read_workflow(const Field& field) {
  WorkflowSpec result;
  if (field.is_null()) return result;
  field.only_keys({"name", "rules", "auto_cancel"});
  if (const auto name = field.find("name")) {
    result.name = name->text();
    if (result.name.size() > 255) name->fail("should not be longer than 255 characters");
  }
  if (const auto rules = field.find("rules"); rules && !rules->is_null())
    result.rules = read_rules(*rules, RulesOf::workflow);
  if (const auto cancel = field.find("auto_cancel")) result.auto_cancel = read_auto_cancel(*cancel);
  return result;
}

void read_defaults(const Field& field, RootSpec& result) {
  if (field.is_null()) return;
  if (!field.is_mapping()) field.expected("a mapping");
  for (const auto& entry : field.node().entries().entries()) {
    if (!contains(default_keys, entry.key))
      throw yaml::Error{entry.mark,
                        "default: unknown key '" + entry.key + "'; it cannot have a default"};
    result.defaults.insert_or_assign(entry.key, Field{entry.value, "default:" + entry.key});
  }
}

void add_root_default(const yaml::Entry& entry, RootSpec& result) {
  if (result.defaults.contains(entry.key))
    throw yaml::Error{entry.mark, entry.key + ": stands at the root and under default as well"};
  result.defaults.insert_or_assign(entry.key, Field{entry.value, entry.key});
}

void add_job(const yaml::Entry& entry, RootSpec& result) {
  constexpr std::size_t max_name = 255;
  if (entry.key_kind != yaml::Kind::string) {
    throw yaml::Error{entry.mark, "jobs: '" + entry.key + "' is read as " +
                                      std::string{yaml::kind_name(entry.key_kind)} +
                                      "; put the job's name in quotes"};
  }
  if (entry.key.empty()) throw yaml::Error{entry.mark, "jobs: a job's name is empty"};
  if (entry.key.size() > max_name)
    throw yaml::Error{entry.mark, "jobs: a job's name is longer than 255 characters"};
  if (contains(reserved, entry.key))
    throw yaml::Error{entry.mark, "jobs: '" + entry.key + "' cannot be the name of a job"};
  if (!entry.value->is_mapping())
    throw yaml::Error{entry.mark, "jobs:" + entry.key + ": unknown keyword, or a job that is " +
                                      std::string{yaml::kind_name(entry.value->kind())} +
                                      " instead of a mapping"};
  result.jobs.emplace_back(entry.mark, Field{entry.value, "jobs:" + entry.key});
  result.job_names.push_back(entry.key);
}

void read_entry(const yaml::Entry& entry, RootSpec& result) {
  const Field field{entry.value, entry.key};
  if (entry.key_kind != yaml::Kind::string) return add_job(entry, result);
  if (entry.key == "stages") {
    result.stages = read_stages(field);
  } else if (entry.key == "variables") {
    result.variables = read_variables(field, VariablesOf::root);
  } else if (entry.key == "workflow") {
    result.workflow = read_workflow(field);
  } else if (contains(root_defaults, entry.key)) {
    add_root_default(entry, result);
  } else if (entry.key != "default" && entry.key != "$schema" && !entry.key.starts_with('.')) {
    add_job(entry, result);
  }
}

}  // namespace

RootSpec read_root(const yaml::NodePtr& root, Notes&) {
  RootSpec result;
  result.stages = {".pre", "build", "test", "deploy", ".post"};
  if (const auto defaults = root->find_ptr("default")) read_defaults({defaults, "default"}, result);
  for (const auto& entry : root->entries().entries()) read_entry(entry, result);
  if (result.jobs.empty())
    throw yaml::Error{root->mark(), "jobs: there is no visible job in the configuration"};
  return result;
}

}  // namespace slipway::local::ci
