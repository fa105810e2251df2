#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace slipway::cmd {

using Environment = std::vector<std::pair<std::string, std::string>>;

/// A process of the real program, with no environment but what a test gives it.
class Child {
 public:
  /// \param program  path, also argv[0].
  Child(const std::string& program, std::vector<std::string> arguments,
        const Environment& environment);
  Child(const Child&) = delete;
  ~Child();

  void type(const std::string& text);
  void close_input();
  void signal(int number);
  /// Reads until its standard error holds `text`; false at its end or after 20 s.
  bool wait_for_error(const std::string& text);
  /// Closes its input, waits for its end (20 s, then it is killed) and returns its exit code; -1
  /// for a signal.
  int finish();

  std::string out;
  std::string err;

 private:
  bool pump(std::chrono::steady_clock::time_point deadline);

  pid_t pid_ = -1;
  int input_ = -1;
  int out_ = -1;
  int err_ = -1;
};

}  // namespace slipway::cmd
