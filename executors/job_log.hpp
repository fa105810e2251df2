#pragma once

#include <string>
#include <string_view>

#include "job/trace_filter.hpp"

namespace slipway::executors {

/// Where an executor writes what the user shall see: the job's log. Runner lines get GitLab
/// Runner's colours. Never blocks: the log is limited in size and spooled.
class JobLog {
 public:
  virtual ~JobLog() = default;

  virtual void write(job::LogStream stream, job::LogKind kind, std::string_view bytes) = 0;
  /// A stage or container ended: what filters hold back of `stream` comes out.
  virtual void flush(job::LogStream stream) = 0;
  /// From now on `value` is shown as [MASKED], also in what is held back.
  virtual void add_masked_value(std::string /*value*/) {}

  void plain(std::string_view text);
  void info(std::string_view text);
  void warning(std::string_view text);
  void error(std::string_view text);
};

}  // namespace slipway::executors
