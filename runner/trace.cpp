#include "runner/trace.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "util/crc32.hpp"

namespace slipway::runner {
namespace {

/// Larger logs are only measured when they are opened again, so that a start does not wait for
/// them.
constexpr std::uint64_t max_verified = 64u << 20;
constexpr std::size_t verify_step = 64u << 10;

}  // namespace

Trace::Trace(asio::any_io_executor executor, std::filesystem::path spool, int open_flags)
    : path_{std::move(spool)}, grown_{std::move(executor)} {
  file_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC | open_flags, 0600);
  if (file_ < 0) fail((open_flags & O_CREAT) != 0 ? "make" : "open", std::strerror(errno));
}

Trace::Trace(asio::any_io_executor executor, std::filesystem::path spool, job::TraceOptions options)
    : Trace{std::move(executor), std::move(spool), O_CREAT | O_TRUNC} {
  filter_ = std::make_unique<job::TraceFilter>(std::move(options),
                                               [this](std::string_view bytes) { append(bytes); });
}

Trace::Trace(asio::any_io_executor executor, std::filesystem::path spool, job::TraceOptions options,
             const State& state)
    : Trace{std::move(executor), std::move(spool), 0} {
  size_ = state.size;
  crc_ = state.crc;
  verify();
  if (!state.filter.empty())
    filter_ = std::make_unique<job::TraceFilter>(
        std::move(options), [this](std::string_view bytes) { append(bytes); }, state.filter);
  if (::ftruncate(file_, static_cast<off_t>(size_)) != 0) fail("cut", std::strerror(errno));
  if (size_ > 0) grown_.set();
}

Trace::~Trace() {
  ::close(file_);
}

void Trace::fail(std::string_view what, std::string_view why) const {
  throw std::runtime_error{
      fmt::format("cannot {} the log spool {}: {}", what, path_.string(), why)};
}

void Trace::verify() const {
  struct stat info {};
  if (::fstat(file_, &info) != 0) fail("open", std::strerror(errno));
  const auto there = static_cast<std::uint64_t>(info.st_size);
  if (there < size_) fail("open", fmt::format("it was cut to {} of {} bytes", there, size_));
  if (size_ > max_verified) return;
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0; at < size_; at += verify_step) {
    crc = util::crc32(read(at, verify_step), crc);
  }
  if (crc != crc_) fail("open", fmt::format("its first {} bytes are not those written", size_));
}

void Trace::write(job::LogStream stream, job::LogKind kind, std::string_view bytes) {
  if (filter_) filter_->write(stream, kind, bytes);
}

void Trace::flush(job::LogStream stream) {
  if (filter_) filter_->flush(stream);
}

void Trace::add_masked_value(std::string value) {
  if (filter_) filter_->add_masked_value(std::move(value));
}

void Trace::close() {
  if (!filter_) return;
  filter_->close();
  filter_.reset();
}

void Trace::remove() {
  std::filesystem::remove(path_);
}

void Trace::append(std::string_view bytes) {
  if (damaged()) return;
  while (!bytes.empty()) {
    const auto written = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    const int error = written < 0 ? errno : ENOSPC;
    if (written < 0 && error == EINTR) continue;
    if (written <= 0) {
      // What cannot be kept cannot be sent: size and checksum go on describing what is there.
      damage_ =
          fmt::format("cannot write the log spool {}: {}", path_.string(), std::strerror(error));
      spdlog::error("{}; the rest of this job's log is lost", damage_);
      break;
    }
    const auto count = static_cast<std::size_t>(written);
    crc_ = util::crc32(bytes.substr(0, count), crc_);
    size_ += count;
    bytes.remove_prefix(count);
  }
  grown_.set();
}

Trace::State Trace::state() const {
  return {size_, crc_, filter_ ? filter_->state() : std::string{}};
}

std::string Trace::checksum() const {
  return fmt::format("crc32:{:08x}", crc_);
}

std::string Trace::read(std::uint64_t offset, std::size_t max) const {
  std::string bytes(
      static_cast<std::size_t>(std::min<std::uint64_t>(max, size_ - std::min(size_, offset))),
      '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count =
        ::pread(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail("read", count == 0 ? "it was cut" : std::strerror(errno));
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

}  // namespace slipway::runner
