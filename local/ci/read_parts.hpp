#pragma once

#include <optional>
#include <vector>

#include "local/ci/context.hpp"
#include "local/ci/field.hpp"
#include "local/ci/spec.hpp"

// Readers of the larger parts of a job. All throw yaml::Error.
namespace slipway::local::ci {

ImageSpec read_image(const Field& field);
std::vector<ImageSpec> read_services(const Field& field);
/// One cache or a list of up to four.
std::vector<CacheSpec> read_caches(const Field& field);
/// Nothing for an empty value. What has no effect locally is noted.
std::optional<ArtifactsSpec> read_artifacts(const Field& field, Notes& notes);
RetrySpec read_retry(const Field& field);
EnvironmentSpec read_environment(const Field& field, Notes& notes);
InheritSpec read_inherit(const Field& field);
/// `trigger` of a child pipeline; a pipeline of another project goes to `refusals`.
std::optional<TriggerSpec> read_trigger(const Field& field, std::vector<Refusal>& refusals);
/// `run`: checks its steps.
void check_run(const Field& field);
/// `inputs` of a job: checks their types and defaults.
void check_job_inputs(const Field& field);

}  // namespace slipway::local::ci
