#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "local/coordinator.hpp"
#include "local/job_queue.hpp"
#include "net/http.hpp"

namespace slipway::local {

/// What a runner reports of a job it was given: its log and its state. The caller has checked the
/// job's token. GitLab API: PATCH /jobs/:id/trace, PUT /jobs/:id.
class JobReports {
 public:
  JobReports(JobQueue& jobs, const CoordinatorOptions& options) : jobs_{jobs}, options_{options} {}

  net::Response patch_trace(QueuedJob& job, const net::Request& head, std::string_view body);
  /// `raw` is the text of `body`.
  net::Response update(QueuedJob& job, const net::Request& head, const nlohmann::json& body,
                       std::string_view raw);
  /// Keeps the first `keep` bytes of the log.
  static void cut_trace(QueuedJob& job, std::uint64_t keep);
  void on_trace(std::function<void(std::int64_t, std::string_view)> sink) {
    sink_ = std::move(sink);
  }

 private:
  net::Response append(QueuedJob& job, TracePatch& patch, std::string_view body);
  net::Response finish(QueuedJob& job, const StatusUpdate& update);
  net::Response answer(const QueuedJob& job, int status) const;

  JobQueue& jobs_;
  const CoordinatorOptions& options_;
  std::function<void(std::int64_t, std::string_view)> sink_;
};

}  // namespace slipway::local
