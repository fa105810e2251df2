#include "local/payload.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

namespace slipway::local {

using nlohmann::json;

struct JobBuilder::Data {
  std::string name = "test";
  std::string stage = "test";
  std::string project = "demo/project";
  std::string ref = "main";
  std::string sha = "0000000000000000000000000000000000000000";
  bool sources = false;
  int depth = 20;
  std::vector<std::string> refspecs;
  std::int64_t pipeline = 1;
  int timeout = 3600;
  std::vector<std::string> tags;
  std::string runner_id = "@RUNNER_ID@";
  std::string runner_description = "@RUNNER_DESCRIPTION@";
  bool allow_git_fetch = true;
  bool trace_sections = true;
  std::vector<std::string> failure_reasons{"script_failure",
                                           "runner_system_failure",
                                           "job_execution_timeout",
                                           "image_pull_failure",
                                           "runner_configuration_error",
                                           "runner_external_dependency_failure",
                                           "runner_interrupted",
                                           "job_canceled",
                                           "unknown_failure"};
  json image = json::object();
  json services = json::array();
  json variables = json::array();
  std::vector<std::string> script;
  std::vector<std::string> after_script;
  json artifacts = json::array();
  json dependencies = json::array();
  json hooks = json::array();
  std::vector<std::pair<std::string, json>> fields;

