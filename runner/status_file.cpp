#include "runner/status_file.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "util/async.hpp"

namespace slipway::runner {

namespace {

/// 0, or the errno of the step that failed.
int write_file(const std::string& path, const std::string& text) {
  // A leftover of a process that was killed may be a prefix, of whatever mode.
  ::unlink(path.c_str());
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  std::size_t done = 0;
  int problem = 0;
  while (done < text.size() && problem == 0) {
    const auto size = ::write(file, text.data() + done, text.size() - done);
    if (size > 0)
      done += static_cast<std::size_t>(size);
    else if (size == 0 || errno != EINTR)
      problem = size == 0 ? EIO : errno;
  }
  if (::close(file) != 0 && problem == 0) problem = errno;
  return problem;
}

}  // namespace

StatusFile::StatusFile(asio::any_io_executor executor, const std::filesystem::path& state_dir,
                       std::function<Status()> look, std::chrono::milliseconds pause)
    : path_{state_dir / file_name}, look_{std::move(look)}, pause_{pause}, changed_{executor} {}

asio::awaitable<void> StatusFile::run() {
  while (true) {
    changed_.reset();
    write_now();
    co_await util::sleep_for(pause_);
    co_await changed_.wait();
  }
}

void StatusFile::write_now() {
  auto text = to_json(look_());
  if (text == written_) return;
  if (write(text)) written_ = std::move(text);
}

bool StatusFile::write(const std::string& text) {
  const auto next = path_.string() + ".next";
  int problem = write_file(next, text);
  if (problem == 0 && std::rename(next.c_str(), path_.c_str()) != 0) problem = errno;
  const std::string cause = problem == 0 ? "" : std::strerror(problem);
  if (problem != 0) {
    ::unlink(next.c_str());
    if (cause != last_problem_)
      spdlog::warn("cannot write {}: {}; `slipway status` shows what was true before",
                   path_.string(), cause);
  }
  last_problem_ = cause;
  return problem == 0;
}

}  // namespace slipway::runner
