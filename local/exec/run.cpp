#include "local/exec/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "local/ci/error.hpp"
#include "local/ci/payload.hpp"
#include "local/exec/gunzip.hpp"
#include "local/exec/user_variables.hpp"
#include "util/async.hpp"

namespace slipway::local::exec {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// The job's own timeout comes first; this is for the wait alone.
constexpr auto longest = std::chrono::milliseconds{30 * 24h};

bool is_archive(const ArtifactFile& file) {
  return file.type.empty() || file.type == "archive";
}

/// A file or directory name that any job's name can have.
std::string file_name(const std::string& text) {
  constexpr std::size_t max_name = 100;
  std::string name;
  for (const char c : text.substr(0, max_name)) {
    const bool bad = static_cast<unsigned char>(c) < 0x20 || c == '/' || c == '\\' || c == 0x7f;
    name += bad ? '_' : c;
  }
  return name.empty() || name[0] == '.' ? "_" + name : name;
}

std::chrono::milliseconds span(const JobRecord& record) {
  if (!record.assigned_at || !record.finished_at) return 0ms;
  return std::chrono::duration_cast<std::chrono::milliseconds>(*record.finished_at -
                                                               *record.assigned_at);
}

/// Last in the list wins: after the configuration's, before what the user gave.
void insert_before(job::Variables& list, const job::Variables& added,
                   const job::Variables& user_variables) {
  list.append(added);
  list.append(user_variables);
}

}  // namespace

PipelineRun::Level::Level(asio::any_io_executor executor, const ci::Pipeline& compiled,
                          std::string parent, std::vector<ScheduledJob> planned)
    : pipeline{compiled},
      trigger{std::move(parent)},
      schedule{std::move(planned)},
      ids(schedule.size()),
      dotenv(schedule.size()),
      changed{executor},
      tasks{executor} {}

PipelineRun::PipelineRun(asio::any_io_executor executor, Coordinator& coordinator,
                         RunObserver& observer, RunSettings settings)
    : executor_{executor},
      coordinator_{coordinator},
      observer_{observer},
      settings_{std::move(settings)},
      loose_{executor} {
  coordinator_.on_trace([this](std::int64_t id, std::string_view bytes) { keep_log(id, bytes); });
}

void PipelineRun::keep_log(std::int64_t id, std::string_view bytes) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return;
  std::ofstream file{results_[known->second].log, std::ios::binary | std::ios::app};
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  observer_.job_log(known->second, bytes);
}

PipelineRun::Level& PipelineRun::add_level(const ci::Pipeline& pipeline,
                                           const std::vector<std::size_t>* chosen,
                                           std::string trigger) {
  auto& level = levels_.emplace_back(executor_, pipeline, std::move(trigger),
                                     scheduled_jobs(pipeline, chosen));
  Schedule::Settings settings;
  settings.no_delay = settings_.no_delay;
  for (const auto& name : settings_.manual)
    if (name == "all") settings.all_manual = true;
  for (std::size_t at = 0; at < level.schedule.size(); ++at) {
    const auto* job = pipeline.find(level.schedule.job(at).name);
    level.jobs.push_back(job);
    const auto is_among = [job](const std::vector<std::string>& names) {
      return std::any_of(names.begin(), names.end(), [job](const std::string& name) {
        return name == job->name || name == job->spec->name;
      });
    };
    if (is_among(settings_.manual)) settings.manual.push_back(at);
    if (level.trigger.empty() && is_among(settings_.named)) settings.forced.push_back(at);
    JobResult known;
    known.name = job->name;
    known.stage = job->spec->stage;
    known.pipeline = level.trigger;
    level.numbers.push_back(results_.size());
    results_.push_back(known);
    observer_.job_added(level.numbers.back(), known);
  }
  level.schedule.set(std::move(settings));
  return level;
}

asio::awaitable<PipelineResult> PipelineRun::run(const ci::Pipeline& pipeline,
                                                 const std::vector<std::size_t>& chosen) {
  const auto begun = std::chrono::steady_clock::now();
  auto& level = add_level(pipeline, &chosen, {});
  co_await run_level(level);
  co_await loose_.join();
  PipelineResult whole;
  whole.name = pipeline.name;
  whole.id = pipeline.facts.pipeline_id;
  whole.sha = pipeline.facts.sha;
  whole.status = canceled_ ? Status::canceled : level.schedule.status();
  whole.duration = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun);
  whole.jobs.assign(results_.begin(), results_.end());
  co_return whole;
}

