#include "runner/trace.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace slipway::runner {

Trace::Trace(asio::any_io_executor executor, std::filesystem::path spool, job::TraceOptions options)
    : path_{std::move(spool)},
      file_{::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)},
      grown_{std::move(executor)},
      filter_{std::move(options), [this](std::string_view bytes) { append(bytes); }} {
  if (file_ < 0)
    throw std::runtime_error{
        fmt::format("cannot make the log spool {}: {}", path_.string(), std::strerror(errno))};
}

Trace::~Trace() {
  ::close(file_);
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

void Trace::write(job::LogStream stream, job::LogKind kind, std::string_view bytes) {
  filter_.write(stream, kind, bytes);
}

void Trace::flush(job::LogStream stream) {
  filter_.flush(stream);
}

void Trace::close() {
  filter_.close();
}

void Trace::append(std::string_view bytes) {
  while (!bytes.empty() && !failed_) {
    const auto written = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      // What cannot be kept cannot be sent: size and checksum go on describing what is there.
      failed_ = true;
      spdlog::error("log spool {}: {}; the rest of this job's log is lost", path_.string(),
                    std::strerror(errno));
      return;
    }
    const auto count = static_cast<std::size_t>(written);
    crc_ = static_cast<std::uint32_t>(
        ::crc32_z(crc_, reinterpret_cast<const Bytef*>(bytes.data()), count));
    size_ += count;
    bytes.remove_prefix(count);
  }
  grown_.set();
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
    if (count <= 0)
      throw std::runtime_error{fmt::format("cannot read the log spool {}: {}", path_.string(),
                                           count == 0 ? "it was cut" : std::strerror(errno))};
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

}  // namespace slipway::runner
