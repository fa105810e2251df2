#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "local/exec/schedule.hpp"

namespace slipway::local::exec {

/// What became of one job. Plain data.
struct JobResult {
  std::string name;
  std::string stage;
  std::string
      pipeline;  ///< of a child pipeline: the trigger job's name; empty: the pipeline itself
  Status status = Status::created;
  bool failure_allowed = false;
  int attempts = 0;
  std::chrono::milliseconds duration{0};  ///< of the last attempt
  std::string failure_reason;
  std::optional<int> exit_code;
  std::string coverage;                ///< percent, as the job's `coverage` found it in the log
  std::vector<std::string> artifacts;  ///< files below the state directory
  std::string log;                     ///< file below the state directory; empty: it did not run
  std::string note;  ///< what a person should know: why it was skipped, for instance
};

struct PipelineResult {
  std::string name;
  std::int64_t id = 0;
  std::string sha;
  Status status = Status::created;
  std::chrono::milliseconds duration{0};
  std::vector<JobResult> jobs;
};

/// A line per job, aligned, and one for the pipeline. \param colours  by ANSI sequences.
std::string summary_text(const PipelineResult& result, bool colours);
nlohmann::json result_json(const PipelineResult& result);
/// A test suite per stage, a test case per job; jobs that may fail are skipped with a message.
std::string result_junit(const PipelineResult& result);
/// 0 for success, also where nothing had to run or a manual job is waited for; 130 for canceled;
/// else 1.
int exit_code_of(Status status);

/// `1 h 02 min`, `2 min 03 s`, `4.5 s`.
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace slipway::local::exec
