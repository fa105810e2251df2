#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "local/exec/observer.hpp"
#include "local/live_log.hpp"

namespace slipway::local::exec {

/// Shows a run as lines, each with its job's name before it: for pipes, files and other programs'
/// logs.
class LineView final : public RunObserver {
 public:
  /// \param out  gets whole lines.
  LineView(bool colours, std::function<void(std::string_view)> out)
      : colours_{colours}, out_{std::move(out)} {}

  void job_added(std::size_t job, const JobResult& known) override;
  void job_changed(std::size_t job, const JobResult& known) override;
  void job_log(std::size_t job, std::string_view bytes) override;
  void note(const std::string& text) override;

 private:
  struct Shown {
    std::size_t number = 0;
    std::string name;
    Status status = Status::created;
    std::string line;      ///< without its end
    bool printed = false;  ///< the line was, before its end came
    std::unique_ptr<LiveLog> log;
  };
  void print(const Shown& job, std::string_view text);
  void take(Shown& job, std::string_view text);
  std::string prefix(const Shown& job) const;

  bool colours_;
  std::function<void(std::string_view)> out_;
  std::deque<Shown> jobs_;
  std::size_t width_ = 0;
};

/// What a status means to a person: `succeeded in 3.2 s`, `failed: script_failure, exit code 1`.
std::string status_words(const JobResult& job);

}  // namespace slipway::local::exec
