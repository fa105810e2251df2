#pragma once

#include <chrono>
#include <exception>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "job/failure.hpp"

namespace slipway::runner {

/// How a section of a job ended, in a form that outlives the process.
struct Outcome {
  enum class Kind { success, failure, timeout };
  Kind kind = Kind::success;
  job::FailureReason reason = job::FailureReason::runner_system_failure;
  std::string text;
  std::optional<std::int32_t> exit_code;

  /// nullptr is success, util::TimeoutError a timeout, all else a failure.
  static Outcome of(const std::exception_ptr& failure);
  /// Throws what of() was given, as job::Failure or util::TimeoutError; nothing for a success.
  void rethrow() const;
};

/// How far a job has come through its sections (`get_sources`, `step_script` …). A process that
/// takes a job over runs the same code again from its beginning: sections that are done give their
/// stored outcome at once, and the one under way goes on where it was.
struct Progress {
  std::map<std::string, Outcome> done;
  std::string section;           ///< under way, "" = between two
  int stages = 0;                ///< begun so far; also the number of the last one
  bool stage_under_way = false;  ///< that one was handed to the executor, and its end is not known
  std::chrono::milliseconds stage_began{0};    ///< since the job's start
  std::chrono::milliseconds sources_began{0};  ///< of the first attempt; 0 = not yet
  std::chrono::milliseconds script_began{0};   ///< of the first user stage; 0 = not yet
  bool script_cancelled = false;

  /// Under way or done.
  bool knows(const std::string& name) const { return section == name || done.contains(name); }
  bool knows_any(const std::vector<std::string>& names) const;
  void begin(std::string name);
  void end(Outcome outcome);
};

nlohmann::json to_json(const Progress& progress);
/// \throws nlohmann::json::exception for what to_json() did not write.
Progress progress_from(const nlohmann::json& json);

}  // namespace slipway::runner
