#pragma once

#include <string>

#include "cmd/slipway/interruption.hpp"

namespace slipway::cmd {

enum class Empty { refused, allowed };

/// Asks the user at the terminal: questions go to stderr, answers come from standard input.
class Prompt {
 public:
  /// \param interruption  must outlive this.
  explicit Prompt(const Interruption& interruption) : interruption_{interruption} {}

  /// The answer without blanks around it; an empty one keeps `current`. Where neither is there and
  /// Empty::refused, the question repeats. \throws Fatal at the end of input, Interrupted.
  std::string ask(const std::string& question, const std::string& current, Empty empty);

 private:
  std::string read_line();

  const Interruption& interruption_;
  std::string pending_;  ///< read, but not yet asked for
};

}  // namespace slipway::cmd
