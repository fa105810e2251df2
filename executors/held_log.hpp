#pragma once

#include <string>
#include <vector>

#include "executors/job_log.hpp"

namespace slipway::executors {

/// Keeps back what is done ahead of its turn, so that the log stays in the documented order: until
/// release() or its end, then everything passes. `log` must outlive it.
class HeldLog final : public JobLog {
 public:
  explicit HeldLog(JobLog& log) : log_{log} {}
  HeldLog(const HeldLog&) = delete;
  ~HeldLog() override { release(); }

  void write(job::LogStream stream, job::LogKind kind, std::string_view bytes) override;
  void flush(job::LogStream stream) override;
  void add_masked_value(std::string value) override { log_.add_masked_value(std::move(value)); }
  void release();

 private:
  struct Piece {
    job::LogStream stream;
    job::LogKind kind;
    std::string bytes;
  };

  JobLog& log_;
  bool released_ = false;
  std::vector<Piece> held_;
};

}  // namespace slipway::executors
