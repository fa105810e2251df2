// Plain mode: no agent in the container; every stage is a start of its own.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "executors/docker/agent_container.hpp"
#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {
using namespace std::chrono_literals;
constexpr auto stop_script_limit = 10s;
constexpr auto closed_output_limit = 1s;

/// TERM to every process but PID 1 and itself, youngest first, up to 6 s each: shells do not pass
/// signals on.
constexpr auto terminate_all =
    "for p in $(cd /proc && ls -d [0-9]* 2>/dev/null | sort -rn); do "
    "[ \"$p\" = 1 ] && continue; [ \"$p\" = $$ ] && continue; "
    "kill -TERM \"$p\" 2>/dev/null || continue; "
    "for i in 1 2 3 4 5 6; do kill -0 \"$p\" 2>/dev/null || break; sleep 1; done; done";
}  // namespace

asio::awaitable<AgentContainer::Result> AgentContainer::run_plain(std::string script,
                                                                  Capture capture) {
  plain_capture_ = std::move(capture);
  if (!first_plain_run_) {
    co_await close();
    ended_.reset();
    end_.reset();
    outbox_.clear();
    mode_ = Mode::plain;
    co_await attach_and_start();
    start_tasks();
  }
  first_plain_run_ = false;
  // No half-close after it: that would end the output too. The script's own last line ends the
  // shell.
  send(std::move(script));
  co_await ended_.wait();
  plain_capture_ = nullptr;
  if (end_->failure) std::rethrow_exception(end_->failure);
  if (end_->gone)
    throw ContainerGone{"container " + settings_.name + " was removed while a stage ran in it"};
  co_return ended_result();
}

/// The output has ended, and the container runs. A script may have closed its output; then a new
/// attachment ends at once, too. Else the connection was cut, and what came meanwhile is lost.
asio::awaitable<void> AgentContainer::check_plain_output() {
  bool open = false;
  const docker_api::StreamParser::Sink more = [&open](docker_api::StreamType, std::string_view) {
    open = true;
  };
  try {
    const auto again = co_await engine_.attach(settings_.id, true);
    bool reading = true;
    while (reading && !open) {
      auto read = again->read(more);
      reading = co_await util::with_timeout(std::move(read), closed_output_limit);
    }
  } catch (const util::TimeoutError&) {
    open = true;
  } catch (const docker_api::EngineError& error) {
    spdlog::debug("the container ended: {} container={}", error.what(), settings_.name);
  }
  if (open)
    throw job::Failure{job::FailureReason::runner_system_failure,
                       fmt::format("the connection to container {} was lost, and without an agent "
                                   "in it its output cannot be resumed",
                                   settings_.name)};
}

asio::awaitable<void> AgentContainer::stop_plain() {
  if (!settings_.native_stop) co_await terminate_all_plain();
  try {
    co_await engine_.stop_container(settings_.id, std::nullopt);
  } catch (const boost::system::system_error&) {
    throw;
  } catch (const std::runtime_error& error) {
    spdlog::warn("stopping the stage: {} container={}", error.what(), settings_.name);
  }
}

asio::awaitable<void> AgentContainer::terminate_all_plain() {
  try {
    const docker_api::StreamParser::Sink ignore = [](docker_api::StreamType, std::string_view) {};
    const std::vector<std::string> command{"sh", "-c", terminate_all};
    auto terminating = engine_.exec(settings_.id, command, ignore);
    co_await util::with_timeout(std::move(terminating), stop_script_limit);
  } catch (const boost::system::system_error&) {
    throw;
  } catch (const std::runtime_error& error) {
    spdlog::debug("ending the stage's processes: {} container={}", error.what(), settings_.name);
  }
}

agent::Signal AgentContainer::stop_signal() const {
  return settings_.native_stop ? agent::Signal::terminate_shell : agent::Signal::terminate;
}

void AgentContainer::stop_stages() {
  if (adopting_ || hold_back_) {
    stop_adopted_ = true;
    return;
  }
  if (mode_ == Mode::plain || mode_ == Mode::starting) {
    tasks_.start(stop_plain());
    return;
  }
  for (const auto& [id, running] : running_)
    if (!running->exit) send(agent_.signal(id, stop_signal()));
}

asio::awaitable<void> AgentContainer::close() {
  if (attachment_) attachment_->close();
  tasks_.cancel();
  auto ending = end_tasks();
  co_await util::shielded(std::move(ending));
  attachment_.reset();
}

asio::awaitable<void> AgentContainer::end_tasks() {
  try {
    co_await tasks_.join();
  } catch (const std::exception& error) {
    spdlog::warn("container tasks: {} container={}", error.what(), settings_.name);
  }
}

}  // namespace slipway::executors::docker
