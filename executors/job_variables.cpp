#include "config/feature_flags.hpp"
#include "executors/job_plan.hpp"

namespace slipway::executors {

job::Variables job_variables(const job::Job& job, const config::Runner& runner,
                             const RunContext& context, const JobEnvironment& environment,
                             Place place) {
  job::Variables variables;
  const config::FlagVariables from_job = [&](std::string_view key) {
    return job.variables.find(key);
  };
  for (const auto& flag : config::feature_flags())
    variables.add_internal(
        std::string{flag.name},
        config::resolve(flag.name, runner.feature_flags, from_job).value ? "true" : "false");
  if (!job.image.name.empty()) variables.add_internal("CI_JOB_IMAGE", job.image.name);
  variables.add_internal("CI_RUNNER_SHORT_TOKEN", job::short_token(runner.token.reveal()));
  for (const auto& [key, value] : runner.environment) variables.add_internal(key, value);
  variables.add_internal("CI_BUILDS_DIR", environment.builds_dir);
  variables.add_internal("CI_PROJECT_DIR", environment.project_dir);
  variables.add_internal("CI_CONCURRENT_ID", std::to_string(context.slot));
  variables.add_internal("CI_CONCURRENT_PROJECT_ID", std::to_string(context.project_slot));
  variables.add_internal("CI_SERVER", "yes");
  variables.add_internal("CI_JOB_STATUS", "running");
  variables.add_internal("CI_JOB_TIMEOUT", std::to_string(context.job_timeout.count()));
  const auto add_file = [&variables](const char* key, const std::string& content, bool is_public) {
    if (content.empty()) return;
    job::Variable file{.key = key,
                       .value = content,
                       .is_public = is_public,
                       .raw = true,
                       .file = true,
                       .internal = true};
    variables.add(std::move(file));
  };
  add_file("CI_SERVER_TLS_CA_FILE", context.tls_ca, true);
  add_file("CI_SERVER_TLS_CERT_FILE", context.tls_certificate, true);
  add_file("CI_SERVER_TLS_KEY_FILE", context.tls_key.reveal(), false);
  // What the job says of a flag is in the flag's entry already, unless the configuration overrules
  // it.
  for (const auto& variable : job.variables.list())
    if (config::find_feature_flag(variable.key) == nullptr) variables.add(variable);
  variables.add_internal(
      place == Place::shared ? "CI_SHARED_ENVIRONMENT" : "CI_DISPOSABLE_ENVIRONMENT", "true");
  variables.add_internal("CI_RUNNER_VERSION", context.version);
  variables.add_internal("CI_RUNNER_REVISION", context.revision);
  variables.add_internal("CI_RUNNER_EXECUTABLE_ARCH", "linux/amd64");
  variables.add_internal("RUNNER_TEMP_PROJECT_DIR", environment.temp_dir);
  return variables;
}

}  // namespace slipway::executors
