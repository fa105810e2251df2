#include "local/exec/live_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "local/exec/line_view.hpp"

namespace slipway::local::exec {

namespace {

constexpr std::array spinner{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
constexpr std::size_t tail_lines = 30;
constexpr std::size_t most_lines = 15;  // fewer than any terminal has
constexpr std::size_t max_line = 1000;

bool is_active(Status status) {
  return status == Status::pending || status == Status::running || status == Status::scheduled;
}

std::string_view sign_of(const JobResult& job) {
  if (job.status == Status::success) return "\x1b[32m✓\x1b[0m";
  if (job.status == Status::failed)
    return job.failure_allowed ? "\x1b[33m!\x1b[0m" : "\x1b[31m✗\x1b[0m";
  return "\x1b[2m-\x1b[0m";
}

}  // namespace

std::string cut_to_width(std::string_view text, std::size_t columns) {
  std::string result;
  std::size_t used = 0;
  bool coloured = false;
  while (!text.empty()) {
    if (text.starts_with("\x1b[")) {
      const auto end = std::find_if(text.begin() + 2, text.end(),
                                    [](char c) { return c >= '\x40' && c <= '\x7e'; });
      const auto length =
          static_cast<std::size_t>(end - text.begin()) + (end == text.end() ? 0 : 1);
      if (text[length - 1] == 'm') {
        result += text.substr(0, length);
        coloured = true;
      }
      text.remove_prefix(length);
      continue;
    }
    const auto c = static_cast<unsigned char>(text.front());
    const bool continuation = (c & 0xc0) == 0x80;
    if (!continuation && used == columns) break;
    if (!continuation && c >= 0x20) ++used;
    if (c >= 0x20) result += text.front();
    text.remove_prefix(1);
  }
  if (coloured) result += "\x1b[0m";
  return result;
}

void LiveView::job_added(std::size_t job, const JobResult& known) {
  if (jobs_.size() <= job) jobs_.resize(job + 1);
  jobs_[job].name = known.pipeline.empty() ? known.name : known.pipeline + " > " + known.name;
}

void LiveView::take(Shown& job, std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find_first_of("\r\n");
    if (job.line.size() < max_line) job.line += text.substr(0, end);
    if (end == std::string_view::npos) return;
    if (text[end] == '\n') {
      job.tail.push_back(std::move(job.line));
      if (job.tail.size() > tail_lines) job.tail.pop_front();
    }
    job.line.clear();
    text.remove_prefix(end + 1);
  }
}

void LiveView::job_log(std::size_t job, std::string_view bytes) {
  auto& shown = jobs_[job];
  if (!shown.log)
    shown.log = std::make_unique<LiveLog>(
        true, [this, &shown](std::string_view text) { take(shown, text); });
  shown.log->write(bytes);
}

void LiveView::job_changed(std::size_t job, const JobResult& known) {
  auto& shown = jobs_[job];
  if (known.status == shown.status) return;
  shown.status = known.status;
  if (is_active(known.status)) {
    shown.since = Clock::now();
    if (known.status == Status::pending) {
      shown.tail.clear();
      shown.line.clear();
      shown.log.reset();
    }
    return;
  }
  if (shown.log) shown.log->close();
  if (known.status == Status::created || known.status == Status::waiting_for_resource) return;
  std::string text;
  if (known.status == Status::failed) {
    for (const auto& line : shown.tail) text += "  " + line + "\x1b[0m\n";
    if (!known.log.empty()) text += "  whole log: " + known.log + "\n";
  }
  print(text + fmt::format("{} {} {}\n", sign_of(known), shown.name, status_words(known)));
  shown.tail.clear();
}

void LiveView::note(const std::string& text) {
  print(text + "\n");
}

void LiveView::print(const std::string& text) {
  clear();
  out_(text);
}

void LiveView::clear() {
  if (drawn_ > 0) out_(fmt::format("\x1b[{}A\r\x1b[J", drawn_));
  drawn_ = 0;
}

void LiveView::draw(Clock::time_point now) {
  const auto columns = std::max<std::size_t>(columns_(), 20) - 1;
  std::string text;
  std::size_t lines = 0;
  std::size_t more = 0;
  const auto* sign = spinner[frame_++ % spinner.size()];
  for (const auto& job : jobs_) {
    if (!is_active(job.status)) continue;
    if (lines == most_lines) {
      ++more;
      continue;
    }
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - job.since);
    const auto& last = job.line.empty() && !job.tail.empty() ? job.tail.back() : job.line;
    const auto what = job.status == Status::running ? last : std::string{name_of(job.status)};
    text += cut_to_width(fmt::format("{} \x1b[1m{}\x1b[0m {}  \x1b[2m{}", sign, job.name,
                                     duration_text(age), what),
                         columns) +
            "\n";
    ++lines;
  }
  if (more > 0) {
    text += fmt::format("  and {} more\n", more);
    ++lines;
  }
  clear();
  out_(text);
  drawn_ = lines;
}

void LiveView::close() {
  clear();
}

}  // namespace slipway::local::exec
