#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace slipway::helper {

/// Ends a stage with `exit_code`. An empty text means that the failed program has said on stderr
/// what went wrong; otherwise run_native_stage() prints the text.
class StageFailure : public std::runtime_error {
 public:
  explicit StageFailure(int exit_code, const std::string& text = "")
      : std::runtime_error{text}, exit_code_{exit_code} {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

/// The environment of child processes: a copy that changes without touching this process's own.
class Environment {
 public:
  /// This process's environment.
  static Environment inherited();

  void set(std::string_view name, std::string_view value);
  std::optional<std::string> find(std::string_view name) const;
  /// `NAME=value` strings.
  const std::vector<std::string>& entries() const { return entries_; }

  /// Leaves out the largest entries until the kernel can pass the rest to a program, which it
  /// refuses altogether otherwise: each below `single` bytes, all below `total`. Returns the names
  /// of those left out.
  std::vector<std::string> fit(std::size_t single, std::size_t total);
  /// With this system's limits, half of the total being kept free for the children's additions.
  std::vector<std::string> fit();

 private:
  std::vector<std::string> entries_;
  std::unordered_map<std::string, std::size_t> positions_;  ///< of a name's entry
};

/// A program with its argument vector; no shell is involved.
struct Command {
  std::vector<std::string> arguments;  ///< [0] is looked up in the environment's PATH
  std::string directory;               ///< "" = this process's
  std::string input;                   ///< what the child reads on stdin, then EOF
  bool discard_output = false;         ///< else stdout and stderr are inherited
  int output = -1;                     ///< file descriptor for stdout alone, -1 = as said above
};

/// A started child. The destructor waits for it, too: it is never killed and never left behind.
class Child {
 public:
  /// \throws StageFailure (127) when the program is not found, std::system_error when it cannot
  /// start.
  Child(const Command& command, const Environment& environment);
  Child(Child&& other) noexcept : pid_{std::exchange(other.pid_, -1)} {}
  Child& operator=(Child&&) = delete;
  ~Child();

  /// Exit code; 128 + n when signal n ended the child. Blocks. To be called once at most.
  int wait();

 private:
  int pid_ = -1;
};

/// True for the exit code of a child that a signal ended: no fault of what it worked on.
constexpr bool was_stopped(int exit_code) {
  // git itself ends with 128 and 129.
  return exit_code >= 130 && exit_code <= 128 + 64;
}

/// Starts `command` and waits for its end. Exit code as Child::wait().
int run(const Command& command, const Environment& environment);

/// What `command` wrote to stdout, at most `limit` bytes; nullopt when it failed or wrote more.
/// Its stderr is dropped.
std::optional<std::string> read_output(const Command& command, const Environment& environment,
                                       std::size_t limit);

/// The full path of a program, "" if PATH has none.
std::string program_path(const std::string& name, const Environment& environment);

/// Writes `text` to stdout at once, so that it stands before what the next child prints.
void print(std::string_view text);

/// Prints a green notice line, a yellow warning.
void notice(std::string_view text);
void warning(std::string_view text);

}  // namespace slipway::helper
