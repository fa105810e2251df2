#include "local/exec/results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace slipway::local::exec {

namespace {

using nlohmann::json;

std::string full_name(const JobResult& job) {
  return job.pipeline.empty() ? job.name : job.pipeline + " > " + job.name;
}

std::string_view colour_of(const JobResult& job) {
  if (job.status == Status::success) return "\x1b[32m";
  if (job.status == Status::failed) return job.failure_allowed ? "\x1b[33m" : "\x1b[31m";
  return "\x1b[2m";
}

std::string status_text(const JobResult& job) {
  if (job.status == Status::failed && job.failure_allowed) return "failed (allowed)";
  return std::string{name_of(job.status)};
}

std::string details(const JobResult& job) {
  std::vector<std::string> parts;
  if (!job.failure_reason.empty()) parts.push_back(job.failure_reason);
  if (job.exit_code) parts.push_back(fmt::format("exit code {}", *job.exit_code));
  if (job.attempts > 1) parts.push_back(fmt::format("{} attempts", job.attempts));
  if (!job.coverage.empty()) parts.push_back(fmt::format("coverage {} %", job.coverage));
  if (!job.note.empty()) parts.push_back(job.note);
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string xml(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') {
      result += c;
    }
  }
  return result;
}

/// Columns of a terminal, near enough: continuation bytes take none.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string padded(std::string text, std::size_t width) {
  const auto is = width_of(text);
  if (is < width) text.append(width - is, ' ');
  return text;
}

double seconds(std::chrono::milliseconds duration) {
  return static_cast<double>(duration.count()) / 1000;
}

std::string suites(const PipelineResult& result) {
  std::string text;
  std::vector<std::string> stages;
  for (const auto& job : result.jobs)
    if (std::find(stages.begin(), stages.end(), job.stage) == stages.end())
      stages.push_back(job.stage);
  for (const auto& stage : stages) {
    std::string cases;
    int tests = 0;
    int failures = 0;
    int skipped = 0;
    for (const auto& job : result.jobs) {
      if (job.stage != stage) continue;
      ++tests;
      cases += fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"", xml(stage),
                           xml(full_name(job)), seconds(job.duration));
      const bool failed = job.status == Status::failed && !job.failure_allowed;
      if (job.status == Status::success) {
        cases += "/>\n";
        continue;
      }
      ++(failed ? failures : skipped);
      cases += fmt::format(
          ">\n      <{0} message=\"{1}\"/>\n    </testcase>\n", failed ? "failure" : "skipped",
          xml(status_text(job) + (details(job).empty() ? "" : ": ") + details(job)));
    }
    text += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n{}  </testsuite>\n",
        xml(stage), tests, failures, skipped, cases);
  }
  return text;
}

}  // namespace

std::string duration_text(std::chrono::milliseconds duration) {
  const auto total = duration.count() / 1000;
  if (total >= 3600) return fmt::format("{} h {:02} min", total / 3600, total % 3600 / 60);
  if (total >= 60) return fmt::format("{} min {:02} s", total / 60, total % 60);
  return fmt::format("{:.1f} s", seconds(duration));
}

std::string summary_text(const PipelineResult& result, bool colours) {
  std::size_t name = 3;
  std::size_t stage = 5;
  std::size_t status = 6;
  for (const auto& job : result.jobs) {
    name = std::max(name, width_of(full_name(job)));
    stage = std::max(stage, width_of(job.stage));
    status = std::max(status, status_text(job).size());
  }
  auto text = padded("STAGE", stage) + "  " + padded("JOB", name) + "  " +
              padded("STATUS", status) + "  " + padded("TIME", 10) + "  \n";
  for (const auto& job : result.jobs) {
    const auto time = job.attempts > 0 ? duration_text(job.duration) : "";
    auto shown = padded(status_text(job), status);
    if (colours) shown = std::string{colour_of(job)} + shown + "\x1b[0m";
    text += padded(job.stage, stage) + "  " + padded(full_name(job), name) + "  " + shown + "  " +
            padded(time, 10) + "  " + details(job) + "\n";
  }
  std::string trimmed;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    auto line = text.substr(at, end - at);
    line.erase(line.find_last_not_of(' ') + 1);
    trimmed += line + "\n";
    at = end + 1;
  }
  trimmed += fmt::format("pipeline {}: {} in {}\n", result.id, name_of(result.status),
                         duration_text(result.duration));
  return trimmed;
}

json result_json(const PipelineResult& result) {
  auto jobs = json::array();
  for (const auto& job : result.jobs) {
    json entry{{"name", job.name},
               {"stage", job.stage},
               {"status", name_of(job.status)},
               {"allow_failure", job.failure_allowed},
               {"attempts", job.attempts},
               {"duration", seconds(job.duration)},
               {"artifacts", job.artifacts}};
    entry["failure_reason"] = job.failure_reason.empty() ? json{} : json(job.failure_reason);
    entry["exit_code"] = job.exit_code ? json(*job.exit_code) : json{};
    entry["coverage"] = job.coverage.empty() ? json{} : json(job.coverage);
    entry["log"] = job.log.empty() ? json{} : json(job.log);
    if (!job.pipeline.empty()) entry["trigger"] = job.pipeline;
    if (!job.note.empty()) entry["note"] = job.note;
    jobs.push_back(std::move(entry));
  }
  return {{"id", result.id},
          {"name", result.name},
          {"sha", result.sha},
          {"status", name_of(result.status)},
          {"duration", seconds(result.duration)},
          {"jobs", std::move(jobs)}};
}

std::string result_junit(const PipelineResult& result) {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" time=\"{:.3f}\">\n{}"
      "</testsuites>\n",
      xml(result.name.empty() ? "pipeline" : result.name), seconds(result.duration),
      suites(result));
}

int exit_code_of(Status status) {
  constexpr int interrupted = 130;
  if (status == Status::canceled) return interrupted;
  return status == Status::failed ? 1 : 0;
}

}  // namespace slipway::local::exec
