#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "local/ci/compiler.hpp"

namespace slipway::local::ci {
namespace {

/// Resolves names to the instances that are in the pipeline.
class Resolver {
 public:
  Resolver(Pipeline& pipeline, const RootSpec& root) : pipeline_{pipeline}, root_{root} {
    for (std::size_t at = 0; at < pipeline.jobs.size(); ++at) {
      instances_[pipeline.jobs[at].spec->name].push_back(at);
      by_name_[pipeline.jobs[at].name] = at;
    }
    for (const auto& job : pipeline.jobs) stages_[job.spec->name] = stage_of(*job.spec);
    for (const auto& job : pipeline.left_out) stages_[job.spec->name] = stage_of(*job.spec);
  }

  void run() {
    for (auto& job : pipeline_.jobs) {
      current_ = &job;
      check_environment(job);
      if (const auto* needs = needs_of(job)) resolve(job, *needs);
      resolve_artifacts(job);
    }
    check_circles();
  }

 private:
  std::size_t stage_of(const JobSpec& spec) const {
    return static_cast<std::size_t>(
        std::find(root_.stages.begin(), root_.stages.end(), spec.stage) - root_.stages.begin());
  }

  /// Of the rule that let the job in, else the job's own.
  static const std::vector<NeedSpec>* needs_of(const Job& job) {
    const auto& spec = *job.spec;
    if (spec.rules && !job.rules.empty() && job.rules.back().met) {
      const auto& rule = (*spec.rules)[job.rules.size() - 1];
      if (rule.needs) return &*rule.needs;
    }
    return spec.needs ? &*spec.needs : nullptr;
  }

  [[noreturn]] void fail(const yaml::Mark& mark, const std::string& key,
                         const std::string& what) const {
    throw yaml::Error{mark, "jobs:" + current_->spec->name + ":" + key + ": " + what};
  }

  std::vector<std::size_t> find(const std::string& name) const {
    if (const auto found = instances_.find(name); found != instances_.end()) return found->second;
    if (const auto found = by_name_.find(name); found != by_name_.end()) return {found->second};
    return {};
  }

  bool is_known(const std::string& name) const {
    return stages_.contains(name) || by_name_.contains(name) ||
           std::any_of(pipeline_.left_out.begin(), pipeline_.left_out.end(),
                       [&](const Job& job) { return job.name == name; });
  }

  void resolve(Job& job, const std::vector<NeedSpec>& needs) {
    job.needs.emplace();
    for (const auto& need : needs) {
      if (need.job == job.spec->name) fail(need.mark, "needs", "the job needs itself");
      const auto found = matching(job, need);
      for (const auto at : found) {
        const auto& other = pipeline_.jobs[at];
        if (stage_of(*other.spec) > stage_of(*job.spec))
          fail(need.mark, "needs",
               "'" + need.job + "' is in a later stage (" + other.spec->stage + ")");
        add_need(job, {other.name, need.artifacts});
      }
      if (found.empty()) check_missing(need);
    }
  }

  static void add_need(Job& job, Need need) {
    const auto known = std::find_if(job.needs->begin(), job.needs->end(),
                                    [&](const Need& one) { return one.job == need.job; });
    if (known == job.needs->end()) job.needs->push_back(std::move(need));
  }

  std::vector<std::size_t> matching(const Job& job, const NeedSpec& need) const {
    auto found = find(need.job);
    if (need.matrix.empty()) return found;
    std::erase_if(found, [&](std::size_t at) {
      Instance instance;
      instance.variables = pipeline_.jobs[at].matrix;
      return !matrix_matches(need.matrix, instance, job.matrix);
    });
    if (found.empty() && instances_.contains(need.job) && !need.optional)
      fail(need.mark, "needs", "no instance of '" + need.job + "' has these values");
    return found;
  }

  void check_missing(const NeedSpec& need) const {
    if (need.optional) return;
    if (!is_known(need.job)) fail(need.mark, "needs", "there is no job '" + need.job + "'");
    fail(need.mark, "needs",
         "'" + need.job +
             "' is not in this pipeline because of its rules; "
             "optional: true would allow that");
  }

  void resolve_artifacts(Job& job) const {
    const auto& spec = *job.spec;
    if (!spec.dependencies) {
      if (job.needs) {
        for (const auto& need : *job.needs)
          if (need.artifacts) job.artifacts_from.push_back(need.job);
      } else if (!spec.trigger) {
        for (const auto& other : pipeline_.jobs)
          if (stage_of(*other.spec) < stage_of(spec)) job.artifacts_from.push_back(other.name);
      }
      return;
    }
    for (const auto& name : *spec.dependencies) {
      if (!is_known(name))
        fail(spec.dependencies_mark, "dependencies", "there is no job '" + name + "'");
      for (const auto at : find(name)) {
        const auto& other = pipeline_.jobs[at];
        if (job.needs) {
          const bool needed = std::any_of(job.needs->begin(), job.needs->end(),
                                          [&](const Need& need) { return need.job == other.name; });
          if (!needed)
            fail(spec.dependencies_mark, "dependencies", "'" + name + "' is not among its needs");
        } else if (stage_of(*other.spec) >= stage_of(spec)) {
          fail(spec.dependencies_mark, "dependencies", "'" + name + "' is not in an earlier stage");
        }
        job.artifacts_from.push_back(other.name);
      }
    }
  }

  void check_environment(const Job& job) const {
    const auto& environment = job.spec->environment;
    if (!environment || environment->on_stop.empty()) return;
    const auto& stop = environment->on_stop;
    if (!is_known(stop))
      fail(job.spec->mark, "environment:on_stop", "there is no job '" + stop + "'");
    for (const auto at : find(stop)) {
      const auto& other = pipeline_.jobs[at].spec->environment;
      if (!other || other->action != "stop")
        fail(job.spec->mark, "environment:on_stop",
             "'" + stop + "' should have an environment with action: stop");
    }
  }

  void check_circles() {
    std::vector<int> state(pipeline_.jobs.size(), 0);
    std::vector<std::size_t> path;
    // Needs can form chains as long as there are jobs, too long to recurse along.
    struct Visit {
      std::size_t job;
      std::size_t next = 0;
    };
    for (std::size_t start = 0; start < state.size(); ++start) {
      if (state[start] != 0) continue;
      std::vector<Visit> stack{{start}};
      state[start] = 1;
      while (!stack.empty()) {
        auto& top = stack.back();
        const auto& needs = pipeline_.jobs[top.job].needs;
        if (!needs || top.next == needs->size()) {
          state[top.job] = 2;
          stack.pop_back();
          continue;
        }
        const auto target = by_name_.at((*needs)[top.next++].job);
        if (state[target] == 1) {
          std::string circle;
          bool inside = false;
          for (const auto& visit : stack) {
            inside |= visit.job == target;
            if (inside) circle += pipeline_.jobs[visit.job].name + " -> ";
          }
          current_ = &pipeline_.jobs[target];
          fail(current_->spec->needs_mark.line ? current_->spec->needs_mark : current_->spec->mark,
               "needs", "goes in a circle: " + circle + pipeline_.jobs[target].name);
        }
        if (state[target] == 0) {
          state[target] = 1;
          stack.push_back({target});
        }
      }
    }
  }

  Pipeline& pipeline_;
  const RootSpec& root_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> instances_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::map<std::string, std::size_t, std::less<>> stages_;
  const Job* current_ = nullptr;
};

}  // namespace

void resolve_needs(Pipeline& pipeline, const RootSpec& root) {
  Resolver{pipeline, root}.run();
}

}  // namespace slipway::local::ci
