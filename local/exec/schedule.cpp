#include "local/exec/schedule.hpp"

#include <algorithm>

namespace slipway::local::exec {

namespace {

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}
bool contains(const std::vector<std::size_t>& list, std::size_t job) {
  return std::find(list.begin(), list.end(), job) != list.end();
}

}  // namespace

std::string_view name_of(Status status) {
  switch (status) {
    case Status::created:
      return "created";
    case Status::manual:
      return "manual";
    case Status::scheduled:
      return "scheduled";
    case Status::waiting_for_resource:
      return "waiting_for_resource";
    case Status::pending:
      return "pending";
    case Status::running:
      return "running";
    case Status::success:
      return "success";
    case Status::failed:
      return "failed";
    case Status::canceled:
      return "canceled";
    case Status::skipped:
      return "skipped";
  }
  return "unknown";
}

bool is_over(Status status) {
  return status == Status::success || status == Status::failed || status == Status::canceled ||
         status == Status::skipped;
}

Schedule::Schedule(std::vector<ScheduledJob> jobs)
    : jobs_{std::move(jobs)}, states_(jobs_.size()) {}

/// A manual job that may fail holds nothing up: for those after it, it is as if it were not there.
Schedule::Before Schedule::common_status(const std::vector<std::size_t>& jobs,
                                         bool by_needs) const {
  bool any_success = false;
  bool any_failed = false;
  bool any_skipped = false;
  for (const auto job : jobs) {
    const auto& state = states_[job];
    const bool ignored = state.status == Status::manual && jobs_[job].allow_failure.always;
    if (ignored || state.status == Status::skipped) {
      any_skipped = true;
    } else if (!is_over(state.status) || state.again) {
      return Before::unfinished;
    } else if (state.status == Status::success || state.allowed) {
      any_success = true;
    } else {
      any_failed = true;
    }
  }
  if (by_needs && any_skipped) return Before::skipped;
  if (any_failed) return Before::failed;
  if (any_success || !any_skipped) return Before::success;
  return Before::skipped;
}

Schedule::Before Schedule::before(std::size_t job) const {
  if (jobs_[job].needs) return common_status(*jobs_[job].needs, true);
  std::vector<std::size_t> earlier;
  for (std::size_t other = 0; other < jobs_.size(); ++other)
    if (jobs_[other].stage < jobs_[job].stage) earlier.push_back(other);
  return common_status(earlier, false);
}

bool Schedule::starts_by_itself(std::size_t job) const {
  return settings_.all_manual || contains(settings_.manual, job) || contains(settings_.forced, job);
}

bool Schedule::holds_resource(const std::string& group) const {
  for (std::size_t job = 0; job < jobs_.size(); ++job) {
    const auto status = states_[job].status;
    if (jobs_[job].resource_group == group &&
        (status == Status::pending || status == Status::running))
      return true;
  }
  return false;
}

/// What becomes of a job that has not begun, now that those before it are over.
void Schedule::decide(std::size_t job, Clock::time_point now) {
  const auto prior = before(job);
  if (prior == Before::unfinished) return;
  auto& state = states_[job];
  const auto when = jobs_[job].when;
  const bool skipped_will_do = !jobs_[job].needs;
  bool suits = prior == Before::success || (prior == Before::skipped && skipped_will_do);
  if (when == ci::When::on_failure) suits = prior == Before::failed;
  if (when == ci::When::always || contains(settings_.forced, job)) suits = true;
  if (!suits) {
    state.status = Status::skipped;
  } else if (when == ci::When::manual && !starts_by_itself(job)) {
    state.status = Status::manual;
  } else if (when == ci::When::delayed && !settings_.no_delay) {
    state.status = Status::scheduled;
    state.due = now + jobs_[job].delay;
  } else {
    state.status = Status::waiting_for_resource;
  }
}

