#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "executors/job_log.hpp"
#include "job/trace_filter.hpp"
#include "util/event.hpp"

namespace slipway::runner {

/// A job's log: what is written passes the filters and lands in a spool file, from which the sender
/// reads. Memory stays bounded whatever the job prints. Offsets, size and checksum count the final
/// bytes. The file outlives the object, and from a State the log goes on byte for byte; bytes that
/// were written after it was taken have to be written again.
class Trace final : public executors::JobLog {
 public:
  /// Where a log stands.
  struct State {
    std::uint64_t size = 0;  ///< of the spool
    std::uint32_t crc = 0;   ///< CRC-32 of these bytes
    std::string filter;      ///< job::TraceFilter::state(); empty = the log is closed
  };

  /// Makes the spool file (0600), empty. \throws std::runtime_error naming the file.
  Trace(asio::any_io_executor executor, std::filesystem::path spool, job::TraceOptions options);
  /// Opens a spool that was left, and drops what came after `state`; it is untouched if this
  /// throws. Of a closed log `options` are not used. Reads the bytes of `state` once, up to 64 MiB.
  /// \throws std::runtime_error naming the file if it cannot be opened, was cut or has other bytes,
  /// std::invalid_argument if the state of the filters is no good.
  Trace(asio::any_io_executor executor, std::filesystem::path spool, job::TraceOptions options,
        const State& state);
  /// The spool file stays; see remove().
  ~Trace() override;
  Trace(const Trace&) = delete;

  void write(job::LogStream stream, job::LogKind kind, std::string_view bytes) override;
  void flush(job::LogStream stream) override;
  void add_masked_value(std::string value) override;
  /// Flushes the filters; later writes are ignored.
  void close();
  bool closed() const { return filter_ == nullptr; }
  /// Deletes the spool file; what is in it can be read as long as the object lives. A missing file
  /// is no error. \throws std::filesystem::filesystem_error
  void remove();

  State state() const;
  std::uint64_t size() const { return size_; }
  /// `crc32:<8 hex digits>` over the whole log so far.
  std::string checksum() const;
  /// At most `max` bytes from `offset`. \throws std::runtime_error if the spool cannot be read.
  std::string read(std::uint64_t offset, std::size_t max) const;
  /// Set whenever bytes were added; the sender resets it.
  util::Event& grown() { return grown_; }

  /// A write to the spool failed. What was to follow is lost; what is in the file remains the log.
  bool damaged() const { return !damage_.empty(); }
  /// What went wrong, naming the file; empty = nothing.
  const std::string& damage() const { return damage_; }

 private:
  Trace(asio::any_io_executor executor, std::filesystem::path spool, int open_flags);
  void append(std::string_view bytes);
  void verify() const;
  [[noreturn]] void fail(std::string_view what, std::string_view why) const;

  std::filesystem::path path_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  std::uint32_t crc_ = 0;
  std::string damage_;
  util::Event grown_;
  std::unique_ptr<job::TraceFilter> filter_;  // null = closed
};

}  // namespace slipway::runner
