#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "local/exec/results.hpp"

namespace slipway::local::exec {

/// Is told how a run gets on. Jobs have numbers in the order in which they became known, those of
/// child pipelines among them.
class RunObserver {
 public:
  virtual ~RunObserver() = default;

  virtual void job_added(std::size_t job, const JobResult& known) = 0;
  /// Its status has changed; `known` has the rest as far as it goes.
  virtual void job_changed(std::size_t job, const JobResult& known) = 0;
  /// A piece of its log, cut anywhere.
  virtual void job_log(std::size_t job, std::string_view bytes) = 0;
  /// Something about the run as a whole, or a job's misfortune outside of its log.
  virtual void note(const std::string& text) = 0;
};

}  // namespace slipway::local::exec
