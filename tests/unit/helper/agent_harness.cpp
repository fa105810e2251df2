#include "agent_harness.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "helper/agent/process_tree.hpp"
#include "tests/fakes/test_paths.hpp"

namespace slipway::helper {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::vector<std::string> agent_command(const std::vector<std::string>& arguments) {
  std::vector<std::string> all{fakes::helper_program, "agent", "--mark", test_mark};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

}  // namespace

TestAgent::TestAgent(const std::vector<std::string>& arguments)
    : TestContainer{agent_command(arguments)} {
  pump_until([this] { return hellos == 1; });
}

TestContainer::TestContainer(std::vector<std::string> arguments) {
  auto in = make_pipe(OurEnd::write);
  auto out = make_pipe(OurEnd::read);
  auto err = make_pipe(OurEnd::read);
  std::vector<char*> pointers;
  for (auto& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid = fork();
  if (pid == 0) {
    setsid();
    dup2(in.read.get(), 0);
    dup2(out.write.get(), 1);
    dup2(err.write.get(), 2);
    execvp(pointers[0], pointers.data());
    _exit(127);
  }
  in_ = std::move(in.write);
  out_ = std::move(out.read);
  err_ = std::move(err.read);
  signal(SIGPIPE, SIG_IGN);
}

TestContainer::~TestContainer() {
  // Everything below it, in whatever session; what a dead agent left is found by its own session.
  const auto all = list_processes();
  for (const auto other : ProcessOwners{getpid(), {}}.of_stage(all, pid, {}))
    ::kill(other, SIGKILL);
  ::kill(-pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

void TestContainer::bootstrap(std::string helper_dir, const agent::AgentOptions& options) {
  if (helper_dir.empty())
    helper_dir = std::filesystem::path{fakes::helper_program}.parent_path().string();
  write(daemon.bootstrap(helper_dir, options));
  pump_until([this] { return hellos + plains > 0 || ended; });
}

std::uint32_t TestContainer::start(agent::Stage stage) {
  stage.id = next_stage_++;
  write(daemon.run(stage));
  return stage.id;
}

agent::Exit TestContainer::end_of(std::uint32_t stage) {
  pump_until([&] { return exits.contains(stage); });
  return exits[stage];
}

bool TestContainer::has_output(std::uint32_t stage, std::string_view text) {
  return pump_until([&] { return out[stage].find(text) != std::string::npos; });
}

bool TestContainer::pump_until(const std::function<bool()>& done, std::chrono::milliseconds limit) {
  const auto end = Clock::now() + limit;
  while (!done()) {
    if (Clock::now() >= end) {
      ADD_FAILURE() << "not within " << limit.count() << " ms";
      return false;
    }
    exchange(50);
  }
  return true;
}

void TestContainer::pump_for(std::chrono::milliseconds time) {
  for (const auto end = Clock::now() + time; Clock::now() < end;) exchange(10);
}

int TestContainer::wait_for_end() {
  pump_until([this] { return ended; });
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

ssize_t TestContainer::read_once(const Fd& fd, agent::Stream stream) {
  static char buffer[256 << 10];
  const auto size = ::read(fd.get(), buffer, sizeof buffer);
  if (size > 0 && attached) daemon.receive(stream, {buffer, static_cast<std::size_t>(size)});
  return size;
}

void TestContainer::exchange(int timeout) {
  if (hellos > 0 && attached && Clock::now() > last_ping_ + 5s) {
    last_ping_ = Clock::now();
    write(daemon.ping());
  }
  pollfd fds[] = {{reads && !ended ? out_.get() : -1, POLLIN, 0},
                  {err_.get(), POLLIN, 0},
                  {to_write_.empty() || !attached ? -1 : in_.get(), POLLOUT, 0}};
  poll(fds, 3, timeout);
  if (fds[2].revents) {
    const auto size = ::write(in_.get(), to_write_.data(), to_write_.size());
    if (size > 0) to_write_.erase(0, static_cast<std::size_t>(size));
    if (size < 0 && errno == EPIPE) to_write_.clear();
  }
  if (fds[0].revents && read_once(out_, agent::Stream::out) == 0) {
    ended = true;
    daemon.receive_eof();
  }
  if (fds[1].revents && read_once(err_, agent::Stream::err) == 0) err_.close();
  take_events();
}

void TestContainer::take_events() {
  while (auto event = daemon.next()) {
    if (const auto* output = std::get_if<agent::Output>(&*event)) {
      (output->stream == agent::Stream::out ? out : err)[output->stage] += output->bytes;
    } else if (const auto* raw = std::get_if<agent::Raw>(&*event)) {
      (raw->stream == agent::Stream::out ? raw_out : raw_err) += raw->bytes;
    } else if (const auto* exit = std::get_if<agent::Exit>(&*event)) {
      exits[exit->stage] = *exit;
    } else if (std::holds_alternative<agent::Hello>(*event)) {
      ++hellos;
    } else if (std::holds_alternative<agent::Plain>(*event)) {
      ++plains;
    } else {
      ++resumed;
    }
  }
  if (acks && daemon.next_offset() >= acknowledged_ + (64 << 10))
    write(daemon.ack(acknowledged_ = daemon.next_offset()));
}

bool alive(pid_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::stringstream text;
  text << file.rdbuf();
  const auto process = parse_stat(text.str());
  return process && !process->dead();
}

}  // namespace slipway::helper