asio::awaitable<void> PipelineRun::run_level(Level& level) {
  if (canceled_) level.schedule.cancel();
  while (true) {
    level.changed.reset();
    const auto now = Schedule::Clock::now();
    for (const auto job : level.schedule.advance(now)) {
      show(level, job);
      const bool trigger = level.jobs[job]->spec->trigger.has_value();
      level.tasks.start(trigger ? run_trigger(level, job) : run_job(level, job));
    }
    for (std::size_t job = 0; job < level.schedule.size(); ++job)
      if (result(level, job).status != level.schedule.status_of(job)) show(level, job);
    if (level.schedule.idle()) break;
    if (level.changed.is_set()) continue;
    const auto due = level.schedule.next_wakeup();
    if (!due) {
      co_await level.changed.wait();
      continue;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - now);
    try {
      auto change = level.changed.wait();
      co_await util::with_timeout(std::move(change), std::max(left, 1ms));
    } catch (const util::TimeoutError&) {
      // A delayed job's time has come.
    }
  }
  co_await level.tasks.join();
}

void PipelineRun::show(Level& level, std::size_t job) {
  auto& known = result(level, job);
  known.status = level.schedule.status_of(job);
  known.attempts = level.schedule.attempts(job);
  known.failure_allowed = level.schedule.failure_allowed(job);
  observer_.job_changed(level.numbers[job], known);
}

ci::Job PipelineRun::job_with_dotenv(Level& level, std::size_t at) {
  auto job = *level.jobs[at];
  job::Variables inherited;
  for (const auto& name : job.artifacts_from)
    for (std::size_t other = 0; other < level.jobs.size(); ++other)
      if (level.jobs[other]->name == name) inherited.append(level.dotenv[other]);
  if (!inherited.list().empty())
    insert_before(job.all_variables, inherited, level.pipeline.user_variables);
  return job;
}

nlohmann::json PipelineRun::payload_of(Level& level, std::size_t at) {
  const auto job = job_with_dotenv(level, at);
  auto payload = ci::make_payload(level.pipeline, job);
  auto dependencies = nlohmann::json::array();
  for (const auto& name : job.artifacts_from) {
    for (std::size_t other = 0; other < level.jobs.size(); ++other) {
      if (level.jobs[other]->name != name || level.ids[other] == 0) continue;
      const auto& record = coordinator_.job(level.ids[other]);
      const auto archive =
          std::find_if(record.artifacts.rbegin(), record.artifacts.rend(), is_archive);
      if (archive == record.artifacts.rend()) continue;
      dependencies.push_back(
          {{"id", record.id},
           {"token", record.token.reveal()},
           {"name", name},
           {"artifacts_file",
            {{"filename", archive->filename}, {"size", archive->content.size()}}}});
    }
  }
  payload["dependencies"] = std::move(dependencies);
  return payload;
}

asio::awaitable<void> PipelineRun::run_job(Level& level, std::size_t job) {
  const auto number = level.numbers[job];
  std::string problem;
  std::int64_t id = 0;
  try {
    auto& known = result(level, job);
    const auto directory =
        settings_.directory / fmt::format("{}-{}", number + 1, file_name(known.name));
    fs::create_directories(directory);
    const auto attempt = level.schedule.attempts(job);
    known.log = (directory / (attempt > 1 ? fmt::format("job-{}.log", attempt) : "job.log"));
    id = coordinator_.enqueue(payload_of(level, job));
    by_id_[id] = number;
    level.ids[job] = id;
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!problem.empty()) {
    result(level, job).note = problem;
    conclude(level, job, {false, false, "runner_system_failure", std::nullopt});
    co_return;
  }
  const std::function<bool(const JobRecord&)> taken = [](const JobRecord& record) {
    return record.state != JobState::pending;
  };
  co_await coordinator_.wait_until(id, taken, longest);
  level.schedule.started(job);
  show(level, job);
  co_await coordinator_.wait_finished(id, longest);
  const auto& record = coordinator_.job(id);
  JobEnd end;
  end.success = record.state == JobState::success && !canceled_;
  end.canceled = record.state == JobState::canceled || (canceled_ && !end.success);
  end.failure_reason = record.failure_reason;
  if (record.exit_code) end.exit_code = *record.exit_code;
  collect(level, job, record);
  conclude(level, job, end);
}

