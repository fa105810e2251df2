#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::runner {

/// What the daemon is about, as it writes it to `<state directory>/status.json` for `slipway
/// status` and other programs. One JSON object; members that are not known must be ignored:
///
///     {"format": 1, "pid": 4711, "version": "0.1.0", "started": 1700000000,
///      "state": "running",
///      "jobs": [{"key": "abcdef123-42-1f2e3d4c", "job": 42, "project": 7, "phase": "staged",
///                "since": 1700000100, "adopted": true}],
///      "undelivered": [{"key": "…", "job": 41, "project": 7, "state": "success",
///                       "since": 1700000050, "last_error": "connect to …"}],
///      "reaper": {"pending": 1, "failures": 3,
///                 "objects": [{"kind": "volume", "id": "…", "job": "…", "tries": 3,
///                              "last_error": "…"}]},
///      "disk": {"path": "/var/lib/docker", "total_bytes": 1000, "free_bytes": 500,
///               "freed_bytes": 0, "polling_paused": false}}
///
/// Times are seconds since 1970. `state` is starting, running, graceful-shutdown or
/// forceful-shutdown. `undelivered` and `disk` hold no secrets, nor does anything else. Lists are
/// cut after 1,000 entries; `pending` counts all. `disk` is absent where nothing is known.
struct Status {
  struct Job {
    std::string key;
    std::int64_t id = 0;
    std::int64_t project = 0;
    std::string phase;  ///< taken, preparing, staged, ended …
    std::int64_t since = 0;
    bool adopted = false;  ///< begun by a process before this one

    friend bool operator==(const Job&, const Job&) = default;
  };
  struct Undelivered {
    std::string key;
    std::int64_t id = 0;
    std::int64_t project = 0;
    std::string state;  ///< success, failed
    std::int64_t since = 0;
    std::string last_error;

    friend bool operator==(const Undelivered&, const Undelivered&) = default;
  };
  struct Object {
    std::string kind;
    std::string id;
    std::string job;  ///< key, "" = not known
    int tries = 0;
    std::string last_error;

    friend bool operator==(const Object&, const Object&) = default;
  };
  struct Disk {
    std::string path;
    std::uint64_t total_bytes = 0;
    std::uint64_t free_bytes = 0;
    std::uint64_t freed_bytes = 0;  ///< by the collector, since the start
    bool polling_paused = false;

    friend bool operator==(const Disk&, const Disk&) = default;
  };

  std::int64_t pid = 0;
  std::string version;
  std::int64_t started = 0;
  std::string state;
  std::vector<Job> jobs;
  std::vector<Undelivered> undelivered;
  std::size_t reaper_pending = 0;
  std::uint64_t reaper_failures = 0;
  std::vector<Object> objects;
  std::optional<Disk> disk;

  friend bool operator==(const Status&, const Status&) = default;
};

/// With line feed.
std::string to_json(const Status& status);

/// \throws std::runtime_error: not such a text, or of a later format.
Status parse_status(std::string_view text);

}  // namespace slipway::runner
