#include "executors/shell/agent_process.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::shell {

namespace {
using namespace std::chrono_literals;
using job::Failure;
using job::FailureReason;

constexpr auto hello_limit = 30s;
constexpr auto ping_interval = 10s;
constexpr std::uint64_t ack_every = 256 * 1024;
constexpr std::size_t buffer_size = 64 * 1024;
/// KILL to all that is left of a stage, and the agent's own end.
constexpr std::chrono::milliseconds end_limit = 15s;
constexpr std::chrono::milliseconds kill_limit = 5s;
constexpr std::chrono::milliseconds longest_pause = 20ms;
}  // namespace

AgentProcess::AgentProcess(asio::any_io_executor executor, JobLog& log, Settings settings)
    : executor_{executor},
      log_{log},
      settings_{std::move(settings)},
      agent_{settings_.mark},
      in_{executor},
      out_{executor},
      outbox_filled_{executor},
      answered_{executor},
      ended_{executor},
      stage_over_{executor},
      tasks_{executor} {}

/// Without close(): its pipe closes, so it ends by itself.
AgentProcess::~AgentProcess() = default;

asio::awaitable<void> AgentProcess::start() {
  settings_.spawn.arguments = {settings_.helper, "agent", "--mark", settings_.mark, "--host"};
  try {
    const auto spawned = spawn(settings_.spawn);
    in_.assign(spawned.in);
    out_.assign(spawned.out);
    id_ = ProcessId::of(spawned.pid);
    id_.pid = spawned.pid;
  } catch (const std::runtime_error& error) {
    throw Failure{FailureReason::runner_system_failure, error.what()};
  }
  tasks_.start(read_output());
  tasks_.start(write_commands());
  tasks_.start(keep_alive());
  bool late = false;
  try {
    auto answer = answered_.wait();
    co_await util::with_timeout(std::move(answer), hello_limit);
  } catch (const util::TimeoutError&) {
    late = true;
  }
  if (late)
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("{} does not answer", settings_.helper)};
  if (!hello_ || !refused_.empty()) fail_ended();
}

void AgentProcess::send(std::string bytes) {
  outbox_ += bytes;
  outbox_filled_.set();
}

asio::awaitable<void> AgentProcess::write_commands() {
  while (!ended_.is_set()) {
    co_await outbox_filled_.wait();
    outbox_filled_.reset();
    const auto bytes = std::exchange(outbox_, {});
    boost::system::error_code error;
    co_await asio::async_write(in_, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) throw boost::system::system_error{error};
    // An agent that is gone shows at its output.
    if (error) co_return;
  }
}

asio::awaitable<void> AgentProcess::keep_alive() {
  while (!ended_.is_set()) {
    co_await util::sleep_for(ping_interval);
    if (!hello_) continue;
    send(agent_.ping());
    if (agent_.next_offset() != acknowledged_) acknowledge();
  }
}

/// No later process takes the job over, so what is in the log is safe enough.
void AgentProcess::acknowledge() {
  acknowledged_ = agent_.next_offset();
  send(agent_.ack(acknowledged_));
}

asio::awaitable<void> AgentProcess::read_output() {
  std::vector<char> buffer(buffer_size);
  boost::system::error_code error;
  while (!error) {
    const auto size = co_await out_.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) throw boost::system::system_error{error};
    agent_.receive(agent::Stream::out, {buffer.data(), size});
    if (error) agent_.receive_eof();
    while (auto event = agent_.next()) handle(*event);
    // The job's user may write to the agent's output, too, and so damage it.
    if (agent_.needs_resume() && outbox_.empty()) send(agent_.resume());
    if (hello_ && agent_.next_offset() - acknowledged_ >= ack_every) acknowledge();
  }
  ended_.set();
  answered_.set();
  stage_over_.set();
  outbox_filled_.set();
}

void AgentProcess::handle(const agent::Event& event) {
  if (const auto* output = std::get_if<agent::Output>(&event)) {
    if (output->stage == current_) log(output->stream, output->bytes);
  } else if (const auto* raw = std::get_if<agent::Raw>(&event)) {
    log(raw->stream, raw->bytes);
  } else if (const auto* exit = std::get_if<agent::Exit>(&event)) {
    if (exit->stage != current_) return;
    exit_ = *exit;
    stage_over_.set();
  } else if (std::holds_alternative<agent::Hello>(event)) {
    hello_ = true;
    answered_.set();
  } else if (const auto* unsupported = std::get_if<agent::Unsupported>(&event)) {
    refused_ = fmt::format(
        "{} speaks version {} of the agent protocol, this slipway speaks {}; reinstall both",
        settings_.helper, unsupported->version, agent::protocol_version);
    answered_.set();
  }
}

void AgentProcess::log(agent::Stream stream, std::string_view bytes) {
  log_.write(job::LogStream::script,
             stream == agent::Stream::err ? job::LogKind::err : job::LogKind::out, bytes);
}

asio::awaitable<AgentProcess::Result> AgentProcess::run(agent::Stage stage) {
  if (!answers()) fail_ended();
  stage_over_.reset();
  exit_.reset();
  current_ = last_ = stage.id;
  send(agent_.run(stage));
  co_await stage_over_.wait();
  current_ = 0;
  if (!exit_) fail_ended();
  Result result;
  result.exit_code = exit_->code;
  result.signal = exit_->signal;
  result.interrupted = exit_->interrupted;
  result.error = exit_->error;
  co_return result;
}

void AgentProcess::signal(agent::Signal signal) {
  if (last_ != 0 && answers()) send(agent_.signal(last_, signal));
}

void AgentProcess::fail_ended() const {
  if (!refused_.empty()) throw Failure{FailureReason::runner_system_failure, refused_};
  throw Failure{
      FailureReason::runner_system_failure,
      "the agent that runs this job's stages has ended; did the script, or somebody else, "
      "kill it?"};
}

/// True when the process is gone.
bool AgentProcess::reap() {
  if (id_.pid <= 0) return true;
  int status = 0;
  const auto got = ::waitpid(id_.pid, &status, WNOHANG);
  if (got == 0) return false;
  id_ = {};
  return true;
}

asio::awaitable<bool> AgentProcess::gone_within(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  auto pause = 1ms;
  while (!reap()) {
    if (std::chrono::steady_clock::now() > until) co_return false;
    co_await util::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(2 * pause, longest_pause);
  }
  co_return true;
}

asio::awaitable<void> AgentProcess::close() {
  if (answers()) {
    signal(agent::Signal::kill);
    send(agent_.quit(0));
  } else if (id_.pid > 0 && !hello_) {
    ::kill(id_.pid, SIGKILL);
  }
  const bool ended = co_await gone_within(end_limit);
  if (!ended) {
    spdlog::error("a shell job's agent does not end, killing it pid={}", id_.pid);
    ::kill(id_.pid, SIGKILL);
    const bool killed = co_await gone_within(kill_limit);
    if (!killed) spdlog::error("a shell job's agent cannot be killed pid={}", id_.pid);
  }
  tasks_.cancel();
  co_await tasks_.join();
  boost::system::error_code ignored;
  in_.close(ignored);
  out_.close(ignored);
}

}  // namespace slipway::executors::shell
