#include "child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

namespace slipway::cmd {

namespace {

constexpr std::chrono::seconds limit{20};

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error{"pipe2"};
  return ends;
}

void close_once(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

/// Appends what is there; closes at the end of the stream.
void drain(int& descriptor, std::string& text) {
  std::array<char, 4096> buffer;
  const auto got = ::read(descriptor, buffer.data(), buffer.size());
  if (got > 0)
    text.append(buffer.data(), static_cast<std::size_t>(got));
  else if (got == 0 || errno != EINTR)
    close_once(descriptor);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Child::Child(const std::string& program, std::vector<std::string> arguments,
             const Environment& environment) {
  arguments.insert(arguments.begin(), program);
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  auto argv = pointers(arguments);
  auto envp = pointers(variables);
  const auto input = make_pipe(), out_pipe = make_pipe(), err_pipe = make_pipe();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(input[0], STDIN_FILENO);
    ::dup2(out_pipe[1], STDOUT_FILENO);
    ::dup2(err_pipe[1], STDERR_FILENO);
    ::execve(program.c_str(), argv.data(), envp.data());
    ::_exit(127);
  }
  for (const int end : {input[0], out_pipe[1], err_pipe[1]}) ::close(end);
  input_ = input[1];
  out_ = out_pipe[0];
  err_ = err_pipe[0];
}

Child::~Child() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  close_once(input_);
  close_once(out_);
  close_once(err_);
}

void Child::type(const std::string& text) {
  if (::write(input_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error{"the child does not read"};
}

void Child::close_input() {
  close_once(input_);
}

void Child::signal(int number) {
  ::kill(pid_, number);
}

bool Child::pump(std::chrono::steady_clock::time_point deadline) {
  if (out_ < 0 && err_ < 0) return false;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  if (left.count() <= 0) return false;
  std::array<pollfd, 2> wanted{pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
  if (::poll(wanted.data(), wanted.size(), static_cast<int>(left.count())) <= 0) return true;
  if (wanted[0].revents != 0) drain(out_, out);
  if (wanted[1].revents != 0) drain(err_, err);
  return true;
}

bool Child::wait_for_error(const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (err.find(text) == std::string::npos)
    if (!pump(deadline)) return false;
  return true;
}

int Child::finish() {
  close_input();
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (pump(deadline)) {
  }
  if (std::chrono::steady_clock::now() >= deadline) ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace slipway::cmd