  json predefined() const;
  json steps() const;
  json git_info() const;
  json job_info() const;
};

namespace {

json variable_entry(const std::string& key, const std::string& value, const VariableFlags& flags) {
  return {{"key", key},
          {"value", value},
          {"public", flags.is_public},
          {"masked", flags.masked},
          {"raw", flags.raw},
          {"file", flags.file}};
}

constexpr VariableFlags secret_flags{false, true, false, false};

std::string last_component(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string without_last_component(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(0, slash);
}

std::string repository_url(const std::string& project) {
  return "@SERVER_SCHEME@://gitlab-ci-token:@JOB_TOKEN@@@SERVER_AUTHORITY@/" + project + ".git";
}

}  // namespace

json JobBuilder::Data::predefined() const {
  json list = json::array();
  const auto add = [&list](const std::string& key, const std::string& value,
                           const VariableFlags& flags = {}) {
    list.push_back(variable_entry(key, value, flags));
  };
  const auto project_url = "@SERVER_URL@/" + project;
  add("CI_JOB_ID", "@JOB_ID@");
  add("CI_JOB_TOKEN", "@JOB_TOKEN@", secret_flags);
  add("CI_JOB_NAME", name);
  add("CI_JOB_STAGE", stage);
  add("CI_JOB_URL", project_url + "/-/jobs/@JOB_ID@");
  add("CI_BUILD_ID", "@JOB_ID@");
  add("CI_PIPELINE_ID", std::to_string(pipeline));
  add("CI_PROJECT_ID", "1");
  add("CI_PROJECT_NAME", last_component(project));
  add("CI_PROJECT_PATH", project);
  add("CI_PROJECT_NAMESPACE", without_last_component(project));
  add("CI_PROJECT_URL", project_url);
  add("CI", "true");
  add("GITLAB_CI", "true");
  add("CI_SERVER_URL", "@SERVER_URL@");
  add("CI_SERVER_HOST", "@SERVER_HOST@");
  add("CI_REPOSITORY_URL", repository_url(project), secret_flags);
  add("CI_COMMIT_SHA", sha);
  add("CI_COMMIT_SHORT_SHA", sha.substr(0, 8));
  add("CI_COMMIT_REF_NAME", ref);
  add("CI_COMMIT_REF_PROTECTED", "true");
  add("CI_RUNNER_ID", runner_id);
  add("CI_RUNNER_DESCRIPTION", runner_description);
  add("CI_RUNNER_TAGS", json(tags).dump());
  if (!sources) add("GIT_STRATEGY", "none");
  return list;
}

json JobBuilder::Data::steps() const {
  json list = json::array();
  list.push_back({{"name", "script"},
                  {"script", script},
                  {"timeout", timeout},
                  {"when", "on_success"},
                  {"allow_failure", false}});
  if (!after_script.empty())
    list.push_back({{"name", "after_script"},
                    {"script", after_script},
                    {"timeout", timeout},
                    {"when", "always"},
                    {"allow_failure", true}});
  return list;
}

json JobBuilder::Data::git_info() const {
  auto specs = refspecs;
  if (specs.empty()) {
    const auto pipeline_ref = "refs/pipelines/" + std::to_string(pipeline);
    specs = {"+" + pipeline_ref + ":" + pipeline_ref,
             "+refs/heads/" + ref + ":refs/remotes/origin/" + ref};
  }
  return {{"repo_url", repository_url(project)},
          {"ref", ref},
          {"sha", sha},
          {"before_sha", "0000000000000000000000000000000000000000"},
          {"ref_type", "branch"},
          {"refspecs", specs},
          {"depth", depth},
          {"repo_object_format", "sha1"},
          {"protected", true}};
}

json JobBuilder::Data::job_info() const {
  return {{"name", name},
          {"stage", stage},
          {"project_id", 1},
          {"project_name", last_component(project)},
          {"project_full_path", project},
          {"pipeline_id", pipeline},
          {"time_in_queue_seconds", 0.2},
          {"project_jobs_running_on_instance_runners_count", "0"}};
}

JobBuilder::JobBuilder() : data_{std::make_unique<Data>()} {}
JobBuilder::~JobBuilder() = default;
JobBuilder::JobBuilder(const JobBuilder& other) : data_{std::make_unique<Data>(*other.data_)} {}
JobBuilder& JobBuilder::operator=(const JobBuilder& other) {
  *data_ = *other.data_;
  return *this;
}

JobBuilder& JobBuilder::name(std::string name) {
  data_->name = std::move(name);
  return *this;
}

JobBuilder& JobBuilder::stage(std::string stage) {
  data_->stage = std::move(stage);
  return *this;
}

JobBuilder& JobBuilder::image(std::string name) {
  data_->image["name"] = std::move(name);
  return *this;
}

JobBuilder& JobBuilder::image_entrypoint(std::vector<std::string> entrypoint) {
  data_->image["entrypoint"] = std::move(entrypoint);
  return *this;
}

JobBuilder& JobBuilder::image_pull_policy(std::vector<std::string> policies) {
  data_->image["pull_policy"] = std::move(policies);
  return *this;
}

JobBuilder& JobBuilder::image_user(std::string user) {
  data_->image["executor_opts"]["docker"]["user"] = std::move(user);
  return *this;
}

JobBuilder& JobBuilder::script(std::vector<std::string> lines) {
  data_->script = std::move(lines);
  return *this;
}

JobBuilder& JobBuilder::after_script(std::vector<std::string> lines) {
  data_->after_script = std::move(lines);
  return *this;
}

JobBuilder& JobBuilder::service(std::string name, std::string alias) {
  ServiceSpec spec;
  spec.name = std::move(name);
  spec.alias = std::move(alias);
  return service(std::move(spec));
}

JobBuilder& JobBuilder::service(ServiceSpec service) {
  json entry{{"name", service.name}};
  if (!service.alias.empty()) entry["alias"] = service.alias;
  if (!service.command.empty()) entry["command"] = service.command;
  if (!service.entrypoint.empty()) entry["entrypoint"] = service.entrypoint;
  for (const auto& [key, value] : service.variables)
    entry["variables"].push_back(variable_entry(key, value, {}));
  data_->services.push_back(std::move(entry));
  return *this;
}

JobBuilder& JobBuilder::variable(std::string key, std::string value, VariableFlags flags) {
  data_->variables.push_back(variable_entry(key, value, flags));
  return *this;
}

JobBuilder& JobBuilder::masked_variable(std::string key, std::string value) {
  return variable(std::move(key), std::move(value), secret_flags);
}

JobBuilder& JobBuilder::git(std::string project_path, std::string ref, std::string sha, int depth) {
  data_->sources = true;
  data_->project = std::move(project_path);
  data_->ref = std::move(ref);
  data_->sha = std::move(sha);
  data_->depth = depth;
  return *this;
}

JobBuilder& JobBuilder::refspecs(std::vector<std::string> refspecs) {
  data_->refspecs = std::move(refspecs);
  return *this;
}

JobBuilder& JobBuilder::pipeline(std::int64_t id) {
  data_->pipeline = id;
  return *this;
}

JobBuilder& JobBuilder::timeout(int seconds) {
  data_->timeout = seconds;
  return *this;
}

JobBuilder& JobBuilder::tags(std::vector<std::string> tags) {
  data_->tags = std::move(tags);
  return *this;
}

JobBuilder& JobBuilder::runner(std::int64_t id, std::string description) {
  data_->runner_id = std::to_string(id);
  data_->runner_description = std::move(description);
  return *this;
}

JobBuilder& JobBuilder::allow_git_fetch(bool allow) {
  data_->allow_git_fetch = allow;
  return *this;
}

JobBuilder& JobBuilder::trace_sections(bool on) {
  data_->trace_sections = on;
  return *this;
}

JobBuilder& JobBuilder::failure_reasons(std::vector<std::string> reasons) {
  data_->failure_reasons = std::move(reasons);
  return *this;
}

JobBuilder& JobBuilder::artifacts(std::vector<std::string> paths, std::string artifact_name,
                                  std::string when) {
  json entry{{"paths", std::move(paths)},
             {"when", std::move(when)},
             {"artifact_type", "archive"},
             {"artifact_format", "zip"}};
  if (!artifact_name.empty()) entry["name"] = std::move(artifact_name);
  data_->artifacts.push_back(std::move(entry));
  return *this;
}

JobBuilder& JobBuilder::dependency(std::int64_t id, std::string token, std::string job_name,
                                   std::string filename, std::int64_t size) {
  data_->dependencies.push_back({{"id", id},
                                 {"token", std::move(token)},
                                 {"name", std::move(job_name)},
                                 {"artifacts_file", {{"filename", filename}, {"size", size}}}});
  return *this;
}

JobBuilder& JobBuilder::hook(std::string hook_name, std::vector<std::string> lines) {
  data_->hooks.push_back({{"name", std::move(hook_name)}, {"script", std::move(lines)}});
  return *this;
}

JobBuilder& JobBuilder::field(std::string name, const json& value) {
  data_->fields.emplace_back(std::move(name), value);
  return *this;
}

json JobBuilder::build() const {
  auto variables = data_->predefined();
  for (const auto& variable : data_->variables) variables.push_back(variable);
  json payload{{"allow_git_fetch", data_->allow_git_fetch},
               {"job_info", data_->job_info()},
               {"git_info", data_->git_info()},
               {"runner_info", {{"timeout", data_->timeout}}},
               {"inputs", json::array()},
               {"variables", std::move(variables)},
               {"steps", data_->steps()},
               {"image", data_->image},
               {"services", data_->services},
               {"artifacts", data_->artifacts},
               {"cache", json::array()},
               {"credentials", json::array()},
               {"dependencies", data_->dependencies},
               {"hooks", data_->hooks},
               {"secrets", json::object()},
               {"features",
                {{"trace_sections", data_->trace_sections},
                 {"token_mask_prefixes", {"glpat-"}},
                 {"failure_reasons", data_->failure_reasons}}}};
  if (!data_->tags.empty()) payload["x_tags"] = data_->tags;
  for (const auto& [name, value] : data_->fields) payload[name] = value;
  return payload;
}

JobBuilder::operator json() const {
  return build();
}

namespace {

const std::set<std::string, std::less<>>& coordinator_placeholders() {
  static const std::set<std::string, std::less<>> names{
      "JOB_ID",           "JOB_TOKEN",     "SERVER_URL", "SERVER_HOST",
      "SERVER_AUTHORITY", "SERVER_SCHEME", "RUNNER_ID",  "RUNNER_DESCRIPTION"};
  return names;
}

/// Length of the name of a placeholder `@NAME@` at the front of `text`, 0 if there is none.
std::size_t placeholder_name(std::string_view text) {
  if (!text.starts_with('@')) return 0;
  std::size_t end = 1;
  while (end < text.size() && ((text[end] >= 'A' && text[end] <= 'Z') || text[end] == '_' ||
                               (end > 1 && text[end] >= '0' && text[end] <= '9')))
    ++end;
  return end > 1 && text[1] != '_' && end < text.size() && text[end] == '@' ? end - 1 : 0;
}

}  // namespace

json fill_template(std::string_view text, const std::map<std::string, std::string>& values) {
  std::string result;
  while (!text.empty()) {
    const auto length = placeholder_name(text);
    if (length == 0) {
      result += text.front();
      text.remove_prefix(1);
      continue;
    }
    const std::string name{text.substr(1, length)};
    if (const auto value = values.find(name); value != values.end()) {
      const auto quoted = json(value->second).dump();
      result += quoted.substr(1, quoted.size() - 2);
    } else if (coordinator_placeholders().contains(name)) {
      result += "@" + name + "@";
    } else {
      throw std::invalid_argument{"no value for the placeholder @" + name + "@"};
    }
    text.remove_prefix(length + 2);
  }
  return json::parse(result);
}

}  // namespace slipway::local
