#include "local/ci/matrix.hpp"

#include <algorithm>

namespace slipway::local::ci {
namespace {

using Values = std::vector<std::pair<std::string, std::string>>;

/// Every combination of a row's values, the last variable changing fastest.
void combine(const MatrixRow& row, std::size_t at, Values& current, std::vector<Values>& result) {
  if (at == row.size()) {
    result.push_back(current);
    return;
  }
  for (const auto& value : row[at].second) {
    current.emplace_back(row[at].first, value);
    combine(row, at + 1, current, result);
    current.pop_back();
  }
}

std::string with_matrix(std::string text, const Values& asking) {
  for (const auto& [name, value] : asking) {
    for (const auto& block : {"$[[ matrix." + name + " ]]", "$[[matrix." + name + "]]"}) {
      for (auto at = text.find(block); at != std::string::npos;
           at = text.find(block, at + value.size()))
        text.replace(at, block.size(), value);
    }
  }
  return text;
}

bool row_matches(const MatrixRow& row, const Values& candidate, const Values& asking) {
  return std::all_of(row.begin(), row.end(), [&](const auto& wanted) {
    return std::any_of(candidate.begin(), candidate.end(), [&](const auto& has) {
      return has.first == wanted.first &&
             std::any_of(wanted.second.begin(), wanted.second.end(), [&](const auto& value) {
               return with_matrix(value, asking) == has.second;
             });
    });
  });
}

}  // namespace

std::vector<Instance> instances_of(const JobSpec& job) {
  std::vector<Instance> result;
  if (!job.parallel) {
    result.push_back({job.name, 0, 1, {}});
    return result;
  }
  if (job.parallel->total > 0) {
    const int total = job.parallel->total;
    for (int index = 1; index <= total; ++index)
      result.push_back(
          {job.name + " " + std::to_string(index) + "/" + std::to_string(total), index, total, {}});
    return result;
  }
  std::vector<Values> combinations;
  for (const auto& row : job.parallel->matrix) {
    Values current;
    combine(row, 0, current, combinations);
  }
  const auto total = static_cast<int>(combinations.size());
  for (int index = 1; index <= total; ++index) {
    const auto& values = combinations[static_cast<std::size_t>(index - 1)];
    std::string name = job.name + ": [";
    for (const auto& [key, value] : values)
      name += (key == values.front().first ? "" : ", ") + value;
    result.push_back({name + "]", index, total, values});
  }
  return result;
}

bool matrix_matches(const std::vector<MatrixRow>& rows, const Instance& candidate,
                    const std::vector<std::pair<std::string, std::string>>& asking) {
  return std::any_of(rows.begin(), rows.end(), [&](const MatrixRow& row) {
    return row.size() == candidate.variables.size() &&
           row_matches(row, candidate.variables, asking);
  });
}

}  // namespace slipway::local::ci
