#include "plan_support.hpp"

#include <algorithm>

#include "config/load.hpp"
#include "job/script.hpp"

namespace slipway::executors::docker {

json payload(const json& changes) {
  auto text = json::parse(R"({
    "id": 42, "token": "glcbt-64_jobToken", "allow_git_fetch": true,
    "job_info": {"name": "build", "stage": "test", "project_id": 1234, "pipeline_id": 7,
                 "project_name": "app", "project_full_path": "group/app"},
    "git_info": {"repo_url": "http://gitlab-ci-token:glcbt-64_jobToken@gitlab.example.com/group/app.git",
                 "ref": "main", "sha": "1ecfd275763eff1d6b4844ea3168962458c9f27a",
                 "before_sha": "0000000000000000000000000000000000000000", "protected": false},
    "runner_info": {"timeout": 3600},
    "variables": [
      {"key": "CI_JOB_URL", "value": "http://gitlab.example.com/group/app/-/jobs/42", "public": true},
      {"key": "GIT_STRATEGY", "value": "none", "public": true}],
    "steps": [{"name": "script", "script": ["echo hello"]}],
    "image": {"name": "alpine:3.18"}, "services": []})");
  for (const auto& [key, value] : changes.items()) {
    if (key == "+variables") {
      for (const auto& variable : value) text["variables"].push_back(variable);
    } else {
      text[key] = value;
    }
  }
  return text;
}

job::Job job_of(const json& text) {
  auto result = job::parse_payload(text.dump());
  if (!result.job) throw std::runtime_error{"payload: " + result.error.text};
  return std::move(*result.job);
}

config::Runner runner_of(const std::string& docker_toml, const std::string& runner_toml) {
  const auto text =
      "[[runners]]\nname = \"r\"\nurl = \"http://gitlab.example.com\"\n"
      "token = \"theToken\"\nexecutor = \"docker\"\n" +
      runner_toml + "\n[runners.docker]\n" + docker_toml + "\n";
  const config::Environment nothing = [](const std::string&) { return std::nullopt; };
  return config::parse(text, "config.toml", nothing).runners.at(0);
}

PlanContext context() {
  PlanContext context;
  context.system_id = "some-system-id";
  context.state_id = "00112233445566ff";
  context.job_key = "theToken-42-0011aabb";
  context.version = "1.2.3";
  context.revision = "abcdef12";
  context.random = "0123456789abcdef";
  context.slot = 3;
  context.project_slot = 2;
  context.job_timeout = std::chrono::seconds{3600};
  return context;
}

Plan plan_of(const json& changes, const std::string& docker_toml, const std::string& runner_toml) {
  return make_plan(job_of(payload(changes)), runner_of(docker_toml, runner_toml), context());
}

Refusal refusal(const json& changes, const std::string& docker_toml,
                const std::string& runner_toml) {
  try {
    plan_of(changes, docker_toml, runner_toml);
  } catch (const job::Failure& failure) {
    return {failure.what(), failure.reason()};
  }
  return {"(none)"};
}

