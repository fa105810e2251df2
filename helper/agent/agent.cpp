#include "helper/agent/agent.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "agent/agent_end.hpp"
#include "helper/agent/fd.hpp"
#include "helper/agent/process_tree.hpp"
#include "helper/agent/running_stage.hpp"
#include "helper/agent/signals.hpp"
#include "helper/agent/spill_file.hpp"

namespace slipway::helper {
namespace {

using namespace std::chrono_literals;
using agent::Stream;
using agent::TimePoint;

// A stdin or stdout that is closed now may be opened again by an Engine that comes back.
constexpr auto closed_stream_pause = 1s;
// What may still be said when the agent ends and nobody reads.
constexpr auto farewell = 2s;
constexpr int abandoned_code = 1;
constexpr std::size_t buffer_size = 64 << 10;
constexpr auto both_streams = {Stream::out, Stream::err};

class Agent {
 public:
  explicit Agent(const AgentArguments& arguments)
      : host_{arguments.host},
        owners_{getpid(), list_processes()},
        end_{{arguments.mark, SLIPWAY_VERSION, arguments.adopt_timeout, {}}, &spill_, now_} {}

  int run();

 private:
  void reap();
  void obey();
  void start(agent::Stage stage);
  void interrupt(int code);
  void begin_ending(int code, agent::Signal how);
  void tick_stages();
  void collect_ended();
  bool drain(RunningStage& stage);
  void take_output(RunningStage& stage, Stream stream);
  void write_frames();
  void read_commands();
  void wait();
  void handle(const pollfd& entry);
  TimePoint deadline() const;
  std::vector<pid_t> roots_beside(const RunningStage& stage) const;
  bool finished();

  const bool host_;
  TimePoint now_ = std::chrono::steady_clock::now();
  AgentSignals signals_;
  SpillFile spill_;
  ProcessOwners owners_;
  agent::AgentEnd end_;
  StandardStream in_{STDIN_FILENO, StandardStream::Direction::in};
  StandardStream out_{STDOUT_FILENO, StandardStream::Direction::out};
  std::vector<std::unique_ptr<RunningStage>> stages_;
  std::vector<pollfd> polled_;
  std::vector<char> buffer_ = std::vector<char>(buffer_size);

  TimePoint in_pause_{};  ///< do not look at stdin before this
  bool out_full_ = false;
  std::optional<int> ending_;  ///< the exit code
  bool interrupted_ = false;   ///< by a signal, not by the daemon
  TimePoint farewell_end_ = TimePoint::max();
};

int Agent::run() {
  for (;;) {
    if (signals_.take_child()) reap();
    if (const int number = signals_.take_end()) interrupt(128 + number);
    end_.tick(now_);
    obey();
    tick_stages();
    collect_ended();
    write_frames();
    if (finished()) return *ending_;
    wait();
  }
}

// Orphans too: the agent is the subreaper (or process 1) of everything that runs here.
void Agent::reap() {
  for (;;) {
    int status = 0;
    rusage usage{};
    const auto pid = wait4(-1, &status, WNOHANG, &usage);
    if (pid <= 0) break;
    for (auto& stage : stages_)
      if (stage->root() == pid) stage->root_ended(status, usage);
  }
  for (auto& stage : stages_) stage->look_now();
}

void Agent::obey() {
  while (auto command = end_.next_command()) {
    if (auto* run = std::get_if<agent::RunStage>(&*command)) {
      start(std::move(run->stage));
    } else if (const auto* signal = std::get_if<agent::SignalStage>(&*command)) {
      for (auto& stage : stages_)
        if (stage->id() == signal->stage)
          stage->signal(signal->signal, owners_, roots_beside(*stage), now_);
    } else if (const auto* quit = std::get_if<agent::Quit>(&*command)) {
      begin_ending(quit->code & 0xff, agent::Signal::kill);
    } else {
      begin_ending(abandoned_code, agent::Signal::terminate);
    }
  }
}

void Agent::start(agent::Stage stage) {
  agent::Exit failed{.stage = stage.id, .code = 1};
  try {
    if (!ending_) {
      stages_.push_back(std::make_unique<RunningStage>(
          std::move(stage), now_, host_ ? LeftBehind::lives : LeftBehind::is_killed));
      return;
    }
    failed.error = "the agent is ending";
  } catch (const StageStartError& error) {
    failed.code = error.code;
    failed.error = error.text;
  } catch (const std::system_error& error) {
    failed.error = error.what();
  }
  end_.exited(failed);
}

void Agent::interrupt(int code) {
  interrupted_ = interrupted_ || !ending_;
  begin_ending(code, agent::Signal::terminate);
}

void Agent::begin_ending(int code, agent::Signal how) {
  if (!ending_) ending_ = code;
  for (auto& stage : stages_) stage->signal(how, owners_, roots_beside(*stage), now_);
}

std::vector<pid_t> Agent::roots_beside(const RunningStage& stage) const {
  std::vector<pid_t> roots;
  for (const auto& other : stages_)
    if (other->root() != stage.root()) roots.push_back(other->root());
  return roots;
}

void Agent::tick_stages() {
  for (auto& stage : stages_) stage->tick(owners_, roots_beside(*stage), now_);
}

void Agent::collect_ended() {
  std::erase_if(stages_, [this](const std::unique_ptr<RunningStage>& stage) {
    if (!stage->over() || !drain(*stage)) return false;
    if (host_) owners_.let_live(list_processes(), stage->root(), roots_beside(*stage));
    auto exit = stage->exit();
    exit.interrupted = interrupted_;
    end_.exited(exit);
    return true;
  });
}

// What the pipes hold after the last process's end. A process from before the first stage may keep
// them open for ever, so their being empty is the end, not their being closed. False: the rest must
// wait for room.
bool Agent::drain(RunningStage& stage) {
  for (const auto stream : both_streams) {
    for (;;) {
      const auto room = std::min(end_.room(), buffer_.size());
      if (room == 0) return false;
      const auto size = stage.read_output(stream, buffer_.data(), room);
      if (size == 0) break;
      end_.output(stage.id(), stream, {buffer_.data(), size}, now_);
      write_frames();
    }
  }
  return true;
}

void Agent::take_output(RunningStage& stage, Stream stream) {
  const auto room = std::min(end_.room(), buffer_.size());
  if (room == 0) return;
  const auto size = stage.read_output(stream, buffer_.data(), room);
  if (size > 0) end_.output(stage.id(), stream, {buffer_.data(), size}, now_);
}

void Agent::write_frames() {
  out_full_ = false;
  for (;;) {
    const auto frame = end_.frame(now_);
    if (frame.empty()) return;
    const auto done = out_.write(frame);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && errno == EAGAIN) {
      out_full_ = true;
      return;
    }
    // An error means that nobody is there: as with an Engine that nobody is attached to, the frame
    // is lost and its output comes again after *resume*.
    end_.frame_written(now_);
  }
}

void Agent::read_commands() {
  const auto size = in_.read(buffer_.data(), buffer_.size());
  if (size > 0) {
    end_.receive({buffer_.data(), static_cast<std::size_t>(size)}, now_);
  } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
    if (host_) {
      // The daemon is gone, and none will come back to this pipe.
      in_pause_ = TimePoint::max();
      begin_ending(abandoned_code, agent::Signal::terminate);
      return;
    }
    in_pause_ = now_ + closed_stream_pause;
  }
}

