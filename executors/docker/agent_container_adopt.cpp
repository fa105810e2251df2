// A container that an earlier process has left running: its agent goes on from a snapshot.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "executors/docker/agent_container.hpp"
#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {
using namespace std::chrono_literals;
using job::Failure;
using job::FailureReason;
/// The first connection may be one of those that die without a word.
constexpr auto first_answer_limit = 5s;
}  // namespace

AgentContainer::Snapshot AgentContainer::snapshot() const {
  Snapshot snapshot;
  snapshot.id = settings_.id;
  snapshot.name = settings_.name;
  snapshot.mark = settings_.mark;
  snapshot.started = started_;
  snapshot.agent = agent_was_here_;
  snapshot.offset = agent_.next_offset();
  snapshot.exits = agent_.exits_taken();
  for (const auto& [id, running] : running_)
    if (running->exit) snapshot.exits = std::min(snapshot.exits, running->exit_number - 1);
  snapshot.commands = agent_.commands_sent();
  if (agent_.version() != 0) snapshot.protocol = agent_.version();
  return snapshot;
}

asio::awaitable<AgentContainer::Mode> AgentContainer::adopt(Snapshot snapshot) {
  settings_.id = snapshot.id;
  settings_.name = snapshot.name;
  settings_.mark = snapshot.mark;
  started_ = snapshot.started;
  agent_was_here_ = snapshot.agent;
  co_await require_running();
  if (!snapshot.agent)
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("there is no agent in container {}, and without one a script cannot "
                              "be continued after slipway was restarted",
                              settings_.name)};
  const agent::Continuation from{snapshot.offset, snapshot.exits, snapshot.commands,
                                 snapshot.protocol};
  agent_ = agent::DaemonEnd{settings_.mark, from};
  acknowledged_ = snapshot.offset;
  adopting_ = true;
  hold_back_ = true;
  dispatch_events();  // a version that is not spoken is known already
  co_await attach_again();
  send(agent_.resume());
  start_tasks();
  co_await wait_for_resumed();
  co_return mode_;
}

asio::awaitable<void> AgentContainer::require_running() {
  End end;
  bool running = false;
  try {
    const auto details = co_await engine_.inspect_container(settings_.id);
    running = details.running;
    end.exit_code = details.exit_code;
    end.out_of_memory = details.oom_killed;
    end.gone = details.status == "removing" || details.status == "dead";
  } catch (const docker_api::EngineError& error) {
    if (!error.not_found()) throw;
    end.gone = true;
  }
  if (!running) fail_ended_alone(end);
}

asio::awaitable<void> AgentContainer::attach_again() {
  End end;
  try {
    attachment_ = co_await engine_.attach(settings_.id, true);
  } catch (const docker_api::EngineError& error) {
    if (!error.not_found()) throw;
    end.gone = true;
  }
  if (end.gone) fail_ended_alone(end);
}

asio::awaitable<void> AgentContainer::wait_for_resumed() {
  bool answered = co_await answers_within(first_answer_limit);
  if (!answered) {
    spdlog::warn("no answer from the agent, attaching once more container={}", settings_.name);
    cut();
    answered = co_await answers_within(answer_limit - first_answer_limit);
  }
  if (!answered)
    throw Failure{
        FailureReason::runner_system_failure,
        fmt::format("container {} runs, but the agent in it does not answer any more; did "
                    "something end it while slipway was not running?",
                    settings_.name)};
  if (end_ && end_->failure) std::rethrow_exception(end_->failure);
  if (end_) fail_ended_alone(*end_);
}

asio::awaitable<bool> AgentContainer::answers_within(std::chrono::milliseconds limit) {
  try {
    auto answer = answered_.wait();
    co_await util::with_timeout(std::move(answer), limit);
  } catch (const util::TimeoutError&) {
    co_return false;
  }
  co_return true;
}

void AgentContainer::fail_ended_alone(const End& end) {
  auto what = end.gone ? std::string{"was removed"}
                       : fmt::format("ended (exit code {}{})", end.exit_code,
                                     end.out_of_memory ? ", out of memory" : "");
  const auto text =
      fmt::format("container {} {} while slipway was not running", settings_.name, what);
  if (!end.gone) throw Failure{FailureReason::runner_system_failure, text};
  mode_ = Mode::ended;
  end_ = end;
  throw ContainerGone{text};
}

void AgentContainer::on_resumed(const agent::Resumed& resumed) {
  if (resumed.lost > 0 || resumed.lost_exits > 0) {
    spdlog::warn("the agent no longer has what it was asked for container={} bytes={} exits={}",
                 settings_.name, resumed.lost, resumed.lost_exits);
    if (resumed.lost > 0)
      log_.warning(fmt::format("{} bytes of output are lost here", resumed.lost));
  }
  if (!std::exchange(adopting_, false)) return;
  spdlog::info("agent adopted container={} offset={} version={}", settings_.name, resumed.offset,
               resumed.agent_version);
  mode_ = Mode::agent;
  answered_.set();
}

asio::awaitable<AgentContainer::Result> AgentContainer::continue_run(agent::Stage stage,
                                                                     std::uint64_t commands_before,
                                                                     Capture capture) {
  if (mode_ == Mode::ended) {
    if (end_->failure) std::rethrow_exception(end_->failure);
    fail_early(stage.name);
  }
  const std::optional<std::uint64_t> before{commands_before};
  co_return co_await run_with_agent(std::move(stage), before, std::move(capture));
}

/// Output and ends of stages wait until somebody asks for a stage: its run() would come too late
/// for them.
bool AgentContainer::must_wait(const agent::Event& event) const {
  return hold_back_ && (std::holds_alternative<agent::Output>(event) ||
                        std::holds_alternative<agent::Exit>(event));
}

void AgentContainer::take_held_back() {
  if (!std::exchange(hold_back_, false)) return;
  dispatch_events();
  taking_.set();
}

}  // namespace slipway::executors::docker
