#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "executors/job_log.hpp"
#include "job/trace_filter.hpp"
#include "util/event.hpp"

namespace slipway::runner {

/// A job's log: what is written passes the filters and lands in a spool file, from which the sender
/// reads. Memory stays bounded whatever the job prints. Offsets, size and checksum count the final
/// bytes.
class Trace final : public executors::JobLog {
 public:
  /// Makes the spool file (0600). \throws std::runtime_error naming the file.
  Trace(asio::any_io_executor executor, std::filesystem::path spool, job::TraceOptions options);
  /// Removes the spool file.
  ~Trace() override;
  Trace(const Trace&) = delete;

  void write(job::LogStream stream, job::LogKind kind, std::string_view bytes) override;
  void flush(job::LogStream stream) override;
  void add_masked_value(std::string value) { filter_.add_masked_value(std::move(value)); }
  /// Flushes the filters; later writes are ignored.
  void close();

  std::uint64_t size() const { return size_; }
  /// `crc32:<8 hex digits>` over the whole log so far.
  std::string checksum() const;
  /// At most `max` bytes from `offset`. \throws std::runtime_error if the spool cannot be read.
  std::string read(std::uint64_t offset, std::size_t max) const;
  /// Set whenever bytes were added; the sender resets it.
  util::Event& grown() { return grown_; }

 private:
  void append(std::string_view bytes);

  std::filesystem::path path_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  std::uint32_t crc_ = 0;
  bool failed_ = false;
  util::Event grown_;
  job::TraceFilter filter_;
};

}  // namespace slipway::runner
