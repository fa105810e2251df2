#include "tests/fakes/s3_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>
#include <stdexcept>

namespace slipway::fakes {

/// Generated from s3_server.py.
extern const char* const s3_server_text;

namespace {

constexpr int start_limit_ms = 30'000;

/// Appends what is there within `limit`; false if nothing came.
bool read_more(int fd, std::string& text, int limit_ms) {
  pollfd readable{fd, POLLIN, 0};
  if (::poll(&readable, 1, limit_ms) <= 0) return false;
  char buffer[4096];
  const auto got = ::read(fd, buffer, sizeof buffer);
  if (got <= 0) return false;
  text.append(buffer, static_cast<std::size_t>(got));
  return true;
}

}  // namespace

S3Server::S3Server(const std::string& address) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error{"no pipe for the S3 server"};
  const auto parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    ::dup2(ends[1], STDOUT_FILENO);
    for (int fd = 3; fd < 1024; ++fd) ::close(fd);
    ::execlp("python3", "python3", "-c", s3_server_text, address.c_str(), access_key, secret_key,
             bucket, nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  output_ = ends[0];
  while (read_.find('\n') == std::string::npos)
    if (!read_more(output_, read_, start_limit_ms))
      throw std::runtime_error{"the S3 server does not start; is python3 installed?"};
  host_ = address + ":" + read_.substr(0, read_.find('\n'));
  read_.erase(0, read_.find('\n') + 1);
}

S3Server::~S3Server() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  if (output_ >= 0) ::close(output_);
}

std::vector<std::string> S3Server::requests() {
  while (read_more(output_, read_, 0)) {
  }
  std::istringstream lines{read_};
  std::vector<std::string> requests;
  for (std::string line; std::getline(lines, line);) requests.push_back(line);
  return requests;
}

}  // namespace slipway::fakes
