#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace slipway::job {

class StateReader;
class StateWriter;

/// Ends a log at its size limit with a notice, without an error for who writes. The end of the log
/// is kept as well: of what is dropped, the last limit/64 bytes (whole lines, at most 1 MiB) and
/// the runner's own lines follow at close(), after one line that says how many bytes are missing.
/// Limits below 64 bytes keep nothing.
class LimitFilter {
 public:
  LimitFilter(std::uint64_t limit, std::function<void(std::string_view)> out);

  /// `text` is valid UTF-8 and ends with a whole character; `own` = written by the runner itself.
  void write(std::string_view text, bool own);
  void close();
  /// What later output depends on, the limit included; load() of a new filter goes on from there.
  void save(StateWriter& state) const;
  /// \throws std::invalid_argument on what save() does not write.
  void load(StateReader& state);

 private:
  struct OwnLine {
    std::uint64_t at;  // after so many dropped bytes of the script
    std::string text;
  };
  void cut(std::string_view text, bool own);
  void drop(std::string_view text, bool own);
  void drop_own(std::string_view text);
  void drop_script(std::string_view text);
  std::string_view kept_script() const;
  void set_limit(std::uint64_t limit);
  void load_dropped(StateReader& state);
  std::string assemble_end(std::uint64_t& script_bytes) const;

  std::uint64_t limit_ = 0;
  std::uint64_t tail_ = 0;  // bytes of the script's end that are kept
  std::function<void(std::string_view)> out_;
  std::uint64_t written_ = 0;
  char last_ = '\n';
  bool exceeded_ = false;
  bool closed_ = false;
  std::uint64_t dropped_ = 0;
  std::uint64_t dropped_script_ = 0;
  std::string recent_;  // the last bytes of the script, and one before them
  std::deque<OwnLine> own_;
  std::string own_open_;
  std::uint64_t own_bytes_ = 0;
  std::uint64_t shown_twice_ = 0;  // bytes of own lines that are in the head already
};

}  // namespace slipway::job
