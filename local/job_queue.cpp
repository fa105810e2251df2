#include "local/job_queue.hpp"

#include <algorithm>
#include <stdexcept>

#include "local/placeholders.hpp"
#include "local/reply.hpp"
#include "local/runners.hpp"
#include "net/endpoint.hpp"

namespace slipway::local {

std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::pending:
      return "pending";
    case JobState::running:
      return "running";
    case JobState::canceling:
      return "canceling";
    case JobState::success:
      return "success";
    case JobState::failed:
      return "failed";
    case JobState::canceled:
      return "canceled";
  }
  return "unknown";
}

bool is_final(JobState state) {
  return state == JobState::success || state == JobState::failed || state == JobState::canceled;
}

namespace {

/// A member of a member, "" when it is not there.
std::string nested_string(const nlohmann::json& object, const char* outer, const char* inner) {
  const auto member = object.find(outer);
  return member != object.end() && member->is_object() ? string_member(*member, inner)
                                                       : std::string{};
}

std::vector<std::string> take_tags(nlohmann::json& payload) {
  std::vector<std::string> tags;
  if (const auto list = payload.find("x_tags"); list != payload.end()) {
    for (const auto& tag : *list)
      if (tag.is_string()) tags.push_back(tag.get<std::string>());
    payload.erase(list);
  }
  return tags;
}

std::int64_t take_id(nlohmann::json& payload, std::int64_t next) {
  auto& id = payload["id"];
  if (id.is_null()) id = next;
  if (!id.is_number_integer() || id.get<std::int64_t>() <= 0)
    throw std::invalid_argument{"the payload's id is no positive integer"};
  return id.get<std::int64_t>();
}

bool promises_graceful_cancel(const nlohmann::json& request) {
  const auto info = request.find("info");
  if (info == request.end() || !info->is_object()) return false;
  const auto features = info->find("features");
  if (features == info->end() || !features->is_object()) return false;
  const auto flag = features->find("cancel_gracefully");
  return flag != features->end() && flag->is_boolean() && flag->get<bool>();
}

}  // namespace

JobQueue::JobQueue(asio::any_io_executor executor, const CoordinatorOptions& options)
    : executor_{executor},
      options_{options},
      next_id_{options.first_job_id},
      version_{random_text(16)},
      polls_{executor} {}

std::int64_t JobQueue::enqueue(nlohmann::json payload, const std::string& server_url) {
  if (!payload.is_object()) throw std::invalid_argument{"a job's payload must be an object"};
  while (jobs_.contains(next_id_)) ++next_id_;
  const auto id = take_id(payload, next_id_);
  if (jobs_.contains(id)) throw std::invalid_argument{"job " + std::to_string(id) + " is there"};
  if (string_member(payload, "token").empty()) payload["token"] = "glcbt-64_" + random_text(20);

  auto job = std::make_unique<QueuedJob>(executor_);
  job->record.id = id;
  job->record.token = util::Secret{string_member(payload, "token")};
  job->record.tags = take_tags(payload);
  job->record.enqueued_at = options_.now();
  const auto url = net::parse_url(server_url);
  net::Endpoint server;
  if (url) server = {url->scheme, url->host, url->port, {}};
  fill_placeholders(payload, {{"@JOB_ID@", std::to_string(id)},
                              {"@JOB_TOKEN@", job->record.token.reveal()},
                              {"@SERVER_URL@", server_url},
                              {"@SERVER_SCHEME@", server_url.substr(0, server_url.find(':'))},
                              {"@SERVER_HOST@", server.host},
                              {"@SERVER_AUTHORITY@", server.host_header()}});
  job->project = nested_string(payload, "job_info", "project_full_path");
  job->payload = std::move(payload);
  pending_.push_back(job.get());
  jobs_.emplace(id, std::move(job));
  wake_polls();
  return id;
}

QueuedJob* JobQueue::find(std::int64_t id) {
  const auto job = jobs_.find(id);
  return job == jobs_.end() ? nullptr : job->second.get();
}

QueuedJob* JobQueue::by_token(std::string_view token) {
  for (const auto& [id, job] : jobs_)
    if (same_secret(token, job->record.token.reveal())) return job.get();
  return nullptr;
}

std::vector<std::int64_t> JobQueue::ids() const {
  std::vector<std::int64_t> ids;
  for (const auto& [id, job] : jobs_) ids.push_back(id);
  return ids;
}

QueuedJob* JobQueue::take(const RunnerRecord& runner, const nlohmann::json& request) {
  requeue_unaccepted();
  const auto place = std::find_if(pending_.begin(), pending_.end(), [&runner](QueuedJob* job) {
    return accepts(runner, job->record.tags);
  });
  if (place == pending_.end()) return nullptr;
  auto& job = **place;
  pending_.erase(place);
  unaccepted_.insert(&job);
  auto& record = job.record;
  record.assigned = true;
  record.assigned_at = options_.now();
  record.runner_id = runner.id;
  record.system_id = string_member(request, "system_id");
  job.graceful_cancel = promises_graceful_cancel(request);
  auto payload = job.payload;
  fill_placeholders(payload, {{"@RUNNER_ID@", std::to_string(runner.id)},
                              {"@RUNNER_DESCRIPTION@", runner.description}});
  record.payload = payload.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (payload_filter_) record.payload = payload_filter_(std::move(record.payload));
  job.changed.notify();
  return &job;
}

void JobQueue::give_back(QueuedJob& job) {
  if (unaccepted_.erase(&job) == 0 || is_final(job.record.state)) return;
  job.record.assigned = false;
  job.record.assigned_at.reset();
  pending_.push_front(&job);
  wake_polls();
}

void JobQueue::accept(QueuedJob& job) {
  unaccepted_.erase(&job);
  if (job.record.state != JobState::pending) return;
  job.record.state = JobState::running;
  job.record.accepted_at = options_.now();
  job.changed.notify();
}

void JobQueue::finish(QueuedJob& job, JobState state) {
  unaccepted_.erase(&job);
  std::erase(pending_, &job);
  job.record.state = state;
  job.record.finished_at = options_.now();
  job.changed.notify();
}

void JobQueue::cancel(QueuedJob& job, bool graceful) {
  auto& record = job.record;
  if (is_final(record.state)) return;
  if (graceful && record.assigned && job.graceful_cancel) {
    unaccepted_.erase(&job);
    record.state = JobState::canceling;
    job.changed.notify();
  } else {
    finish(job, JobState::canceled);
  }
}

void JobQueue::wake_polls() {
  version_ = random_text(16);
  polls_.notify();
}

void JobQueue::requeue_unaccepted() {
  const auto now = options_.now();
  std::vector<QueuedJob*> late;
  for (auto* job : unaccepted_)
    if (now - *job->record.assigned_at > options_.accept_limit) late.push_back(job);
  for (auto* job : late) give_back(*job);
}

asio::awaitable<QueuedJob*> JobQueue::poll(RunnerRecord& runner, nlohmann::json request) {
  using std::chrono::milliseconds;
  constexpr milliseconds longest_nap{1'000};
  const auto end = std::chrono::steady_clock::now() + options_.long_poll;
  auto* job = take(runner, request);
  const bool holds = string_member(request, "last_update") == version_;
  while (!job && holds && !runner.removed) {
    const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
    if (left <= milliseconds{0}) break;
    // Nobody notifies when a job was not accepted in time: with such a job about, look now and
    // then.
    const auto nap = unaccepted_.empty() ? left : std::min(left, longest_nap);
    co_await polls_.wait(nap);
    job = take(runner, request);
  }
  co_return job;
}

}  // namespace slipway::local
