#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "runner/stages.hpp"

namespace slipway::runner {

/// A job with sources and everything that its stages are made from.
struct Fixture {
  Fixture() {
    auto payload = job::parse_payload(R"({
      "id": 1, "token": "glcbt-64_jobToken", "allow_git_fetch": true,
      "job_info": {"project_id": 1, "project_full_path": "group/app"},
      "git_info": {"repo_url": "https://gitlab-ci-token:glcbt-64_jobToken@git.example.com/group/app.git",
        "ref": "main", "sha": "abc", "refspecs": ["+a:b"], "depth": 20, "repo_object_format": "sha1"},
      "runner_info": {"timeout": 3600},
      "steps": [{"name": "script", "script": ["echo one", "echo two"]},
                {"name": "release", "script": ["release-cli $TAG"]},
                {"name": "after_script", "script": ["echo bye"]}],
      "hooks": [{"name": "pre_get_sources_script", "script": ["echo job pre"]},
                {"name": "post_get_sources_script", "script": ["echo job post"]}],
      "features": {"trace_sections": true}})");
    job = std::move(*payload.job);
    environment.builds_dir = "/builds";
    environment.project_dir = "/builds/group/app";
    environment.temp_dir = "/builds/group/app.tmp";
    environment.cache_dir = "/cache/group/app";
    set("CI_JOB_STATUS", "running");
    set("TAG", "v1");
  }
  void set(std::string key, std::string value) {
    environment.variables.add_internal(std::move(key), std::move(value));
  }
  StageInput input() const { return {job, runner, environment, "slipway 1 linux/amd64"}; }
  job::GetSourcesParameters sources() const { return source_parameters(input()); }

  job::Job job;
  config::Runner runner;
  executors::JobEnvironment environment;
};

inline nlohmann::json parameters(const executors::Stage& stage) {
  return nlohmann::json::parse(stage.native_parameters);
}

}  // namespace slipway::runner
