#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "gitlab_api/client.hpp"
#include "runner/failure_reason.hpp"
#include "runner/job_clock.hpp"
#include "runner/progress.hpp"
#include "runner/slots.hpp"
#include "runner/trace.hpp"

namespace slipway::runner {

/// What a job's journal says once, before anything is made for the job.
struct JournalHeader {
  static constexpr int current_version = 1;
  int version = current_version;
  std::string program;  ///< version and revision that wrote it
  std::int64_t job = 0;
  std::int64_t project = 0;
  std::string payload;  ///< of the coordinator's answer, as it came; holds the job's secrets
  std::string config;   ///< TOML with this one runner; "" = it came from the command line
  std::string runner_name;
  std::string runner_url;
  util::Secret runner_token;
  std::string executor;    ///< of the runner; "" from versions that knew docker alone
  std::string builds_dir;  ///< of the runner's configuration
  Slots::Numbers slots;
  ClockReading received;
};

/// How far a job is.
enum class Phase {
  taken,      ///< nothing was made for it
  preparing,  ///< containers may exist; nothing of the user has run
  staged,     ///< prepared: stages run
  ended,      ///< the final state is known and the log is closed
};

/// `taken`, `preparing` … as in the journal.
const char* to_string(Phase phase);

/// A job at one moment, complete: what another process needs to go on with it.
struct JournalEntry {
  Phase phase = Phase::taken;
  std::string execution;  ///< random part of the names that the executor gives, per try of prepare
  Progress progress;
  StopReason stop_reason = StopReason::none;
  std::string stop_text;
  std::string executor;  ///< Executor::snapshot()
  Trace::State trace;
  std::uint64_t sent = 0;  ///< of the log, as the coordinator confirmed
  bool accepted = false;   ///< the coordinator knows that the job was taken
  std::optional<gitlab_api::JobUpdate> final_update;
  bool delivered = false;            ///< the coordinator has the final state, or does not want it
  bool cleaned = false;              ///< what the job made is removed, or the reaper's
  std::chrono::milliseconds age{0};  ///< since the job was received, at `clock`
  ClockReading clock;
};

/// Nothing is left to do for the job: its journal may go. Pure.
bool is_over(const JournalEntry& state);

nlohmann::json to_json(const JournalHeader& header);
nlohmann::json to_json(const JournalEntry& state);
/// Of this version and older ones. \throws nlohmann::json::exception.
JournalHeader header_from(const nlohmann::json& json);
JournalEntry state_from(const nlohmann::json& json);

/// What a new process does with a job that another one left.
struct Recovery {
  enum class Way {
    deliver,  ///< it has ended: the final state goes to the coordinator, what is left is removed
    restart,  ///< nothing of the user has run: what was made is removed, and prepare begins anew
    adopt,    ///< its containers may be running: go on where it is
    finish,   ///< it cannot go on: it ends with `reason`
  };
  Way way = Way::finish;
  StopReason reason = StopReason::none;
  std::string text;
};

/// Pure. `age`: of the job, by now. `can_adopt`: the configuration that the job began with is
/// known.
Recovery plan_recovery(const JournalEntry& state, std::chrono::milliseconds age,
                       std::chrono::seconds timeout, bool can_adopt);

}  // namespace slipway::runner
