#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "local/coordinator.hpp"
#include "local/job_record.hpp"
#include "local/waiters.hpp"
#include "net/http.hpp"

namespace slipway::local {

/// A job with what the coordinator alone needs to know of it.
struct QueuedJob {
  explicit QueuedJob(asio::any_io_executor executor) : changed{std::move(executor)} {}

  JobRecord record;
  nlohmann::json payload;        ///< placeholders of the runner still in it
  std::string project;           ///< job_info.project_full_path
  std::uint32_t crc = 0;         ///< of record.trace
  std::uint64_t shown = 0;       ///< bytes given to the trace sink so far
  bool graceful_cancel = false;  ///< its runner promised cancel_gracefully
  Waiters changed;
};

/// The jobs, from enqueue to their end, and the long polls that wait for them.
/// GitLab API: POST /jobs/request.
class JobQueue {
 public:
  JobQueue(asio::any_io_executor executor, const CoordinatorOptions& options);

  std::int64_t enqueue(nlohmann::json payload, const std::string& server_url);
  /// Null for an unknown id.
  QueuedJob* find(std::int64_t id);
  /// The job with that token; null if there is none.
  QueuedJob* by_token(std::string_view token);
  std::vector<std::int64_t> ids() const;

  /// The oldest job that `runner` may run, marked as assigned to it; null if there is none.
  QueuedJob* take(const RunnerRecord& runner, const nlohmann::json& request);
  /// Puts a job that never reached its runner back to the front of the queue.
  void give_back(QueuedJob& job);
  /// The runner shows by a call that it has the job.
  void accept(QueuedJob& job);
  /// Sets a final state.
  void finish(QueuedJob& job, JobState state);
  void cancel(QueuedJob& job, bool graceful);

  /// Waits for a job for a runner that has seen the queue's present version.
  asio::awaitable<QueuedJob*> poll(RunnerRecord& runner, nlohmann::json request);
  std::size_t waiting_polls() const { return polls_.size(); }
  /// Wakes held requests: a runner may be served now that could not before.
  void wake_polls();
  const std::string& version() const { return version_; }
  void set_payload_filter(std::function<std::string(std::string)> filter) {
    payload_filter_ = std::move(filter);
  }

 private:
  void requeue_unaccepted();

  asio::any_io_executor executor_;
  const CoordinatorOptions& options_;
  std::map<std::int64_t, std::unique_ptr<QueuedJob>> jobs_;
  std::deque<QueuedJob*> pending_;
  std::set<QueuedJob*> unaccepted_;
  std::int64_t next_id_;
  std::string version_;
  Waiters polls_;
  std::function<std::string(std::string)> payload_filter_;
};

}  // namespace slipway::local
