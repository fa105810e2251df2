#include "runner/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace slipway::runner {

namespace {
namespace fs = std::filesystem;

constexpr std::size_t checksum_size = 8;
constexpr std::uint64_t compact_past = 1 << 20;

[[noreturn]] void fail(const fs::path& file, const std::string& what) {
  throw std::runtime_error{fmt::format("journal {}: {}", file.string(), what)};
}

std::string checksum(std::string_view text) {
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size());
  return fmt::format("{:08x}", static_cast<std::uint32_t>(crc));
}

void write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw std::runtime_error{std::strerror(errno)};
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void sync_directory(const fs::path& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  ::fsync(directory);
  ::close(directory);
}

std::string read_file(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) fail(path, std::strerror(errno));
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (in.bad()) fail(path, std::strerror(errno));
  return text;
}

/// Bytes of a job may be no UTF-8.
std::string dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
}  // namespace

std::string journal_line(std::string_view json) {
  return fmt::format("{} {}\n", checksum(json), json);
}

std::vector<std::string_view> journal_lines(std::string_view text, std::size_t& used) {
  std::vector<std::string_view> lines;
  used = 0;
  while (true) {
    const auto end = text.find('\n', used);
    if (end == std::string_view::npos || end - used <= checksum_size) return lines;
    const auto json = text.substr(used + checksum_size + 1, end - used - checksum_size - 1);
    if (text.substr(used, checksum_size) != checksum(json)) return lines;
    lines.push_back(json);
    used = end + 1;
  }
}

Journal::Journal(fs::path directory, const JournalHeader& header)
    : directory_{std::move(directory)}, header_{journal_line(dump(to_json(header)))} {
  const auto path = directory_ / "journal";
  if (::mkdir(directory_.c_str(), 0700) != 0) fail(directory_, std::strerror(errno));
  try {
    file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (file_ < 0) throw std::runtime_error{std::strerror(errno)};
    append(header_);
    if (::fdatasync(file_) != 0) throw std::runtime_error{std::strerror(errno)};
  } catch (const std::runtime_error& error) {
    const std::string what = error.what();
    if (file_ >= 0) ::close(std::exchange(file_, -1));
    // Not remove_all(), which needs a file descriptor: there may be none.
    std::error_code ignored;
    fs::remove(path, ignored);
    fs::remove(directory_, ignored);
    fail(path, what);
  }
  sync_directory(directory_);
  sync_directory(directory_.parent_path());
}

Journal::Journal(fs::path directory, int file, std::string header, std::uint64_t size)
    : directory_{std::move(directory)}, file_{file}, header_{std::move(header)}, size_{size} {}

Journal::Journal(Journal&& other) noexcept
    : directory_{std::move(other.directory_)},
      file_{std::exchange(other.file_, -1)},
      header_{std::move(other.header_)},
      size_{other.size_} {}

Journal::~Journal() {
  if (file_ >= 0) ::close(file_);
}

void Journal::append(const std::string& line) {
  try {
    write_all(file_, line);
  } catch (const std::runtime_error&) {
    // Half a line would hide the whole ones that follow.
    if (::ftruncate(file_, static_cast<off_t>(size_)) != 0)
      spdlog::error("journal {}: {}", directory_.string(), std::strerror(errno));
    throw;
  }
  size_ += line.size();
}

void Journal::save(const JournalEntry& state) {
  const auto line = journal_line(dump(to_json(state)));
  try {
    const auto most = std::max(compact_past, 16 * (header_.size() + line.size()));
    if (size_ + line.size() <= most || !compacted(line)) append(line);
  } catch (const std::runtime_error& error) {
    fail(directory_ / "journal", error.what());
  }
}

/// False, and nothing has changed, where there is no room or no descriptor for a second file.
bool Journal::compacted(const std::string& line) {
  try {
    compact(line);
    return true;
  } catch (const std::runtime_error& error) {
    spdlog::debug("journal {}: stays long for now: {}", directory_.string(), error.what());
  }
  return false;
}

/// The file is replaced by one with the header and the last state.
void Journal::compact(const std::string& line) {
  const auto path = directory_ / "journal";
  const auto next = directory_ / "journal.new";
  const int file = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error{std::strerror(errno)};
  try {
    write_all(file, header_ + line);
    if (::fdatasync(file) != 0 || ::rename(next.c_str(), path.c_str()) != 0)
      throw std::runtime_error{std::strerror(errno)};
  } catch (const std::runtime_error&) {
    ::close(file);
    ::unlink(next.c_str());
    throw;
  }
  ::close(std::exchange(file_, file));
  size_ = header_.size() + line.size();
}

void Journal::remove() {
  // The journal goes first: what is left of a directory without one is removed at the next start.
  std::error_code error;
  fs::remove(directory_ / "journal", error);
  if (!error) fs::remove(trace_path(), error);
  // This one alone needs a file descriptor, of which there may be none.
  if (!error && ::rmdir(directory_.c_str()) != 0) fs::remove_all(directory_, error);
  if (error) spdlog::error("removing {}: {}", directory_.string(), error.message());
}

std::optional<Journal::Left> Journal::Left::open(fs::path directory) {
  const auto path = directory / "journal";
  if (!fs::exists(path)) return std::nullopt;
  const auto text = read_file(path);
  std::size_t used = 0;
  const auto lines = journal_lines(text, used);
  if (lines.empty()) {
    if (text.find('\n') == std::string::npos) return std::nullopt;
    fail(path, "its first line is damaged; remove the directory to have what its job made removed");
  }
  JournalHeader header;
  JournalEntry state;
  try {
    const auto first = nlohmann::json::parse(lines.front());
    const int version = first.at("version").get<int>();
    if (version > JournalHeader::current_version)
      fail(path, fmt::format("was written by a newer version, {}; this one cannot go on with its "
                             "job. Start that version again until its jobs have ended",
                             first.value("program", "of another format")));
    header = header_from(first);
    if (lines.size() > 1) {
      state = state_from(nlohmann::json::parse(lines.back()));
    } else {
      state.clock = header.received;
    }
  } catch (const nlohmann::json::exception& error) {
    fail(path, error.what());
  }
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) fail(path, std::strerror(errno));
  if (::ftruncate(file, static_cast<off_t>(used)) != 0) {
    const std::string what = std::strerror(errno);
    ::close(file);
    fail(path, what);
  }
  auto first_line = text.substr(0, text.find('\n') + 1);
  return Left{Journal{std::move(directory), file, std::move(first_line), used}, std::move(header),
              std::move(state)};
}

}  // namespace slipway::runner
