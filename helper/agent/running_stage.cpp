#include "helper/agent/running_stage.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace slipway::helper {
namespace {

using namespace std::chrono_literals;

// How often to look again while processes are dying, and while they may use their grace.
constexpr auto kill_interval = 5ms;
constexpr auto grace_interval = 100ms;
// A process that survives KILL so long hangs in the kernel or belongs to somebody else.
constexpr auto kill_limit = 10s;

std::chrono::milliseconds to_milliseconds(const timeval& time) {
  return std::chrono::seconds{time.tv_sec} + std::chrono::duration_cast<std::chrono::milliseconds>(
                                                 std::chrono::microseconds{time.tv_usec});
}

}  // namespace

RunningStage::RunningStage(agent::Stage stage, TimePoint now, LeftBehind left)
    : stage_{std::move(stage)},
      left_{left},
      process_{start_stage(stage_, left == LeftBehind::lives)},
      limit_{TimePoint::max()},
      oom_kills_before_{oom_kills()} {
  if (stage_.limit > 0ms && stage_.limit < 24h * 365) limit_ = now + stage_.limit;
  write_script();
}

void RunningStage::write_script() {
  while (process_.in && written_ < stage_.body.size()) {
    const auto done =
        ::write(process_.in.get(), stage_.body.data() + written_, stage_.body.size() - written_);
    if (done < 0 && errno == EAGAIN) return;
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) break;  // it reads no more
    written_ += static_cast<std::size_t>(done);
  }
  process_.in.close();
  std::string{}.swap(stage_.body);
}

std::size_t RunningStage::read_output(agent::Stream stream, char* to, std::size_t size) {
  auto& fd = stream == agent::Stream::out ? process_.out : process_.err;
  if (!fd) return 0;
  ssize_t got = 0;
  do got = ::read(fd.get(), to, size);
  while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got <= 0) fd.close();
  return static_cast<std::size_t>(std::max<ssize_t>(got, 0));
}

void RunningStage::send(int number, const ProcessOwners& owners, const std::vector<pid_t>& others) {
  for (const auto pid : owners.of_stage(list_processes(), root(), others)) ::kill(pid, number);
}

void RunningStage::terminate(const ProcessOwners& owners, const std::vector<pid_t>& others,
                             TimePoint now) {
  if (kill_) return;
  gentle_ = true;
  kill_ = now + grace;
  send(SIGTERM, owners, others);
}

void RunningStage::signal(agent::Signal signal, const ProcessOwners& owners,
                          const std::vector<pid_t>& others, TimePoint now) {
  switch (signal) {
    case agent::Signal::terminate:
      terminate(owners, others, now);
      break;
    case agent::Signal::terminate_shell:
      if (kill_ || root_ended_) break;
      kill_ = now + grace;
      ::kill(root(), SIGTERM);
      break;
    case agent::Signal::kill:
      gentle_ = false;
      kill_ = now;
      look_now();
      break;
  }
}

void RunningStage::root_ended(int status, const rusage& usage) {
  root_ended_ = true;
  status_ = status;
  usage_ = usage;
  look_now();
}

void RunningStage::tick(const ProcessOwners& owners, const std::vector<pid_t>& others,
                        TimePoint now) {
  if (gone_) return;
  if (now >= limit_ && (!root_ended_ || ends_by_itself())) {
    limit_ = TimePoint::max();
    limit_reached_ = true;
    terminate(owners, others, now);
  }
  if (ends_by_itself()) {
    gone_ = root_ended_ && !process_.out && !process_.err;
    return;
  }
  const bool killing = kill_ ? now >= *kill_ || (root_ended_ && !gentle_) : root_ended_;
  if (now < next_look_ || (!killing && !root_ended_)) return;

  const auto left = owners.of_stage(list_processes(), root(), others);
  if (root_ended_ && left.empty()) {
    gone_ = true;
    return;
  }
  if (!killing) {
    next_look_ = std::min(now + grace_interval, *kill_);
    return;
  }
  for (const auto pid : left) ::kill(pid, SIGKILL);
  if (!give_up_) give_up_ = now + kill_limit;
  if (root_ended_ && now >= *give_up_) gone_ = true;
  next_look_ = now + kill_interval;
}

RunningStage::TimePoint RunningStage::deadline() const {
  if (gone_) return TimePoint::max();
  auto next = limit_;
  if (ends_by_itself()) return next;
  if (root_ended_) {
    next = next_look_;
  } else if (kill_) {
    next = std::min(next, std::max(*kill_, next_look_));
  }
  return next;
}

agent::Exit RunningStage::exit() const {
  agent::Exit exit;
  exit.stage = stage_.id;
  exit.signal = WIFSIGNALED(status_) ? WTERMSIG(status_) : 0;
  exit.code = exit.signal != 0 ? 128 + exit.signal : WEXITSTATUS(status_);
  exit.limit_reached = limit_reached_;
  exit.out_of_memory = exit.code != 0 && oom_kills() > oom_kills_before_;
  exit.cpu = to_milliseconds(usage_.ru_utime) + to_milliseconds(usage_.ru_stime);
  exit.peak_memory_kib = static_cast<std::uint64_t>(usage_.ru_maxrss);
  return exit;
}

}  // namespace slipway::helper
