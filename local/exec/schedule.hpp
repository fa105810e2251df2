#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "local/ci/pipeline.hpp"

namespace slipway::local::exec {

/// Spelt as in GitLab's API.
enum class Status {
  created,  ///< waits for jobs before it
  manual,   ///< waits for somebody to start it
  scheduled,
  waiting_for_resource,
  pending,  ///< queued at the coordinator
  running,
  success,
  failed,
  canceled,
  skipped,
};
std::string_view name_of(Status status);
/// Nothing changes any more, unless somebody starts a manual job.
bool is_over(Status status);

/// One job of the pipeline as the schedule sees it.
struct ScheduledJob {
  std::string name;
  std::size_t stage = 0;                          ///< its place among the stages
  std::optional<std::vector<std::size_t>> needs;  ///< of jobs in the schedule; absent: stages count
  ci::When when = ci::When::on_success;
  std::chrono::seconds delay{0};
  ci::AllowFailure allow_failure;
  int retries = 0;
  std::vector<std::string> retry_when;  ///< empty: whatever the reason
  std::vector<int> retry_exit_codes;
  std::string resource_group;
};

/// How an attempt ended.
struct JobEnd {
  bool success = false;
  bool canceled = false;
  std::string failure_reason;
  std::optional<int> exit_code;
};

/// Decides when each job of a pipeline runs: stages and needs, `when`, delays, retries, resource
/// groups. A state machine without clock and sockets: it is told what happens and asked what to do.
/// GitLab's rules: a job runs when all jobs before it are over and their common status suits its
/// `when`; with `needs`, a skipped need is no success.
class Schedule {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Schedule(std::vector<ScheduledJob> jobs);

  struct Settings {
    std::vector<std::size_t> manual;  ///< started by themselves
    bool all_manual = false;
    bool no_delay = false;
    /// Begin when those before them are over, however that was.
    std::vector<std::size_t> forced;
  };
  void set(Settings settings) { settings_ = std::move(settings); }

  /// Jobs whose turn has come; they are `pending` from now on. Call it after every event, and at
  /// next_wakeup().
  std::vector<std::size_t> advance(Clock::time_point now);
  /// When a delayed job's time comes; absent if none waits for its time.
  std::optional<Clock::time_point> next_wakeup() const;

  void started(std::size_t job);
  /// An attempt has ended. True: the job is to be tried again, advance() gives it out.
  bool ended(std::size_t job, const JobEnd& end);
  /// Nothing starts any more; what has not begun is canceled.
  void cancel();

  /// Nothing runs and nothing will: the pipeline is over, or waits for a manual job.
  bool idle() const;
  /// Of the pipeline, once it is idle: success, failed, canceled, skipped, or manual where a manual
  /// job holds up what follows.
  Status status() const;

  std::size_t size() const { return jobs_.size(); }
  const ScheduledJob& job(std::size_t job) const { return jobs_[job]; }
  Status status_of(std::size_t job) const { return states_[job].status; }
  int attempts(std::size_t job) const { return states_[job].attempts; }
  /// Failed, and the pipeline goes on all the same.
  bool failure_allowed(std::size_t job) const { return states_[job].allowed; }

 private:
  struct State {
    Status status = Status::created;
    int attempts = 0;
    bool allowed = false;
    bool again = false;  ///< a retry waits for its turn
    Clock::time_point due{};
  };
  /// What the jobs before one amount to.
  enum class Before { unfinished, success, failed, skipped };

  Before before(std::size_t job) const;
  Before common_status(const std::vector<std::size_t>& jobs, bool by_needs) const;
  void decide(std::size_t job, Clock::time_point now);
  bool holds_resource(const std::string& group) const;
  bool starts_by_itself(std::size_t job) const;
  bool retries(std::size_t job, const JobEnd& end) const;

  std::vector<ScheduledJob> jobs_;
  std::vector<State> states_;
  Settings settings_;
  bool canceled_ = false;
};

/// The schedule's view of a pipeline's jobs, in the same order. \param only  indices of the jobs
/// that are wanted, or null for all; a need that is not among them is left out.
std::vector<ScheduledJob> scheduled_jobs(const ci::Pipeline& pipeline,
                                         const std::vector<std::size_t>* only = nullptr);

/// What of a pipeline is to be run.
struct Selection {
  std::vector<std::string> jobs;  ///< empty: all. Names of instances, or of parallel jobs
  bool with_needs = false;        ///< also what they wait for, by needs or stages
  std::string from_stage;
};
/// Indices into pipeline.jobs, in order. \throws std::invalid_argument naming the job or stage that
/// is not there, and why where that is known.
std::vector<std::size_t> select_jobs(const ci::Pipeline& pipeline, const Selection& selection);

}  // namespace slipway::local::exec
