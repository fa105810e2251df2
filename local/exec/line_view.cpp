#include "local/exec/line_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace slipway::local::exec {

namespace {

constexpr std::size_t widest_prefix = 30;
constexpr std::array colours{"\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[32m"};

}  // namespace

std::string status_words(const JobResult& job) {
  switch (job.status) {
    case Status::success:
      return "succeeded in " + duration_text(job.duration);
    case Status::failed:
      return fmt::format("failed{} after {}: {}{}", job.failure_allowed ? " (allowed)" : "",
                         duration_text(job.duration),
                         job.failure_reason.empty() ? "unknown_failure" : job.failure_reason,
                         job.exit_code ? fmt::format(", exit code {}", *job.exit_code) : "");
    case Status::running:
      return job.attempts > 1 ? fmt::format("running, attempt {}", job.attempts) : "running";
    case Status::manual:
      return "waits to be started by hand (--manual)";
    case Status::scheduled:
      return "is delayed";
    default:
      return std::string{name_of(job.status)};
  }
}

void LineView::job_added(std::size_t job, const JobResult& known) {
  if (jobs_.size() <= job) jobs_.resize(job + 1);
  auto& shown = jobs_[job];
  shown.number = job;
  shown.name = known.pipeline.empty() ? known.name : known.pipeline + " > " + known.name;
  width_ = std::max(width_, std::min(shown.name.size(), widest_prefix));
}

std::string LineView::prefix(const Shown& job) const {
  auto text = fmt::format("{:<{}} | ", job.name, width_);
  if (!colours_) return text;
  return std::string{colours[job.number % colours.size()]} + text + "\x1b[0m";
}

void LineView::print(const Shown& job, std::string_view text) {
  out_(prefix(job) + std::string{text} + "\n");
}

void LineView::take(Shown& job, std::string_view text) {
  if (job.printed && text.starts_with('\n')) text.remove_prefix(1);
  job.printed = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    job.line += text.substr(0, end);
    if (end == std::string_view::npos) return;
    print(job, job.line);
    job.line.clear();
    text.remove_prefix(end + 1);
  }
}

void LineView::job_log(std::size_t job, std::string_view bytes) {
  auto& shown = jobs_[job];
  if (!shown.log)
    shown.log = std::make_unique<LiveLog>(
        colours_, [this, &shown](std::string_view text) { take(shown, text); });
  shown.log->write(bytes);
  // LiveLog ends a line only when it knows that nothing is to be joined to it; that is too late
  // here.
  if (shown.line.empty()) return;
  print(shown, shown.line);
  shown.line.clear();
  shown.printed = true;
}

void LineView::job_changed(std::size_t job, const JobResult& known) {
  auto& shown = jobs_[job];
  if (known.status == shown.status) return;
  shown.status = known.status;
  if (known.status == Status::created || known.status == Status::waiting_for_resource) return;
  if (shown.log && known.status != Status::running) {
    shown.log->close();
    if (!shown.line.empty()) print(shown, shown.line);
    shown.line.clear();
    shown.log.reset();
  }
  if (known.status == Status::pending) return;
  print(shown, "=> " + status_words(known));
}

void LineView::note(const std::string& text) {
  out_("=> " + text + "\n");
}

}  // namespace slipway::local::exec
