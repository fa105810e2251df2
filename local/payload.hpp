#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::local {

/// Flags of a variable in a payload.
struct VariableFlags {
  bool is_public = true;
  bool masked = false;
  bool raw = false;
  bool file = false;
};

/// A service of a job under construction. Empty lists are left out of the payload.
struct ServiceSpec {
  std::string name;
  std::string alias;
  std::vector<std::string> command;
  std::vector<std::string> entrypoint;
  std::map<std::string, std::string> variables;
};

/// Builds the payload of one job as GitLab sends it, predefined variables included. What only the
/// coordinator knows stays a placeholder, filled in by Coordinator::enqueue() (`@JOB_ID@`,
/// `@JOB_TOKEN@`, `@SERVER_URL@`, `@SERVER_HOST@`,
/// `@SERVER_AUTHORITY@` with the port, `@SERVER_SCHEME@`) or when a runner takes the job
/// (`@RUNNER_ID@`,
/// `@RUNNER_DESCRIPTION@`). Setters may be chained and called in any order. GitLab API: 201 of POST
/// /jobs/request.
class JobBuilder {
 public:
  JobBuilder();
  ~JobBuilder();
  JobBuilder(const JobBuilder& other);
  JobBuilder& operator=(const JobBuilder& other);

  JobBuilder& name(std::string name);
  JobBuilder& stage(std::string stage);
  JobBuilder& image(std::string name);
  JobBuilder& image_entrypoint(std::vector<std::string> entrypoint);
  JobBuilder& image_pull_policy(std::vector<std::string> policies);
  JobBuilder& image_user(std::string user);
  JobBuilder& script(std::vector<std::string> lines);
  JobBuilder& after_script(std::vector<std::string> lines);
  JobBuilder& service(std::string name, std::string alias = {});
  JobBuilder& service(ServiceSpec service);
  /// Job variables come after the predefined ones, in the order of the calls.
  JobBuilder& variable(std::string key, std::string value, VariableFlags flags = {});
  JobBuilder& masked_variable(std::string key, std::string value);
  /// Sources: a project served by the coordinator. Without it GIT_STRATEGY is `none`.
  JobBuilder& git(std::string project_path, std::string ref, std::string sha, int depth = 20);
  /// Default: `+refs/pipelines/<pipeline>:refs/pipelines/<pipeline>` and the branch.
  JobBuilder& refspecs(std::vector<std::string> refspecs);
  JobBuilder& pipeline(std::int64_t id);
  JobBuilder& timeout(int seconds);
  /// Tags that a runner must have. Not part of what the runner gets, but of CI_RUNNER_TAGS.
  JobBuilder& tags(std::vector<std::string> tags);
  JobBuilder& runner(std::int64_t id, std::string description);
  JobBuilder& allow_git_fetch(bool allow);
  JobBuilder& trace_sections(bool on);
  /// Replaces `features.failure_reasons` (default: all).
  JobBuilder& failure_reasons(std::vector<std::string> reasons);
  JobBuilder& artifacts(std::vector<std::string> paths, std::string artifact_name = {},
                        std::string when = "on_success");
  JobBuilder& dependency(std::int64_t id, std::string token, std::string job_name,
                         std::string filename, std::int64_t size);
  JobBuilder& hook(std::string hook_name, std::vector<std::string> lines);
  /// Sets any top-level field as it is, last: for fields without a setter and for bad input.
  JobBuilder& field(std::string name, const nlohmann::json& value);

  nlohmann::json build() const;
  /// So that a builder can be given to Coordinator::enqueue().
  operator nlohmann::json() const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

/// Parses JSON text in which `@NAME@` stands for values of `values` (escaped for a JSON string).
/// \throws std::invalid_argument for a placeholder (`@[A-Z][A-Z0-9_]*@`) without a value,
/// nlohmann::json::parse_error. The coordinator's own placeholders (see JobBuilder) may stay.
nlohmann::json fill_template(std::string_view text,
                             const std::map<std::string, std::string>& values);

}  // namespace slipway::local
