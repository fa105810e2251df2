#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/secret.hpp"

namespace slipway::local {

/// A job's state on the coordinator's side; spelt as in `Job-Status`.
enum class JobState { pending, running, canceling, success, failed, canceled };

std::string_view to_string(JobState state);
/// success, failed or canceled: nothing changes any more.
bool is_final(JobState state);

using TimePoint = std::chrono::steady_clock::time_point;

/// One PATCH of the trace, accepted or not.
struct TracePatch {
  std::uint64_t first = 0;  ///< as claimed by Content-Range; 0 when it could not be read
  std::uint64_t last = 0;
  std::uint64_t bytes = 0;  ///< length of the body
  int status = 0;  ///< of the answer the coordinator decided on (a fault may have replaced it)
  bool debug_trace = false;
  std::string request_id;
  TimePoint at;
};

/// One PUT of the state.
struct StatusUpdate {
  std::string state;
  std::string failure_reason;
  std::optional<std::int32_t> exit_code;
  std::string checksum;                   ///< output.checksum, "" when absent
  std::optional<std::uint64_t> bytesize;  ///< output.bytesize
  int status = 0;                         ///< as in TracePatch
  std::string body;                       ///< as received; holds the job token
  std::string request_id;
  std::string user_agent;
  TimePoint at;
};

/// An uploaded artifact: the file part of the multipart body, untouched.
struct ArtifactFile {
  std::string filename;
  std::string type;    ///< "" = archive
  std::string format;  ///< "" = zip
  std::string expire_in;
  std::string content;
};

/// Everything the coordinator knows of one job. Plain data.
struct JobRecord {
  std::int64_t id = 0;
  util::Secret token;
  std::string payload;  ///< JSON as handed out; holds the job token
  std::vector<std::string> tags;
  JobState state = JobState::pending;
  bool assigned = false;  ///< handed to a runner
  std::int64_t runner_id = 0;
  std::string system_id;  ///< of the runner manager that took it
  std::string
      reported_state;  ///< what the final PUT said: a cancelled job ends as `failed` for its runner
  std::string failure_reason;
  std::optional<std::int32_t> exit_code;
  std::string trace;
  std::vector<TracePatch> patches;
  std::vector<StatusUpdate> updates;
  std::vector<ArtifactFile> artifacts;
  int wrong_checksums = 0;  ///< final PUTs whose checksum or size did not fit the trace
  TimePoint enqueued_at;
  std::optional<TimePoint> assigned_at;
  std::optional<TimePoint> accepted_at;  ///< first PUT `running`
  std::optional<TimePoint> first_trace_at;
  std::optional<TimePoint> finished_at;
};

/// One registered runner.
struct RunnerRecord {
  std::int64_t id = 0;
  util::Secret token;
  std::string description;
  std::vector<std::string> tags;
  bool run_untagged = true;
  bool paused = false;
  std::vector<std::string> system_ids;  ///< managers seen, in order
  std::string info;                     ///< JSON of the last `info` sent; "" = none yet
  std::string last_request;             ///< body of the last job request; holds the token
  std::uint64_t job_requests = 0;
  bool removed = false;
};

}  // namespace slipway::local
