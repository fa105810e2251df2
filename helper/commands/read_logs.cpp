#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "helper/agent/fd.hpp"
#include "helper/artifacts/upload.hpp"
#include "helper/commands/command_line.hpp"
#include "helper/commands/commands.hpp"
#include "helper/log.hpp"

namespace slipway::helper {

namespace {

using namespace std::chrono_literals;

constexpr std::array options{
    Option{"path"},
    Option{"offset"},
    Option{"wait-file-timeout"},
};

constexpr int no_file_exit_code = 100;
constexpr auto file_poll = 1s;
constexpr auto growth_poll = 500ms;
constexpr std::size_t longest_line = 16u << 10;

Fd awaited_file(const std::string& path, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file || errno != ENOENT || std::chrono::steady_clock::now() >= end) return file;
    std::this_thread::sleep_for(file_poll);
  }
}

/// Follows one open file from an offset.
class Follower {
 public:
  Follower(Fd file, std::uint64_t offset) : file_{std::move(file)}, offset_{offset} {}

  /// Prints what is there. \throws std::system_error
  void catch_up() {
    char buffer[longest_line];
    for (;;) {
      const auto got = ::pread(file_.get(), buffer, sizeof buffer,
                               static_cast<off_t>(offset_ + pending_.size()));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw std::system_error{errno, std::generic_category(), "read-logs"};
      if (got == 0) break;
      pending_.append(buffer, static_cast<std::size_t>(got));
      print_lines();
    }
    std::fflush(stdout);
  }

  /// Somebody has removed it.
  bool gone() const {
    struct stat status {};
    return ::fstat(file_.get(), &status) != 0 || status.st_nlink == 0;
  }

 private:
  void print_lines() {
    for (;;) {
      const auto end = pending_.find('\n');
      const auto length = end == std::string::npos ? pending_.size() : end + 1;
      if (end == std::string::npos && length < longest_line) return;
      print(std::min(length, longest_line));
    }
  }

  void print(std::size_t length) {
    offset_ += length;
    const auto number = std::to_string(offset_) + ' ';
    std::fwrite(number.data(), 1, number.size(), stdout);
    std::fwrite(pending_.data(), 1, length, stdout);
    if (pending_[length - 1] != '\n') std::fputc('\n', stdout);
    pending_.erase(0, length);
  }

  Fd file_;
  std::uint64_t offset_;
  std::string pending_;  ///< of a line that has not ended yet
};

}  // namespace

int read_logs_command(Words words) {
  const CommandLine line{options, words, environment_lookup()};
  const auto path = line.text("path");
  if (path.empty()) throw UsageError{"--path is missing"};
  auto file = awaited_file(path, line.duration("wait-file-timeout", 1min));
  if (!file) {
    const int error = errno;
    log(LogLevel::error, "cannot open the log file",
        {{"error", std::strerror(error)}, {"path", path}});
    return error == ENOENT ? no_file_exit_code : 1;
  }
  Follower follower{std::move(file), line.number("offset", 0)};
  for (;;) {
    follower.catch_up();
    if (std::ferror(stdout) != 0) return 1;
    if (follower.gone()) return no_file_exit_code;
    std::this_thread::sleep_for(growth_poll);
  }
}

}  // namespace slipway::helper
