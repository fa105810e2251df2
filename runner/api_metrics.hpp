#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "gitlab_api/client.hpp"
#include "runner/prometheus.hpp"

namespace slipway::runner {

/// Counts the calls to coordinators, under GitLab Runner's names. Its labels are bounded: a status
/// that is none counts as 0.
class ApiMetrics {
 public:
  /// \param runner  its short token; with `system_id` the labels of everything here.
  void call(const std::string& runner, const std::string& system_id,
            const gitlab_api::CallRecord& record);
  void write(Exposition& out) const;

 private:
  struct Key {
    std::string runner;
    std::string system_id;
    std::string endpoint;
    std::string method;  ///< lower case
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  static MetricLabels labels(const Key& key, const char* name, std::string value);

  std::map<std::pair<Key, int>, std::uint64_t> statuses_;
  std::map<std::pair<Key, int>, Histogram> durations_;                    ///< by class of status
  std::map<std::pair<std::string, std::string>, std::uint64_t> retries_;  ///< by path and method
};

}  // namespace slipway::runner
