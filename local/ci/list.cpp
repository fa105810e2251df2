#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "local/ci/variables.hpp"
#include "local/ci/views.hpp"

namespace slipway::local::ci {
namespace {

using nlohmann::json;

/// Known only when the job runs.
constexpr std::array<std::string_view, 26> late_names{"CI_API_GRAPHQL_URL",
                                                      "CI_API_V4_URL",
                                                      "CI_BUILD_ID",
                                                      "CI_BUILD_TOKEN",
                                                      "CI_CONCURRENT_ID",
                                                      "CI_CONCURRENT_PROJECT_ID",
                                                      "CI_JOB_ID",
                                                      "CI_JOB_STARTED_AT",
                                                      "CI_JOB_STATUS",
                                                      "CI_JOB_TOKEN",
                                                      "CI_JOB_URL",
                                                      "CI_PIPELINE_URL",
                                                      "CI_PROJECT_URL",
                                                      "CI_REPOSITORY_URL",
                                                      "CI_RUNNER_DESCRIPTION",
                                                      "CI_RUNNER_EXECUTABLE_ARCH",
                                                      "CI_RUNNER_ID",
                                                      "CI_RUNNER_REVISION",
                                                      "CI_RUNNER_SHORT_TOKEN",
                                                      "CI_RUNNER_VERSION",
                                                      "CI_SERVER_FQDN",
                                                      "CI_SERVER_HOST",
                                                      "CI_SERVER_PROTOCOL",
                                                      "CI_SERVER_URL",
                                                      "GITLAB_ENV",
                                                      "RUNNER_TEMP_PROJECT_DIR"};

/// The variable with a reference to itself as its value; `$$` keeps that through the expansion.
/// Null for what is known beforehand.
const job::Variable* find_late(std::string_view name) {
  static const auto variables = [] {
    std::vector<job::Variable> result;
    for (const auto late : late_names)
      result.push_back({std::string{late}, "$$" + std::string{late}});
    return result;
  }();
  const auto found = std::lower_bound(late_names.begin(), late_names.end(), name);
  if (found == late_names.end() || *found != name) return nullptr;
  return &variables[static_cast<std::size_t>(found - late_names.begin())];
}

json need_names(const Job& job) {
  if (!job.needs) return nullptr;
  auto names = json::array();
  for (const auto& need : *job.needs) names.push_back(need.job);
  return names;
}

json allow_failure_json(const AllowFailure& allow) {
  if (allow.exit_codes.empty()) return allow.always;
  return {{"exit_codes", allow.exit_codes}};
}

json job_json(const Pipeline& pipeline, const Job& job) {
  const auto& spec = *job.spec;
  json variables = json::object();
  for (const auto& [key, value] : visible_variables(pipeline, job)) variables[key] = value;
  json result{{"name", job.name},          {"stage", spec.stage},
              {"needs", need_names(job)},  {"variables", std::move(variables)},
              {"when", name_of(job.when)}, {"allow_failure", allow_failure_json(job.allow_failure)},
              {"tags", job.tags},          {"artifacts_from", job.artifacts_from},
              {"reason", job.reason}};
  if (!job.start_in.empty()) result["start_in"] = job.start_in;
  if (spec.image) result["image"] = spec.image->name;
  if (!spec.services.empty()) {
    auto& services = result["services"] = json::array();
    for (const auto& service : spec.services) services.push_back(service.name);
  }
  if (!job.environment.empty()) result["environment"] = job.environment;
  if (!job.resource_group.empty()) result["resource_group"] = job.resource_group;
  if (spec.trigger) result["trigger"] = "child";
  return result;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> visible_variables(const Pipeline& pipeline,
                                                                   const Job& job) {
  // What the runner sets, with its defaults.
  const std::vector<job::Variable> runner{
      {"CI_BUILDS_DIR", "/builds"},
      {"CI_PROJECT_DIR", "/builds/" + pipeline.facts.project_path},
      {"CI_SERVER", "yes"}};
  std::vector<const job::Variable*> known;
  for (const auto& variable : runner) known.push_back(&variable);
  for (const auto& variable : job.all_variables.list()) {
    const auto* late = find_late(variable.key);
    known.push_back(late ? late : &variable);
  }
  std::vector<std::string> keys;
  for (const auto& spec : job.variables) keys.push_back(spec.key);
  auto values = values_in_job(known, keys);
  std::vector<std::pair<std::string, std::string>> result;
  for (std::size_t at = 0; at < keys.size(); ++at)
    result.emplace_back(std::move(keys[at]), std::move(values[at]));
  return result;
}

json list_json(const Pipeline& pipeline) {
  auto jobs = json::array();
  for (const auto& job : pipeline.jobs) jobs.push_back(job_json(pipeline, job));
  return {{"jobs", std::move(jobs)}};
}

std::string list_text(const Pipeline& pipeline) {
  std::size_t stage = 5;
  std::size_t name = 3;
  for (const auto& job : pipeline.jobs) {
    stage = std::max(stage, job.spec->stage.size());
    name = std::max(name, job.name.size());
  }
  auto text =
      padded("STAGE", stage) + "  " + padded("JOB", name) + "  " + padded("WHEN", 10) + "  NEEDS\n";
  for (const auto& job : pipeline.jobs) {
    std::string needs;
    if (job.needs)
      for (const auto& need : *job.needs) needs += (needs.empty() ? "" : ", ") + need.job;
    if (job.needs && job.needs->empty()) needs = "nothing";
    auto line = padded(job.spec->stage, stage) + "  " + padded(job.name, name) + "  " +
                padded(std::string{name_of(job.when)}, 10) + "  " + needs;
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace slipway::local::ci
