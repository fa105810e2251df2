#include "runner/api_metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace slipway::runner {

namespace {

using Type = Exposition::Type;

std::string lower_case(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
  });
  return out;
}

/// With the ids left out.
const char* path_of(std::string_view endpoint) {
  if (endpoint == "request_job") return "/api/v4/jobs/request";
  if (endpoint == "update_job") return "/api/v4/jobs/{id}";
  if (endpoint == "patch_trace") return "/api/v4/jobs/{id}/trace";
  return "/api/v4/runners/reset_authentication_token";
}

}  // namespace

MetricLabels ApiMetrics::labels(const Key& key, const char* name, std::string value) {
  return {{"runner", key.runner},
          {"system_id", key.system_id},
          {"endpoint", key.endpoint},
          {name, std::move(value)},
          {"method", key.method}};
}

void ApiMetrics::call(const std::string& runner, const std::string& system_id,
                      const gitlab_api::CallRecord& record) {
  static const std::vector<double> bounds{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
  const Key key{runner, system_id, std::string{record.endpoint}, lower_case(record.method)};
  const int status = record.status >= 100 && record.status < 600 ? record.status : 0;
  ++statuses_[{key, status}];
  durations_.try_emplace({key, status / 100}, bounds).first->second.observe(record.took.count());
  if (record.attempts > 1)
    retries_[{path_of(record.endpoint), key.method}] +=
        static_cast<std::uint64_t>(record.attempts - 1);
}

void ApiMetrics::write(Exposition& out) const {
  out.family("gitlab_runner_api_request_statuses_total", Type::counter,
             "Calls to GitLab by the status of their last answer, 0 for none.");
  for (const auto& [key, count] : statuses_)
    out.sample(labels(key.first, "status", fmt::format("{}", key.second)),
               static_cast<double>(count));
  out.family("gitlab_runner_api_request_duration_seconds", Type::histogram,
             "How long calls to GitLab took, their retries included.");
  for (const auto& [key, histogram] : durations_)
    out.sample(labels(key.first, "status_class", fmt::format("{}xx", key.second)), histogram);
  out.family("gitlab_runner_api_request_retries_total", Type::counter,
             "Requests that had to be repeated.");
  for (const auto& [key, count] : retries_)
    out.sample({{"path", key.first}, {"method", key.second}}, static_cast<double>(count));
}

}  // namespace slipway::runner
