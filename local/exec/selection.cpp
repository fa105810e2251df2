#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "local/ci/duration.hpp"
#include "local/exec/schedule.hpp"

namespace slipway::local::exec {

namespace {

using ci::Job;
using ci::Pipeline;

std::size_t stage_index(const Pipeline& pipeline, const std::string& stage) {
  const auto found = std::find(pipeline.stages.begin(), pipeline.stages.end(), stage);
  return static_cast<std::size_t>(found - pipeline.stages.begin());
}

std::vector<std::size_t> named(const Pipeline& pipeline, const std::string& name) {
  std::vector<std::size_t> found;
  for (std::size_t at = 0; at < pipeline.jobs.size(); ++at)
    if (pipeline.jobs[at].name == name) return {at};
  for (std::size_t at = 0; at < pipeline.jobs.size(); ++at)
    if (pipeline.jobs[at].spec->name == name) found.push_back(at);
  if (!found.empty()) return found;
  for (const auto& job : pipeline.left_out)
    if (job.name == name || job.spec->name == name)
      throw std::invalid_argument{"job '" + name + "' is not in this pipeline (" + job.reason +
                                  "); see --explain"};
  throw std::invalid_argument{"there is no job '" + name + "'; --list shows those that are"};
}

/// All that must be over before `job` begins, and what that waits for.
void add_with_needs(const Pipeline& pipeline, std::size_t job, std::set<std::size_t>& chosen) {
  std::vector<std::size_t> left{job};
  while (!left.empty()) {
    const auto at = left.back();
    left.pop_back();
    if (!chosen.insert(at).second) continue;
    const auto& one = pipeline.jobs[at];
    const auto stage = stage_index(pipeline, one.spec->stage);
    for (std::size_t other = 0; other < pipeline.jobs.size(); ++other) {
      const auto& candidate = pipeline.jobs[other];
      const bool needed =
          one.needs ? std::any_of(one.needs->begin(), one.needs->end(),
                                  [&](const ci::Need& need) { return need.job == candidate.name; })
                    : stage_index(pipeline, candidate.spec->stage) < stage;
      if (needed) left.push_back(other);
    }
  }
}

}  // namespace

std::vector<std::size_t> select_jobs(const Pipeline& pipeline, const Selection& selection) {
  std::set<std::size_t> chosen;
  for (const auto& name : selection.jobs)
    for (const auto at : named(pipeline, name))
      selection.with_needs ? add_with_needs(pipeline, at, chosen) : void(chosen.insert(at));
  if (selection.jobs.empty()) {
    std::size_t first = 0;
    if (!selection.from_stage.empty()) {
      first = stage_index(pipeline, selection.from_stage);
      if (first == pipeline.stages.size())
        throw std::invalid_argument{"no job of this pipeline is in a stage '" +
                                    selection.from_stage + "'"};
    }
    for (std::size_t at = 0; at < pipeline.jobs.size(); ++at)
      if (stage_index(pipeline, pipeline.jobs[at].spec->stage) >= first) chosen.insert(at);
  }
  return {chosen.begin(), chosen.end()};
}

std::vector<ScheduledJob> scheduled_jobs(const Pipeline& pipeline,
                                         const std::vector<std::size_t>* only) {
  std::vector<std::size_t> chosen;
  for (std::size_t at = 0; at < pipeline.jobs.size(); ++at)
    if (!only || std::binary_search(only->begin(), only->end(), at)) chosen.push_back(at);
  std::map<std::string, std::size_t, std::less<>> places;
  for (std::size_t place = 0; place < chosen.size(); ++place)
    places[pipeline.jobs[chosen[place]].name] = place;

  std::vector<ScheduledJob> result;
  for (const auto at : chosen) {
    const auto& job = pipeline.jobs[at];
    ScheduledJob scheduled;
    scheduled.name = job.name;
    scheduled.stage = stage_index(pipeline, job.spec->stage);
    if (job.needs) {
      scheduled.needs.emplace();
      for (const auto& need : *job.needs)
        if (const auto place = places.find(need.job); place != places.end())
          scheduled.needs->push_back(place->second);
    }
    scheduled.when = job.when;
    if (!job.start_in.empty())
      scheduled.delay = ci::parse_duration(job.start_in).value_or(std::chrono::seconds{0});
    scheduled.allow_failure = job.allow_failure;
    if (job.spec->retry) {
      scheduled.retries = job.spec->retry->max;
      scheduled.retry_when = job.spec->retry->when;
      scheduled.retry_exit_codes = job.spec->retry->exit_codes;
    }
    scheduled.resource_group = job.resource_group;
    result.push_back(std::move(scheduled));
  }
  return result;
}

}  // namespace slipway::local::exec
