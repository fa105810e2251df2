#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace slipway::runner {

/// The numbers that jobs running at once get: the smallest free one per runner token
/// (CI_CONCURRENT_ID) and per token and project (CI_CONCURRENT_PROJECT_ID). A number is free again
/// only when everything of its job is removed.
class Slots {
 public:
  struct Numbers {
    int global = 0;
    int project = 0;
  };

  Numbers take(const std::string& token, std::int64_t project);
  /// Those of a job that another process began; two jobs never have the same ones.
  void keep(const std::string& token, std::int64_t project, Numbers numbers);
  void give_back(const std::string& token, std::int64_t project, Numbers numbers);

  /// Runners and projects that have a number out.
  std::size_t in_use() const { return global_.size() + project_.size(); }

 private:
  std::map<std::string, std::set<int>> global_;
  std::map<std::pair<std::string, std::int64_t>, std::set<int>> project_;
};

}  // namespace slipway::runner
