#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "docker_api/types.hpp"
#include "executors/job_log.hpp"

/// What is said of services in a job's log, and what is asked of them. Pure.
namespace slipway::executors::docker {

/// Of each log that is shown.
inline constexpr std::size_t shown_service_log = 65536;

/// The ports of which one must accept: HEALTHCHECK_TCP_PORT of the container's environment (in any
/// case) alone, else the first 20 of its exposed TCP ports. \throws job::Failure `invalid health
/// check tcp port: …`.
std::vector<int> ports_to_check(const docker_api::ContainerDetails& container);

/// The value of the last entry `KEY=…`; the entry's name may be in any case, `key` is upper case.
std::optional<std::string> env_value(const std::vector<std::string>& env, std::string_view key);

/// True if the container's own HEALTHCHECK can say within `limit` that it is healthy, so that it is
/// asked instead of the ports. A check that comes first after 30 s, as is the default, cannot.
bool has_timely_healthcheck(const docker_api::ContainerDetails& container,
                            std::chrono::seconds limit);

/// A service that is probably not up.
struct UnhealthyService {
  std::string name;                      ///< of its container
  std::string error;                     ///< why
  std::optional<std::string> check_log;  ///< what the check has seen, if it ran
  std::string service_log;
  std::string hint;  ///< "" = none
};
/// The documented warning block.
std::string unhealthy_block(const UnhealthyService& service);

using LogTime = std::chrono::sys_time<std::chrono::nanoseconds>;
/// The time at the front of a log line (RFC 3339, then a blank).
std::optional<LogTime> log_time(std::string_view line);

/// Turns a service's output into lines of the job's log (CI_DEBUG_SERVICES), each with the
/// service's name. What has no line feed yet is held back, up to a limit. Lines that begin with a
/// time as the Engine writes it can be asked for again after a cut.
class ServiceLines {
 public:
  ServiceLines(JobLog& log, const std::vector<std::string>& aliases);
  void add(job::LogKind kind, std::string_view bytes);
  /// The end of the output: what is held back comes out.
  void finish();
  /// The output was cut, and comes again from since() on: what was printed is left out, and what is
  /// held back comes whole.
  void resume();
  /// A time before which every line was printed; nullopt if no line had a time.
  std::optional<std::chrono::sys_seconds> since() const;
  /// Lines so far.
  std::uint64_t count() const { return count_; }

 private:
  void print(job::LogKind kind, std::string_view line);

  JobLog& log_;
  std::string prefix_;
  std::map<job::LogKind, std::string> held_;
  std::map<job::LogKind, LogTime> last_;     ///< that was printed
  std::map<job::LogKind, LogTime> printed_;  ///< before the cut
  std::uint64_t count_ = 0;
};

}  // namespace slipway::executors::docker