namespace {

void add(json& out, const char* key, const json& value) {
  const bool absent =
      value.is_null() || value == "" || value == false || (value.is_structured() && value.empty());
  if (!absent) out[key] = value;
}

json own_labels(const docker_api::Labels& labels, const docker_api::Labels& common) {
  auto out = json::object();
  for (const auto& [key, value] : labels) {
    const auto found = common.find(key);
    if (found == common.end() || found->second != value) out[key] = value;
  }
  for (const auto& [key, value] : common)
    if (!labels.contains(key)) out[key] = nullptr;
  return out;
}

json to_json(const ImagePlan& image) {
  json out{{"name", image.name}, {"policies", image.policies}};
  add(out, "platform", image.platform);
  add(out, "from_config", image.from_config);
  return out;
}

json to_json(const docker_api::Mount& mount, const docker_api::Labels& common) {
  json out{{"source", mount.source}, {"target", mount.target}};
  add(out, "own_labels", own_labels(mount.labels, common));
  add(out, "driver", mount.driver);
  add(out, "driver_options", mount.driver_options);
  return out;
}

json to_json(const docker_api::ContainerSpec& spec, const docker_api::Labels& common) {
  json out{{"name", spec.name}};
  add(out, "hostname", spec.hostname);
  add(out, "user", spec.user);
  auto command = spec.command;
  for (auto& word : command)
    if (word == job::shell_detection_script()) word = "<shell detection>";
  add(out, "command", command);
  if (spec.entrypoint) out["entrypoint"] = *spec.entrypoint;
  auto env = json::array();
  for (const auto& entry : spec.env)
    if (!entry.starts_with("FF_")) env.push_back(entry);
  add(out, "env", env);
  add(out, "own_labels", own_labels(spec.labels, common));
  add(out, "platform", spec.platform);
  add(out, "open_stdin", spec.open_stdin);
  add(out, "binds", spec.binds);
  for (const auto& mount : spec.mounts) out["mounts"].push_back(to_json(mount, common));
  add(out, "network_mode", spec.network_mode);
  add(out, "network_aliases", spec.network_aliases);
  add(out, "mac_address", spec.mac_address);
  add(out, "extra_hosts", spec.extra_hosts);
  add(out, "privileged", spec.privileged);
  add(out, "init", spec.init);
  add(out, "log_driver", spec.log_driver);
  add(out, "log_options", spec.log_options);
  add(out, "host_config", json::parse(spec.host_config_extra));
  return out;
}

json to_json(const ServicePlan& service, const docker_api::Labels& common) {
  json out{{"index", service.index},           {"image", to_json(service.image)},
           {"shown_name", service.shown_name}, {"aliases", service.aliases},
           {"hosts", service.hosts},           {"container", to_json(service.container, common)}};
  add(out, "is_dind", service.is_dind);
  if (service.cert_dir) out["cert_dir"] = *service.cert_dir;
  add(out, "docker_host", service.docker_host);
  return out;
}

}  // namespace

json to_json(const Plan& plan) {
  const auto& environment = plan.environment;
  json out{{"prefix", plan.prefix},
           {"labels", plan.labels},
           {"image", to_json(plan.image)},
           {"builds_dir", environment.builds_dir},
           {"project_dir", environment.project_dir},
           {"temp_dir", environment.temp_dir},
           {"cache_dir", environment.cache_dir},
           {"build", to_json(plan.build, plan.labels)},
           {"wait_for_services", plan.wait_for_services.count()}};
  add(out, "shared", environment.shared);
  add(out, "warnings", plan.warnings);
  if (plan.helper_image) out["helper_image"] = to_json(*plan.helper_image);
  for (const auto& volume : plan.volumes)
    out["volumes"].push_back(json{
        {"name", volume.name}, {"destination", volume.destination}, {"reusable", volume.reusable}});
  add(out, "directories", plan.directories);
  for (const auto& service : plan.services)
    out["services"].push_back(to_json(service, plan.labels));
  if (plan.needs_helper) {
    // The same variables as the build container's, which are shown there.
    auto helper = plan.helper;
    if (helper.env == plan.build.env) helper.env = {"<as build>"};
    out["helper"] = to_json(helper, plan.labels);
  }
  add(out, "build_refused", plan.build_refused);
  add(out, "job_network", plan.job_network);
  add(out, "network_ipv6", plan.network_ipv6);
  add(out, "network_options", plan.network_options);
  add(out, "keep_anonymous_volumes", plan.keep_anonymous_volumes);
  if (!plan.agent) out["agent"] = false;
  if (!plan.dind_readiness) out["dind_readiness"] = false;
  return out;
}

std::string env_value(const std::vector<std::string>& env, const std::string& key) {
  const auto found = std::find_if(env.rbegin(), env.rend(), [&](const std::string& entry) {
    return entry.starts_with(key + "=");
  });
  return found == env.rend() ? "(unset)" : found->substr(key.size() + 1);
}

}  // namespace slipway::executors::docker