TimePoint Agent::deadline() const {
  auto next = std::min(end_.deadline(), farewell_end_);
  if (in_pause_ > now_) next = std::min(next, in_pause_);
  for (const auto& stage : stages_) next = std::min(next, stage->deadline());
  return next;
}

void Agent::wait() {
  polled_.clear();
  if (in_pause_ <= now_) polled_.push_back({in_.fd(), POLLIN, 0});
  if (out_full_) polled_.push_back({out_.fd(), POLLOUT, 0});
  const bool room = end_.room() > 0;
  for (const auto& stage : stages_) {
    if (stage->in_fd() >= 0) polled_.push_back({stage->in_fd(), POLLOUT, 0});
    for (const auto stream : both_streams)
      if (const auto& fd = stage->output_fd(stream); room && fd && !stage->over())
        polled_.push_back({fd.get(), POLLIN, 0});
  }

  const auto next = deadline();
  timespec limit{};
  if (next > now_ && next != TimePoint::max()) {
    const auto left = next - std::chrono::steady_clock::now();
    const auto nanoseconds = std::max<std::int64_t>(0, std::chrono::nanoseconds{left}.count());
    limit = {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  }
  const auto ready = ppoll(polled_.data(), polled_.size(),
                           next == TimePoint::max() ? nullptr : &limit, signals_.while_waiting());
  now_ = std::chrono::steady_clock::now();
  if (ready <= 0) return;
  for (const auto& entry : polled_)
    if (entry.revents != 0) handle(entry);
}

void Agent::handle(const pollfd& entry) {
  if (entry.fd == in_.fd()) return read_commands();
  for (auto& stage : stages_) {
    if (entry.fd == stage->in_fd()) return stage->write_script();
    for (const auto stream : both_streams)
      if (entry.fd == stage->output_fd(stream).get()) return take_output(*stage, stream);
  }
}

bool Agent::finished() {
  if (!ending_ || !stages_.empty()) return false;
  if (farewell_end_ == TimePoint::max()) farewell_end_ = now_ + farewell;
  return now_ >= farewell_end_ || (!out_full_ && end_.frame(now_).empty());
}

}  // namespace

int run_agent(const AgentArguments& arguments) {
  // Before the first process is started; refused (an old kernel), orphans go to process 1 and are
  // found by their session.
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  if (arguments.umask) umask(static_cast<mode_t>(*arguments.umask));
  return Agent{arguments}.run();
}

bool agent_can_run() {
  return access("/proc/self/stat", R_OK) == 0;
}

}  // namespace slipway::helper
