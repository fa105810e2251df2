#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "local/exec/observer.hpp"
#include "local/live_log.hpp"

namespace slipway::local::exec {

/// Shows a run on a terminal: a line per finished job, whose log is folded away unless it failed,
/// and below them a line for each job under way, drawn again and again.
class LiveView final : public RunObserver {
 public:
  using Clock = std::chrono::steady_clock;
  /// \param out  gets text with ANSI sequences; `columns` says how wide the terminal is now.
  LiveView(std::function<void(std::string_view)> out, std::function<std::size_t()> columns)
      : out_{std::move(out)}, columns_{std::move(columns)} {}

  void job_added(std::size_t job, const JobResult& known) override;
  void job_changed(std::size_t job, const JobResult& known) override;
  void job_log(std::size_t job, std::string_view bytes) override;
  void note(const std::string& text) override;

  /// The jobs under way as they are at `now`; call it several times a second.
  void draw(Clock::time_point now);
  /// Takes the moving lines away.
  void close();

 private:
  struct Shown {
    std::string name;
    Status status = Status::created;
    Clock::time_point since;
    std::string line;              ///< of the log, as far as it has come
    std::deque<std::string> tail;  ///< its last whole lines
    std::unique_ptr<LiveLog> log;
  };
  void take(Shown& job, std::string_view text);
  void clear();
  void print(const std::string& text);

  std::function<void(std::string_view)> out_;
  std::function<std::size_t()> columns_;
  std::deque<Shown> jobs_;
  std::size_t drawn_ = 0;  ///< moving lines on the screen
  std::size_t frame_ = 0;
};

/// Cut to so many columns; sequences that colour take none and are ended.
std::string cut_to_width(std::string_view text, std::size_t columns);

}  // namespace slipway::local::exec
