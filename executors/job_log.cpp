#include "executors/job_log.hpp"

#include "job/log_lines.hpp"

namespace slipway::executors {

void JobLog::plain(std::string_view text) {
  write(job::LogStream::runner, job::LogKind::out, job::plain_line(text));
}

void JobLog::info(std::string_view text) {
  write(job::LogStream::runner, job::LogKind::out, job::info_line(text));
}

void JobLog::warning(std::string_view text) {
  write(job::LogStream::runner, job::LogKind::out, job::warning_line(text));
}

void JobLog::error(std::string_view text) {
  write(job::LogStream::runner, job::LogKind::out, job::error_line(text));
}

}  // namespace slipway::executors
