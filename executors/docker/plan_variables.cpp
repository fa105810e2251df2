#include <fmt/format.h>

#include <string>

#include "executors/docker/labels.hpp"
#include "executors/docker/plan.hpp"
#include "job/log_lines.hpp"

namespace slipway::executors::docker {

docker_api::Labels base_labels(const job::Job& job, const config::Runner& runner,
                               const PlanContext& context) {
  constexpr auto prefix = "com.gitlab.gitlab-runner.";
  const auto pipeline = job.info.pipeline_id != 0 ? std::to_string(job.info.pipeline_id)
                                                  : job.variables.get("CI_PIPELINE_ID");
  docker_api::Labels labels;
  const auto add = [&](const char* key, std::string value) {
    labels[prefix + std::string{key}] = std::move(value);
  };
  add("job.id", std::to_string(job.id));
  add("job.url", job.variables.get("CI_JOB_URL"));
  add("job.sha", job.git.sha);
  add("job.before_sha", job.git.before_sha);
  add("job.ref", job.git.ref);
  add("job.timeout", job::duration_text(context.job_timeout));
  add("project.id", std::to_string(job.info.project_id));
  add("project.runner_id", std::to_string(context.project_slot));
  add("pipeline.id", pipeline);
  add("runner.id", job::short_token(runner.token.reveal()));
  add("runner.local_id", std::to_string(context.slot));
  add("runner.system_id", context.system_id);
  add("managed", "true");
  labels[state_label] = context.state_id;
  if (!context.job_key.empty()) labels[job_label] = context.job_key;
  return labels;
}

}  // namespace slipway::executors::docker
