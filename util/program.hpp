#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "util/asio_fwd.hpp"

namespace slipway::util {

/// How a program ended.
struct ProgramEnd {
  int exit_code = 0;  ///< 128 + the number of the signal that ended it
  std::string output;
  bool too_much = false;  ///< it wrote more than was wanted, and was killed
};

/// Runs `arguments[0]`, looked up in this process's PATH, without blocking: `input` is its standard
/// input, what it writes to its standard output (at most `max_output` bytes) is returned, its
/// standard error goes nowhere. It gets this process's environment, no other descriptor, default
/// signal handling and a session of its own, and ends with all that it has started there: when it
/// has ended, past `limit`, and on cancellation (any kind).
/// \throws std::system_error (it cannot be started), TimeoutError.
asio::awaitable<ProgramEnd> run_program(std::vector<std::string> arguments, std::string input,
                                        std::size_t max_output, std::chrono::milliseconds limit);

}  // namespace slipway::util
