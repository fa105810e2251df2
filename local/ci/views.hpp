#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "local/ci/pipeline.hpp"

// What `slipway exec` shows of a pipeline without running it. Pure.
namespace slipway::local::ci {

/// `{"jobs":[…]}` in stage order. `needs` is null where the keyword is absent, else the names of
/// the jobs; `variables` are those that the configuration sets, as the job would see them.
nlohmann::json list_json(const Pipeline& pipeline);
/// A line per job: stage, name, when, needs.
std::string list_text(const Pipeline& pipeline);

/// The configuration's variables of a job with the values that it would see. What is known only
/// when the job runs (`CI_JOB_ID`) stays a reference.
std::vector<std::pair<std::string, std::string>> visible_variables(const Pipeline& pipeline,
                                                                   const Job& job);

/// The jobs with what they wait for: by stage, or by `needs`.
struct Edge {
  std::string from;  ///< runs first
  std::string to;
};
/// Without needs, a job waits for every job of the stages before; only edges from the nearest stage
/// that has jobs are given then.
std::vector<Edge> edges(const Pipeline& pipeline);
std::string graph_text(const Pipeline& pipeline);
/// For Graphviz.
std::string graph_dot(const Pipeline& pipeline);

/// Why a job is in the pipeline or is not, rule by rule. `name` may be that of a parallel job or of
/// one of its instances. Empty if there is no such job.
std::string explain(const Pipeline& pipeline, const std::string& name);

/// The merged configuration as YAML.
std::string preview(const Pipeline& pipeline);

}  // namespace slipway::local::ci
