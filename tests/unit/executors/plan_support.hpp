#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "executors/docker/plan.hpp"
#include "job/failure.hpp"
#include "job/job.hpp"

namespace slipway::executors::docker {

using nlohmann::json;

/// Members of `changes` over the payload of a job without sources.
json payload(const json& changes = json::object());
job::Job job_of(const json& payload);

/// A runner whose section `[runners.docker]` (without `image = …` if it has one) ends with
/// `docker_toml`; what stands in `runner_toml` goes before it.
config::Runner runner_of(const std::string& docker_toml = "", const std::string& runner_toml = "");

/// System id, random names and slots as the documentation's examples have them.
PlanContext context();

Plan plan_of(const json& changes, const std::string& docker_toml = "",
             const std::string& runner_toml = "");

/// The plan as JSON. Feature flag variables are left out of the environments, labels that every
/// object has out of the objects, and the shell detection is abbreviated.
json to_json(const Plan& plan);

/// What make_plan throws.
struct Refusal {
  std::string text;
  job::FailureReason reason = job::FailureReason::unknown_failure;
};
Refusal refusal(const json& changes, const std::string& docker_toml = "",
                const std::string& runner_toml = "");

/// The value of the last entry `key=…`; "(unset)" if there is none.
std::string env_value(const std::vector<std::string>& env, const std::string& key);

}  // namespace slipway::executors::docker
