#include <algorithm>

#include "local/ci/views.hpp"
#include "local/yaml/emit.hpp"

namespace slipway::local::ci {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result + "\"";
}

std::string describe(const Job& job) {
  std::string text;
  if (job.when != When::on_success) text += " (" + std::string{name_of(job.when)} + ")";
  if (job.allow_failure.always || !job.allow_failure.exit_codes.empty()) text += " (may fail)";
  if (job.spec->trigger) text += " (child pipeline)";
  return text;
}

void add_clauses(const RuleTrace& rule, std::string& text) {
  for (const auto& clause : rule.clauses)
    text += std::string{"      "} + (clause.met ? "yes" : "no ") + "  " + clause.clause + "\n";
}

std::string explain_job(const Pipeline& pipeline, const Job& job, bool in) {
  auto text =
      job.name + ": " + (in ? "in the pipeline" : "not in the pipeline") + ", " + job.reason + "\n";
  text += "  stage " + job.spec->stage + ", defined at " +
          pipeline.sources.describe(job.spec->mark) + "\n";
  std::size_t number = 0;
  for (const auto& rule : job.rules) {
    text += "    rule " + std::to_string(++number) + " (" + pipeline.sources.describe(rule.mark) +
            "): " + (rule.met ? "met" : "not met") +
            (rule.outcome.empty() ? "" : ", " + rule.outcome) + "\n";
    add_clauses(rule, text);
    if (rule.clauses.empty()) text += "      yes  it has no condition\n";
  }
  const auto total = job.spec->rules ? job.spec->rules->size() : 0;
  if (number < total) text += "    " + std::to_string(total - number) + " more not looked at\n";
  if (!in) return text;
  text += "  runs " + std::string{name_of(job.when)} +
          (job.start_in.empty() ? "" : " in " + job.start_in) + "\n";
  if (job.needs) {
    text += "  waits for " + std::string{job.needs->empty() ? "nothing" : ""};
    for (const auto& need : *job.needs) text += (need == job.needs->front() ? "" : ", ") + need.job;
    text += "\n";
  }
  for (const auto& [name, refusal] : pipeline.refusals)
    if (name == job.name)
      text += "  cannot be run here: " + refusal.keyword + " (" + refusal.why + ")\n";
  return text;
}

}  // namespace

std::vector<Edge> edges(const Pipeline& pipeline) {
  std::vector<Edge> result;
  for (const auto& job : pipeline.jobs) {
    if (job.needs) {
      for (const auto& need : *job.needs) result.push_back({need.job, job.name});
      continue;
    }
    const auto stage = std::find(pipeline.stages.begin(), pipeline.stages.end(), job.spec->stage);
    if (stage == pipeline.stages.begin() || stage == pipeline.stages.end()) continue;
    for (const auto& other : pipeline.jobs)
      if (other.spec->stage == *std::prev(stage)) result.push_back({other.name, job.name});
  }
  return result;
}

std::string graph_text(const Pipeline& pipeline) {
  std::string text;
  for (const auto& stage : pipeline.stages) {
    text += stage + "\n";
    for (const auto& job : pipeline.jobs) {
      if (job.spec->stage != stage) continue;
      text += "  " + job.name + describe(job);
      if (job.needs && job.needs->empty()) text += " <- at once";
      if (job.needs && !job.needs->empty()) {
        text += " <- ";
        for (const auto& need : *job.needs)
          text += (need == job.needs->front() ? "" : ", ") + need.job;
      }
      text += "\n";
    }
  }
  return text;
}

std::string graph_dot(const Pipeline& pipeline) {
  std::string text = "digraph pipeline {\n  rankdir=LR;\n  node [shape=box];\n";
  std::size_t number = 0;
  for (const auto& stage : pipeline.stages) {
    text +=
        "  subgraph cluster_" + std::to_string(number++) + " {\n    label=" + quoted(stage) + ";\n";
    for (const auto& job : pipeline.jobs) {
      if (job.spec->stage != stage) continue;
      text += "    " + quoted(job.name);
      if (job.when == When::manual || job.when == When::delayed) text += " [style=dashed]";
      text += ";\n";
    }
    text += "  }\n";
  }
  for (const auto& edge : edges(pipeline))
    text += "  " + quoted(edge.from) + " -> " + quoted(edge.to) + ";\n";
  return text + "}\n";
}

std::string explain(const Pipeline& pipeline, const std::string& name) {
  std::string text;
  if (!pipeline.runs) {
    text = "the pipeline is not made: " + pipeline.why_not + "\n";
    std::size_t number = 0;
    for (const auto& rule : pipeline.workflow) {
      text += "    workflow rule " + std::to_string(++number) + " (" +
              pipeline.sources.describe(rule.mark) + "): " + (rule.met ? "met" : "not met") + "\n";
      add_clauses(rule, text);
    }
  }
  bool found = false;
  const auto add = [&](const std::vector<Job>& jobs, bool in) {
    for (const auto& job : jobs) {
      if (job.name != name && job.spec->name != name) continue;
      found = true;
      text += explain_job(pipeline, job, in);
    }
  };
  add(pipeline.jobs, true);
  add(pipeline.left_out, false);
  if (!found && pipeline.runs) return {};
  return text;
}

std::string preview(const Pipeline& pipeline) {
  return yaml::emit(*pipeline.merged);
}

}  // namespace slipway::local::ci
