#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "executors/executor.hpp"
#include "job/job.hpp"
#include "job/variables.hpp"
#include "util/secret.hpp"

/// What every planner does alike: the job's variables and its directories. Pure, no I/O.
namespace slipway::executors {

/// What a planner needs beside job and configuration: who runs the job, and in which slot.
struct RunContext {
  std::string version;  ///< CI_RUNNER_VERSION
  std::string revision;
  int slot = 0;                 ///< CI_CONCURRENT_ID
  int project_slot = 0;         ///< CI_CONCURRENT_PROJECT_ID
  std::string tls_ca;           ///< content for CI_SERVER_TLS_CA_FILE, "" = none
  std::string tls_certificate;  ///< for CI_SERVER_TLS_CERT_FILE, likewise
  util::Secret tls_key;         ///< for CI_SERVER_TLS_KEY_FILE, likewise
  std::chrono::seconds job_timeout{7200};
};

/// What becomes of the place where a job runs; jobs see it as CI_DISPOSABLE_ENVIRONMENT or
/// CI_SHARED_ENVIRONMENT.
enum class Place { disposable, shared };

/// Absolute, without `.`, `..`, doubled and trailing slashes.
std::string clean_path(std::string_view text);
bool is_same_or_parent(std::string_view parent, std::string_view path);

/// The settings that are needed before the whole list of variables can be made.
job::Variables early_variables(const job::Job& job, const config::Runner& runner);
bool feature_flag(std::string_view name, const config::Runner& runner,
                  const job::Variables& variables);
/// clone, fetch, none or empty.
std::string git_strategy(const job::Job& job, const job::Variables& variables);

/// Path of the repository within the server: `group/project`; `project-<id>` where the URL does not
/// say.
std::string project_slug(const job::Job& job);

/// The variables of a job in the documented order, not expanded; directories as in `environment`.
job::Variables job_variables(const job::Job& job, const config::Runner& runner,
                             const RunContext& context, const JobEnvironment& environment,
                             Place place);

/// GIT_CLONE_PATH instead of the project directory. `allowed`: where the configuration says
/// nothing. \throws job::Failure(runner_configuration_error) with the documented texts.
void apply_clone_path(const config::Runner& runner, bool allowed, const job::Variables& variables,
                      JobEnvironment& environment);

}  // namespace slipway::executors
