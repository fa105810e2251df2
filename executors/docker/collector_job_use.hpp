#pragma once

#include <set>
#include <string>
#include <vector>

#include "executors/docker/collector_in_use.hpp"
#include "executors/docker/collector_usage.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::executors::docker {

/// What one job uses of its Engine, from before it looks at the first image until its last object
/// is removed: held, so that it is not collected meanwhile, and told to the log at both ends.
class JobUse {
 public:
  JobUse() = default;
  JobUse(const JobUse&) = delete;
  JobUse& operator=(const JobUse&) = delete;
  ~JobUse() { end(); }

  /// \param engine  Info::id. \param images  as the job names them. \param volumes  those that stay
  /// after the job. \param log  may be null. `in_use` and `log` must outlive it. Cancellation: any
  /// kind; it has not begun.
  asio::awaitable<void> begin(InUse& in_use, UsageLog* log, std::string engine,
                              std::vector<std::string> images, std::vector<std::string> volumes);
  /// The id that one of the names has led to.
  void image(const std::string& id);
  /// The job's objects are removed. Idempotent.
  void end();

 private:
  void tell() const;

  InUse::Hold hold_;
  UsageLog* log_ = nullptr;
  std::string engine_;
  std::set<std::string> images_;
  std::vector<std::string> volumes_;
};

}  // namespace slipway::executors::docker
