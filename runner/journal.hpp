#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runner/journal_entry.hpp"

namespace slipway::runner {

/// What a job needs to outlive this process, in a directory of its own: the file `journal` and,
/// beside it, the log's spool `trace`. Both 0600, the directory 0700.
///
/// A journal is lines of `<CRC-32, 8 hex digits> <JSON>`. The first is the header, every other one
/// a whole JournalEntry; the last whole line counts, so a crash at any byte leaves a readable
/// journal. Only the header is fsynced: a killed process loses nothing that it wrote, and a machine
/// that goes down takes the job's containers with it.
class Journal {
 public:
  /// Makes the directory and writes the header, safe on disk when it returns. \throws
  /// std::runtime_error naming the file; nothing is left then.
  Journal(std::filesystem::path directory, const JournalHeader& header);
  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&&) = delete;
  ~Journal();

  /// \throws std::runtime_error: the disk is full, read-only …; what was saved before still counts.
  void save(const JournalEntry& state);
  /// Removes the directory and everything in it: the job is over. Does not throw; what cannot be
  /// removed is logged.
  void remove();

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path trace_path() const { return directory_ / "trace"; }
  /// Name of the directory: the job's key, value of the label io.slipway.job.
  std::string key() const { return directory_.filename().string(); }
  std::uint64_t size() const { return size_; }

  struct Left;

 private:
  Journal(std::filesystem::path directory, int file, std::string header, std::uint64_t size);
  void append(const std::string& line);
  bool compacted(const std::string& line);
  void compact(const std::string& line);

  std::filesystem::path directory_;
  int file_ = -1;
  std::string header_;  ///< its line, for compaction
  std::uint64_t size_ = 0;
};

/// A journal that an earlier process left.
struct Journal::Left {
  Journal journal;
  JournalHeader header;
  JournalEntry state;

  /// nullopt if there was no whole header: then nothing was made for the job. \throws
  /// std::runtime_error, naming the file: it cannot be read, a newer version wrote it, or a whole
  /// line makes no sense.
  static std::optional<Left> open(std::filesystem::path directory);
};

/// One line with its checksum and line end.
std::string journal_line(std::string_view json);
/// The JSON of every whole line up to the first that is not; `used` is where that begins.
std::vector<std::string_view> journal_lines(std::string_view text, std::size_t& used);

}  // namespace slipway::runner
