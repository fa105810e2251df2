#include "job/native_steps.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "job/failure.hpp"
#include "job/job.hpp"

namespace slipway::job {

void use_step_runner(Job& job) {
  if (job.run.empty()) return;
  const auto refuse = [](const char* why) {
    throw Failure{FailureReason::runner_configuration_error, why};
  };
  const auto steps = nlohmann::json::parse(job.run, nullptr, /*allow_exceptions=*/false);
  if (!steps.is_array()) refuse("`run`: expected an array of steps");
  for (const auto& step : job.steps)
    if (!step.script.empty()) refuse("`run` and `script` exclude each other");
  if (job.variables.find("STEPS")) refuse("`run`: the variable STEPS is its own");
  Variable variable{.key = "STEPS", .value = job.run, .raw = true, .internal = true};
  job.variables.add(std::move(variable));
  job.steps = {{"script", {"step-runner ci"}}};
  job.run.clear();
}

}  // namespace slipway::job
