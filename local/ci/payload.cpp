#include "local/payload.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "local/ci/duration.hpp"
#include "local/ci/interpolate.hpp"
#include "local/ci/payload.hpp"
#include "local/ci/reports.hpp"
#include "local/ci/variables.hpp"

namespace slipway::local::ci {
namespace {

using nlohmann::json;

constexpr int default_timeout = 3600;
constexpr int default_depth = 20;

json variable_entries(const job::Variables& variables) {
  auto list = json::array();
  for (const auto& variable : variables.list())
    list.push_back({{"key", variable.key},
                    {"value", variable.value},
                    {"public", variable.is_public},
                    {"masked", variable.masked},
                    {"raw", variable.raw},
                    {"file", variable.file}});
  return list;
}

json image_entry(const ImageSpec& image) {
  json entry{{"name", image.name}};
  if (!image.alias.empty()) entry["alias"] = image.alias;
  if (image.command) entry["command"] = *image.command;
  if (image.entrypoint) entry["entrypoint"] = *image.entrypoint;
  if (!image.pull_policy.empty()) entry["pull_policy"] = image.pull_policy;
  if (!image.docker_platform.empty())
    entry["executor_opts"]["docker"]["platform"] = image.docker_platform;
  if (!image.docker_user.empty()) entry["executor_opts"]["docker"]["user"] = image.docker_user;
  if (!image.kubernetes_user.empty())
    entry["executor_opts"]["kubernetes"]["user"] = image.kubernetes_user;
  if (!image.variables.empty()) {
    job::Variables variables;
    for (const auto& spec : image.variables) {
      job::Variable variable;
      variable.key = spec.key;
      variable.value = spec.value;
      variable.is_public = true;
      variables.add(std::move(variable));
    }
    entry["variables"] = variable_entries(variables);
  }
  return entry;
}

json cache_entries(const Job& job) {
  auto list = json::array();
  for (const auto& cache : job.caches) {
    json entry{{"key", cache.key},
               {"untracked", cache.untracked},
               {"paths", cache.paths},
               {"policy", cache.policy},
               {"when", cache.when}};
    if (!cache.fallback_keys.empty()) entry["fallback_keys"] = cache.fallback_keys;
    list.push_back(std::move(entry));
  }
  return list;
}

json artifact_entries(const std::optional<ArtifactsSpec>& artifacts) {
  auto list = json::array();
  if (!artifacts) return list;
  if (artifacts->untracked || !artifacts->paths.empty()) {
    json entry{{"untracked", artifacts->untracked},
               {"paths", artifacts->paths},
               {"artifact_type", "archive"},
               {"artifact_format", "zip"}};
    if (!artifacts->name.empty()) entry["name"] = artifacts->name;
    if (!artifacts->exclude.empty()) entry["exclude"] = artifacts->exclude;
    if (!artifacts->when.empty()) entry["when"] = artifacts->when;
    if (!artifacts->expire_in.empty()) entry["expire_in"] = artifacts->expire_in;
    list.push_back(std::move(entry));
  }
  for (const auto& report : artifacts->reports) {
    const auto* type = find_report(report.type);
    json entry{{"name", type->file_name},
               {"paths", report.paths},
               {"when", "always"},
               {"artifact_type", report.type},
               {"artifact_format", type->format}};
    if (!artifacts->expire_in.empty()) entry["expire_in"] = artifacts->expire_in;
    list.push_back(std::move(entry));
  }
  return list;
}

json value_json(const yaml::Node& node) {
  return json::parse(to_json_text(node), nullptr, false);
}

json input_entries(const yaml::NodePtr& inputs) {
  auto list = json::array();
  if (!inputs) return list;
  for (const auto& entry : inputs->entries().entries()) {
    const auto* type = entry.value->find("type");
    list.push_back({{"key", entry.key},
                    {"value",
                     {{"type", type ? type->text() : "string"},
                      {"content", value_json(*entry.value->find("default"))},
                      {"sensitive", false}}}});
  }
  return list;
}

/// GIT_DEPTH is the coordinator's to read.
int depth_of(const job::Variables& variables) {
  const auto text = variables.get("GIT_DEPTH");
  int depth = default_depth;
  if (text.empty()) return depth;
  std::from_chars(text.data(), text.data() + text.size(), depth);
  return depth;
}

std::vector<std::string> refspecs_of(const RepositoryFacts& facts, int depth) {
  const auto pipeline = "refs/pipelines/" + std::to_string(facts.pipeline_id);
  std::vector<std::string> specs{"+" + pipeline + ":" + pipeline};
  if (depth <= 0) {
    specs.emplace_back("+refs/heads/*:refs/remotes/origin/*");
    specs.emplace_back("+refs/tags/*:refs/tags/*");
  } else if (facts.is_tag) {
    specs.push_back("+refs/tags/" + facts.ref + ":refs/tags/" + facts.ref);
  } else {
    specs.push_back("+refs/heads/" + facts.ref + ":refs/remotes/origin/" + facts.ref);
  }
  return specs;
}

}  // namespace

int timeout_of(const Job& job) {
  const auto& text = job.spec->timeout;
  if (text.empty()) return default_timeout;
  const auto duration = parse_duration(text);
  return duration ? static_cast<int>(std::min<std::int64_t>(duration->count(), 1 << 30))
                  : default_timeout;
}

json make_payload(const Pipeline& pipeline, const Job& job) {
  const auto& spec = *job.spec;
  const auto& facts = pipeline.facts;
  const auto variables = expand_all(job.all_variables);
  const auto depth = depth_of(variables);
  JobBuilder builder;
  builder.name(job.name)
      .stage(spec.stage)
      .pipeline(facts.pipeline_id)
      .git(facts.project_path, facts.ref, facts.sha, depth)
      .refspecs(refspecs_of(facts, depth))
      .timeout(timeout_of(job))
      .script(spec.script)
      .after_script(spec.after_script)
      .field("variables", variable_entries(variables))
      .field("cache", cache_entries(job))
      .field("artifacts", artifact_entries(spec.artifacts))
      .field("inputs", input_entries(spec.inputs));
  if (spec.image) builder.field("image", image_entry(*spec.image));
  auto services = json::array();
  for (const auto& service : spec.services) services.push_back(image_entry(service));
  builder.field("services", services);
  if (!spec.pre_get_sources_script.empty())
    builder.hook("pre_get_sources_script", spec.pre_get_sources_script);
  auto payload = builder.build();
  payload["git_info"]["before_sha"] = facts.before_sha;
  payload["git_info"]["ref_type"] = facts.is_tag ? "tag" : "branch";
  payload["git_info"]["protected"] = facts.ref_protected;
  if (spec.run) {
    payload["run"] = to_json_text(*spec.run);
    payload["steps"] = json::array();
  }
  return payload;
}

}  // namespace slipway::local::ci
