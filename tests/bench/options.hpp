#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace slipway::bench {

/// What the command line says.
struct Options {
  int runs = 10;       ///< of every figure that is a median
  int log_runs = 3;    ///< of the two logs, which take seconds each
  int log_jobs = 100;  ///< that print side by side
  std::chrono::seconds log_time{60};
  int dind_jobs = 4;  ///< of the figure with many dind jobs
  int dind_concurrent = 2;
  int memory_jobs = 10;  ///< running at once when memory is looked at
  int idle_runners = 200;
  std::chrono::seconds idle_time{120};
  int archive_runs = 5;  ///< of each archive, which take half a minute each
  int archive_files = 20'000;
  int archive_mib = 1024;         ///< of the files together
  std::vector<std::string> only;  ///< names of figures; empty = all
  bool list = false;
  bool verbose = false;            ///< the daemon's log is shown when a figure fails
  std::string json;                ///< where the table goes as JSON; "" = nowhere
  std::filesystem::path programs;  ///< directory of slipway and slipway-helper
};

}  // namespace slipway::bench