std::vector<std::size_t> Schedule::advance(Clock::time_point now) {
  std::vector<std::size_t> ready;
  if (canceled_) return ready;
  // One that is skipped may decide about those after it, so look until nothing changes.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t job = 0; job < jobs_.size(); ++job) {
      if (states_[job].status != Status::created) continue;
      decide(job, now);
      changed = changed || states_[job].status != Status::created;
    }
  }
  for (std::size_t job = 0; job < jobs_.size(); ++job) {
    auto& state = states_[job];
    if (state.status == Status::scheduled && state.due <= now)
      state.status = Status::waiting_for_resource;
    if (state.status != Status::waiting_for_resource) continue;
    const auto& group = jobs_[job].resource_group;
    if (!group.empty() && holds_resource(group)) continue;
    state.status = Status::pending;
    state.again = false;
    ++state.attempts;
    ready.push_back(job);
  }
  return ready;
}

std::optional<Schedule::Clock::time_point> Schedule::next_wakeup() const {
  std::optional<Clock::time_point> next;
  for (const auto& state : states_)
    if (state.status == Status::scheduled && (!next || state.due < *next)) next = state.due;
  return next;
}

void Schedule::started(std::size_t job) {
  if (states_[job].status == Status::pending) states_[job].status = Status::running;
}

bool Schedule::retries(std::size_t job, const JobEnd& end) const {
  const auto& planned = jobs_[job];
  if (canceled_ || end.success || end.canceled || states_[job].attempts > planned.retries)
    return false;
  const bool any = planned.retry_when.empty() && planned.retry_exit_codes.empty();
  if (any || contains(planned.retry_when, "always")) return true;
  if (contains(planned.retry_when, end.failure_reason)) return true;
  // GitLab's name for two of a runner's reasons.
  if (end.failure_reason == "job_execution_timeout" &&
      contains(planned.retry_when, "stuck_or_timeout_failure"))
    return true;
  return end.exit_code &&
         std::find(planned.retry_exit_codes.begin(), planned.retry_exit_codes.end(),
                   *end.exit_code) != planned.retry_exit_codes.end();
}

bool Schedule::ended(std::size_t job, const JobEnd& end) {
  auto& state = states_[job];
  if (retries(job, end)) {
    state.status = Status::waiting_for_resource;
    state.again = true;
    return true;
  }
  state.again = false;
  if (end.success) {
    state.status = Status::success;
  } else if (end.canceled) {
    state.status = Status::canceled;
  } else {
    state.status = Status::failed;
    const auto& allow = jobs_[job].allow_failure;
    state.allowed = allow.always;
    if (!allow.exit_codes.empty())
      state.allowed = end.exit_code && std::find(allow.exit_codes.begin(), allow.exit_codes.end(),
                                                 *end.exit_code) != allow.exit_codes.end();
  }
  return false;
}

void Schedule::cancel() {
  canceled_ = true;
  for (auto& state : states_) {
    const bool begun = state.status == Status::pending || state.status == Status::running;
    if (!begun && !is_over(state.status)) state.status = Status::canceled;
  }
}

bool Schedule::idle() const {
  bool waits = false;
  for (std::size_t job = 0; job < jobs_.size(); ++job) {
    const auto status = states_[job].status;
    if (status == Status::pending || status == Status::running || status == Status::scheduled ||
        status == Status::waiting_for_resource)
      return false;
    // Held up by a manual job; otherwise advance() would have decided.
    waits = waits || (status == Status::created && before(job) != Before::unfinished);
  }
  return !waits;
}

Status Schedule::status() const {
  bool failed = false;
  bool canceled = canceled_;
  bool blocked = false;
  bool any = false;
  for (std::size_t job = 0; job < jobs_.size(); ++job) {
    const auto& state = states_[job];
    failed = failed || (state.status == Status::failed && !state.allowed);
    canceled = canceled || (state.status == Status::canceled && !jobs_[job].allow_failure.always);
    blocked = blocked || (state.status == Status::manual && !jobs_[job].allow_failure.always) ||
              state.status == Status::created;
    any = any || state.status == Status::success || state.status == Status::failed;
  }
  if (canceled) return Status::canceled;
  if (failed) return Status::failed;
  if (blocked) return Status::manual;
  return any ? Status::success : Status::skipped;
}

}  // namespace slipway::local::exec