/// What the job left: archive and reports go to its directory, dotenv variables to those after it.
void PipelineRun::collect(Level& level, std::size_t job, const JobRecord& record) {
  auto& known = result(level, job);
  known.duration = span(record);
  known.artifacts.clear();
  const auto directory = fs::path{known.log}.parent_path();
  for (const auto& file : record.artifacts) {
    const auto path = directory / (is_archive(file) ? "artifacts.zip"
                                                    : file_name(file.type + "-" + file.filename));
    std::ofstream{path, std::ios::binary | std::ios::trunc} << file.content;
    known.artifacts.push_back(path.string());
    if (is_archive(file)) archives_[known.name] = path;
    if (file.type != "dotenv" || record.state != JobState::success) continue;
    try {
      level.dotenv[job] = parse_dotenv(gunzip(file.content));
    } catch (const std::exception& error) {
      known.note = std::string{"its dotenv report is not used: "} + error.what();
      observer_.note(known.name + ": " + known.note);
    }
  }
  const auto& pattern = level.jobs[job]->spec->coverage;
  if (!pattern.empty()) known.coverage = find_coverage(record.trace, pattern);
}

void PipelineRun::conclude(Level& level, std::size_t job, const JobEnd& end) {
  auto& known = result(level, job);
  known.failure_reason = end.success || end.canceled ? "" : end.failure_reason;
  known.exit_code = end.success || end.canceled ? std::nullopt : end.exit_code;
  const bool again = level.schedule.ended(job, end);
  if (again)
    observer_.note(
        fmt::format("{} failed ({}) and is tried again", known.name, end.failure_reason));
  show(level, job);
  const bool fatal =
      level.schedule.status_of(job) == Status::failed && !level.schedule.failure_allowed(job);
  if (fatal && level.pipeline.auto_cancel.on_job_failure == "all") cancel_level(level, true);
  level.changed.set();
}

asio::awaitable<void> PipelineRun::run_trigger(Level& level, std::size_t job) {
  level.schedule.started(job);
  show(level, job);
  const auto& trigger = *level.jobs[job]->spec->trigger;
  const auto begun = std::chrono::steady_clock::now();
  auto child = run_child(level, job, !trigger.strategy.empty());
  const auto end = co_await std::move(child);
  result(level, job).duration = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun);
  conclude(level, job, end);
}

asio::awaitable<JobEnd> PipelineRun::run_child(Level& level, std::size_t job, bool depend) {
  constexpr auto not_created = "downstream_pipeline_creation_failed";
  auto& known = result(level, job);
  try {
    const auto trigger = job_with_dotenv(level, job);
    const auto id = settings_.new_pipeline(level.pipeline.facts);
    children_.push_back(settings_.compile_child(level.pipeline, trigger, id));
    ci::require_runnable(children_.back());
    if (!children_.back().runs)
      throw std::runtime_error{"no pipeline is made: " + children_.back().why_not};
  } catch (const std::exception& error) {
    known.note = "the child pipeline cannot be made";
    observer_.note(known.name + ": " + error.what());
    co_return JobEnd{false, false, not_created, std::nullopt};
  }
  auto& child = add_level(children_.back(), nullptr,
                          level.trigger.empty() ? known.name : level.trigger + " > " + known.name);
  if (!depend) {
    loose_.start(run_loose(child));
    co_return JobEnd{true, false, {}, std::nullopt};
  }
  co_await run_level(child);
  JobEnd end;
  const auto status = child.schedule.status();
  end.success = status == Status::success || status == Status::skipped;
  end.canceled = status == Status::canceled;
  if (!end.success && !end.canceled) end.failure_reason = "downstream_pipeline_failed";
  if (status == Status::manual) end.failure_reason = "the child pipeline waits for a manual job";
  co_return end;
}

asio::awaitable<void> PipelineRun::run_loose(Level& child) {
  co_await run_level(child);
  if (child.schedule.status() == Status::failed)
    observer_.note(fmt::format(
        "the child pipeline of {} failed; that does not count, since it has no strategy: depend",
        child.trigger));
}

void PipelineRun::cancel_level(Level& level, bool graceful) {
  level.schedule.cancel();
  for (const auto id : level.ids)
    if (id != 0 && (graceful || !coordinator_.job(id).assigned)) coordinator_.cancel(id, graceful);
  level.changed.set();
}

void PipelineRun::cancel() {
  canceled_ = true;
  for (auto& level : levels_) cancel_level(level, false);
}

void PipelineRun::abandon() {
  cancel();
  for (const auto& [id, number] : by_id_) coordinator_.cancel(id, false);
}

fs::path PipelineRun::archive_of(const std::string& job) const {
  const auto found = archives_.find(job);
  return found == archives_.end() ? fs::path{} : found->second;
}

}  // namespace slipway::local::exec
