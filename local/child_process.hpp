#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "util/asio_fwd.hpp"

namespace slipway::local {

/// `NAME=value` entries; PATH of this process is added.
using Environment = std::vector<std::string>;

/// A program of this host with its stdin and stdout in our hands: an argument vector, never a
/// shell. It leads a process group of its own and inherits no other descriptor. Destruction kills
/// the group and reaps the program.
class ChildProcess {
 public:
  /// \throws std::system_error when the program cannot be started.
  ChildProcess(asio::any_io_executor executor, const std::vector<std::string>& arguments,
               const Environment& environment);
  ChildProcess(const ChildProcess&) = delete;
  ~ChildProcess();

  /// Writes all of `data`; false when the program reads no more. Cancellation: any kind.
  asio::awaitable<bool> write(std::string_view data);
  /// Ends the program's stdin.
  void close_input();
  /// At least one byte of the program's stdout, 0 = end. \throws util::TimeoutError when nothing
  /// comes within `limit`.
  asio::awaitable<std::size_t> read_some(std::span<char> buffer, std::chrono::milliseconds limit);
  /// Waits for the program's end and reaps it: its exit code, or 128 + signal. Past `limit` it is
  /// killed.
  asio::awaitable<int> wait(std::chrono::milliseconds limit);
  /// The end of what it wrote to stderr.
  std::string error_text() const;

 private:
  bool reap(bool block);

  asio::local::stream_protocol::socket input_;
  asio::posix::stream_descriptor output_;
  int error_file_ = -1;
  pid_t pid_ = -1;
  int status_ = 0;
};

/// Result of a program that was run to its end.
struct Finished {
  int exit_code = 0;
  std::string output;
  std::string errors;
};

/// Runs a program to its end with an empty stdin; blocks. \throws std::system_error.
Finished run_program(const std::vector<std::string>& arguments, const Environment& environment);

}  // namespace slipway::local
