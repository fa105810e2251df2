#include "local/ci/read_needs.hpp"

namespace slipway::local::ci {
namespace {

constexpr std::size_t max_needs = 50;
constexpr std::size_t max_parallel = 200;

std::vector<std::string> read_values(const Field& field) {
  if (!field.is_list()) return {field.scalar()};
  std::vector<std::string> values;
  for (const auto& item : field.items()) values.push_back(item.scalar());
  if (values.empty()) field.fail("should not be empty");
  return values;
}

/// `needs: [{pipeline: …}]` and the like: known, but not to be had here.
bool read_beyond(const Field& item, std::vector<Refusal>& refusals) {
  if (const auto project = item.find("project")) {
    item.only_keys({"project", "job", "ref", "artifacts", "parallel"});
    if (!item.find("job")) item.fail("job is missing");
    if (!item.find("ref")) item.fail("ref is missing");
    refusals.push_back({"needs:project", "artifacts of other projects are not available locally",
                        project->mark()});
    return true;
  }
  if (const auto pipeline = item.find("pipeline")) {
    item.only_keys({"pipeline", "job", "artifacts", "parallel"});
    pipeline->text();
    refusals.push_back(
        {"needs:pipeline", "other pipelines are not available locally", pipeline->mark()});
    return true;
  }
  return false;
}

NeedSpec read_need(const Field& item) {
  NeedSpec need;
  need.mark = item.mark();
  if (!item.is_mapping()) {
    if (!item.node().is_string()) item.expected("a job's name or a mapping");
    need.job = item.text();
    return need;
  }
  item.only_keys({"job", "artifacts", "optional", "parallel", "pipeline", "project", "ref"});
  const auto job = item.find("job");
  if (!job) item.fail("job is missing");
  need.job = job->text();
  if (item.find("ref")) item.fail("ref needs project");
  if (const auto artifacts = item.find("artifacts")) need.artifacts = artifacts->boolean();
  if (const auto optional = item.find("optional")) need.optional = optional->boolean();
  if (const auto parallel = item.find("parallel")) {
    parallel->only_keys({"matrix"});
    const auto matrix = parallel->find("matrix");
    if (!matrix) parallel->fail("matrix is missing");
    need.matrix = read_matrix(*matrix);
  }
  return need;
}

}  // namespace

std::vector<NeedSpec> read_needs(const Field& field, std::vector<Refusal>& refusals) {
  if (!field.is_list()) field.expected("a list of jobs");
  std::vector<NeedSpec> result;
  for (const auto& item : field.items()) {
    if (item.is_list()) {
      // What !reference brings in is a list within the list.
      for (auto& need : read_needs(item, refusals)) result.push_back(std::move(need));
    } else if (!item.is_mapping() || !read_beyond(item, refusals)) {
      result.push_back(read_need(item));
    }
  }
  if (result.size() > max_needs) field.fail("should not have more than 50 entries");
  return result;
}

std::vector<MatrixRow> read_matrix(const Field& field) {
  std::vector<MatrixRow> rows;
  std::size_t total = 0;
  if (!field.is_list()) field.expected("a list of mappings");
  for (const auto& item : field.items()) {
    if (!item.is_mapping()) item.expected("a mapping of variables to values");
    MatrixRow row;
    std::size_t combinations = 1;
    for (const auto& [key, value] : item.members()) {
      row.emplace_back(key, read_values(value));
      combinations *= row.back().second.size();
      if (combinations > max_parallel) break;
    }
    if (row.empty()) item.fail("should not be empty");
    total += combinations;
    if (total > max_parallel) field.fail("makes more than 200 jobs");
    rows.push_back(std::move(row));
  }
  if (rows.empty()) field.fail("should not be empty");
  return rows;
}

ParallelSpec read_parallel(const Field& field) {
  ParallelSpec result;
  if (!field.is_mapping()) {
    if (field.node().kind() != yaml::Kind::integer)
      field.expected("a whole number from 1 to 200 or a mapping with matrix");
    result.total = static_cast<int>(field.integer(1, max_parallel));
    return result;
  }
  field.only_keys({"matrix"});
  const auto matrix = field.find("matrix");
  if (!matrix) field.fail("matrix is missing");
  result.matrix = read_matrix(*matrix);
  return result;
}

}  // namespace slipway::local::ci
