#include "helper/agent/stage_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

namespace slipway::helper {
namespace {

// In the order of the documented shell detection.
constexpr const char* documented_shells[] = {"/usr/local/bin/bash", "/usr/bin/bash", "/bin/bash",
                                             "/usr/local/bin/sh",   "/usr/bin/sh",   "/bin/sh",
                                             "/busybox/sh"};

/// What stopped the child between fork and exec.
struct ChildError {
  enum Step : int { working_dir, streams, exec } step;
  int code;
};

std::vector<std::string> arguments_of(const agent::Stage& stage) {
  if (stage.kind == agent::Stage::Kind::native) return {"slipway-helper", "stage", stage.name};
  if (!stage.shell.empty()) return stage.shell;
  for (const auto* shell : documented_shells)
    if (access(shell, X_OK) == 0) return {shell};
  throw StageStartError{1, "shell not found"};
}

[[noreturn]] void run_child(const agent::Stage& stage, char* const* arguments, const Pipe& in,
                            const Pipe& out, const Pipe& err, int report, bool dies_with_us) {
  const auto fail = [report](ChildError::Step step) {
    const ChildError error{step, errno};
    [[maybe_unused]] const auto ignored = write(report, &error, sizeof error);
    _exit(127);
  };
  setsid();
  if (dies_with_us) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  if (dup2(in.read.get(), 0) < 0 || dup2(out.write.get(), 1) < 0 || dup2(err.write.get(), 2) < 0)
    fail(ChildError::streams);
  if (!stage.working_dir.empty() && chdir(stage.working_dir.c_str()) != 0)
    fail(ChildError::working_dir);
  const bool native = stage.kind == agent::Stage::Kind::native;
  native ? execv("/proc/self/exe", arguments) : execvp(arguments[0], arguments);
  fail(ChildError::exec);
  _exit(127);
}

std::string text_of(const ChildError& error, const agent::Stage& stage,
                    const std::string& program) {
  const std::string why = std::strerror(error.code);
  switch (error.step) {
    case ChildError::working_dir:
      return "cannot enter the working directory " + stage.working_dir + ": " + why;
    case ChildError::streams:
      return "cannot set up the standard streams: " + why;
    case ChildError::exec:
      break;
  }
  return "cannot start " + program + ": " + why;
}

}  // namespace

StageProcess start_stage(const agent::Stage& stage, bool dies_with_us) {
  auto arguments = arguments_of(stage);
  std::vector<char*> pointers;
  for (auto& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);

  auto in = make_pipe(OurEnd::write);
  auto out = make_pipe(OurEnd::read);
  auto err = make_pipe(OurEnd::read);
  auto report = make_pipe(OurEnd::none);
  const auto pid = fork();
  if (pid < 0) throw StageStartError{126, std::string{"cannot fork: "} + std::strerror(errno)};
  if (pid == 0) run_child(stage, pointers.data(), in, out, err, report.write.get(), dies_with_us);

  // Ends with the exec, which closes the other end, or with its failure.
  report.write.close();
  ChildError error{};
  ssize_t size = 0;
  do size = read(report.read.get(), &error, sizeof error);
  while (size < 0 && errno == EINTR);
  if (size == sizeof error)
    throw StageStartError{error.code == ENOENT ? 127 : 126, text_of(error, stage, arguments[0])};
  return {pid, std::move(in.write), std::move(out.read), std::move(err.read)};
}

}  // namespace slipway::helper
