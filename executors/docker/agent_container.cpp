#include "executors/docker/agent_container.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {

namespace {
using namespace std::chrono_literals;
constexpr auto ping_interval = 10s;
/// Pings are answered at once: an agent that says nothing for so long is dead, even if its
/// container lives.
constexpr auto longest_silence = 60s;
constexpr int reattach_tries = 60;
constexpr auto reattach_pause = 1s;
constexpr auto write_limit = 5min;
}  // namespace

/// Keeps a stage in the table while its run() waits, however that ends: its capture refers to the
/// caller's locals.
struct AgentContainer::Registration {
  Registration(Table& running, std::uint32_t id, std::shared_ptr<Running> entry)
      : table{running}, stage{id} {
    table[stage] = std::move(entry);
  }
  Registration(const Registration&) = delete;
  ~Registration() { table.erase(stage); }

  Table& table;
  std::uint32_t stage;
};

AgentContainer::AgentContainer(asio::any_io_executor executor, docker_api::Client& engine,
                               JobLog& log, Settings settings)
    : executor_{executor},
      engine_{engine},
      log_{log},
      settings_{std::move(settings)},
      agent_{settings_.mark},
      outbox_filled_{executor},
      answered_{executor},
      ended_{executor},
      taking_{executor},
      tasks_{executor} {
  taking_.set();
}

AgentContainer::~AgentContainer() = default;

asio::awaitable<AgentContainer::Mode> AgentContainer::start() {
  // Again, after a stage that was given up while it waited for the container: go on waiting.
  if (!tasks_started_) co_await begin();
  if (settings_.use_agent) co_await answered_.wait();
  if (end_ && end_->failure) std::rethrow_exception(end_->failure);
  co_return mode_;
}

asio::awaitable<void> AgentContainer::begin() {
  co_await attach_and_start();
  if (!settings_.use_agent) {
    // The shell waits for a script on its stdin from the start.
    mode_ = Mode::plain;
    start_tasks();
    co_return;
  }
  agent::AgentOptions options;
  options.adopt_timeout = settings_.adopt_timeout;
  options.umask = settings_.umask;
  send(agent_.bootstrap(settings_.helper_dir, options));
  start_tasks();
}

asio::awaitable<void> AgentContainer::attach_and_start() {
  bool attached = false;
  try {
    attachment_ = co_await engine_.attach(settings_.id, true);
    attached = true;
    started_ = true;
    co_await engine_.start_container(settings_.id);
  } catch (const docker_api::EngineError& error) {
    // A start may miss something else, such as the network.
    const bool gone = error.not_found() &&
                      (!attached || error.message().find("No such container") != std::string::npos);
    if (!gone) throw;
    end_ = End{.gone = true};
    mode_ = Mode::ended;
  }
  if (gone())
    throw ContainerGone{fmt::format("container {} was removed before it ran", settings_.name),
                        true};
}

void AgentContainer::start_tasks() {
  tasks_started_ = true;
  tasks_.start(pump());
  tasks_.start(send_queued());
  tasks_.start(keep_alive());
}

void AgentContainer::send(std::string bytes) {
  outbox_ += bytes;
  outbox_filled_.set();
}

asio::awaitable<void> AgentContainer::send_queued() {
  while (!ended_.is_set()) {
    co_await outbox_filled_.wait();
    outbox_filled_.reset();
    const auto bytes = std::exchange(outbox_, {});
    const auto attachment = attachment_;
    if (!attachment || bytes.empty()) continue;
    try {
      auto writing = attachment->write(bytes);
      co_await util::with_timeout(std::move(writing), write_limit);
    } catch (const net::Error& error) {
      // The reader sees the same cut and re-attaches; resume() repeats what was not confirmed.
      spdlog::debug("container stdin: {} container={}", error.what(), settings_.name);
    } catch (const util::TimeoutError&) {
      spdlog::warn("container does not read its stdin container={}", settings_.name);
      cut();
    } catch (const boost::system::system_error&) {
      if (!cut_) throw;
    }
    if (agent_.needs_resume() && outbox_.empty()) send(agent_.resume());
  }
}

/// Closes the attachment so that the reader attaches anew.
void AgentContainer::cut() {
  cut_ = true;
  attachment_->close();
}

asio::awaitable<void> AgentContainer::keep_alive() {
  while (!ended_.is_set()) {
    co_await util::sleep_for(ping_interval);
    if (mode_ != Mode::agent) continue;
    if (taking_.is_set() && std::chrono::steady_clock::now() - last_heard_ > longest_silence) {
      // A connection may have died without a word; only an agent that is silent on a new one, too,
      // is dead.
      silent_ = ++silences_ > 1;
      last_heard_ = std::chrono::steady_clock::now();
      cut();
      continue;
    }
    send(agent_.ping());
    if (agent_.next_offset() != acknowledged_) acknowledge();
  }
}

void AgentContainer::acknowledge() {
  if (settings_.before_ack && !settings_.before_ack()) return;
  acknowledged_ = agent_.next_offset();
  send(agent_.ack(acknowledged_));
}

void AgentContainer::acknowledge_every(std::uint64_t bytes) {
  settings_.ack_every = bytes;
}

asio::awaitable<void> AgentContainer::pump() {
  std::exception_ptr failure;
  bool abandoned = false;
  try {
    bool attached = true;
    while (attached) {
      co_await read_until_end();
      // An Engine that stops or cuts the connection also looks like an end: the container's state
      // decides.
      attached = co_await reattach();
    }
    co_await conclude();
  } catch (const boost::system::system_error&) {
    abandoned = true;
    failure = std::current_exception();
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (failure) end_ = End{.failure = failure};
  mode_ = Mode::ended;
  for (auto& [id, running] : running_) running->done.set();
  ended_.set();
  answered_.set();
  outbox_filled_.set();
  if (abandoned) std::rethrow_exception(failure);
}

asio::awaitable<void> AgentContainer::read_until_end() {
  const docker_api::StreamParser::Sink sink = [this](docker_api::StreamType type,
                                                     std::string_view bytes) {
    const auto stream =
        type == docker_api::StreamType::err ? agent::Stream::err : agent::Stream::out;
    if (mode_ == Mode::plain) {
      if (plain_capture_)
        plain_capture_(stream, bytes);
      else
        log(stream, bytes);
      return;
    }
    last_heard_ = std::chrono::steady_clock::now();
    silences_ = 0;
    vain_attaches_ = 0;
    agent_.receive(stream, bytes);
    dispatch_events();
    if (agent_.needs_resume() && outbox_.empty()) send(agent_.resume());
  };
  const auto attachment = attachment_;  // this one, whatever takes its place
  try {
    bool more = true;
    while (more) {
      more = co_await attachment->read(sink);
      const auto due = std::min(settings_.ack_every, most_unacknowledged);
      if (mode_ == Mode::agent && agent_.next_offset() - acknowledged_ >= due) acknowledge();
      if (!taking_.is_set()) {
        co_await taking_.wait();
        last_heard_ = std::chrono::steady_clock::now();
      }
    }
  } catch (const net::Error& error) {
    spdlog::warn("attach connection lost: {} container={}", error.what(), settings_.name);
  } catch (const boost::system::system_error&) {
    if (!cut_) throw;
  }
}

/// Attaches again if the container still runs; false if it has ended.
asio::awaitable<bool> AgentContainer::reattach() {
  if (silent_)
    throw job::Failure{
        job::FailureReason::runner_system_failure,
        fmt::format("the agent in container {} does not answer any more; did the script end it?",
                    settings_.name)};
  bool engine_away = false;
  for (int attempt = 0; attempt < reattach_tries; ++attempt) {
    if (attempt > 0) co_await util::sleep_for(reattach_pause);
    // Output that ends while the container runs on must not become a busy loop.
    if (++vain_attaches_ > 1) co_await util::sleep_for(reattach_pause);
    if (vain_attaches_ > reattach_tries) break;
    try {
      const auto details = co_await engine_.inspect_container(settings_.id);
      if (!details.running && engine_away)
        throw job::Failure{
            job::FailureReason::runner_system_failure,
            fmt::format("the Engine was restarted, which ended container {}", settings_.name)};
      if (!details.running) co_return false;
      if (mode_ == Mode::plain) {
        co_await check_plain_output();
        co_return false;
      }
      attachment_ = co_await engine_.attach(settings_.id, true);
      cut_ = false;
      outbox_.clear();
      send(agent_.resume());
      spdlog::info("attached again container={}", settings_.name);
      co_return true;
    } catch (const docker_api::EngineError& error) {
      if (error.not_found()) co_return false;
      spdlog::warn("re-attach: {} container={}", error.what(), settings_.name);
    } catch (const net::Error& error) {
      engine_away = true;
      spdlog::warn("re-attach: {} container={}", error.what(), settings_.name);
    }
  }
  throw job::Failure{job::FailureReason::runner_system_failure,
                     fmt::format("the connection to container {} was lost and could not be made "
                                 "again; does dockerd run, and does the container's output go on?",
                                 settings_.name)};
}

/// The container is not running any more: what is held back, its exit code and why it ended.
asio::awaitable<void> AgentContainer::conclude() {
  if (mode_ != Mode::plain) {
    agent_.receive_eof();
    dispatch_events();
  }
  End end;
  try {
    const auto waited = co_await engine_.wait_container(settings_.id);
    end.exit_code = waited.status_code;
    const auto details = co_await engine_.inspect_container(settings_.id);
    end.out_of_memory = details.oom_killed;
    // A forced removal kills first: the exit code is its own.
    end.gone = details.status == "removing" || details.status == "dead";
  } catch (const docker_api::EngineError& error) {
    if (!error.not_found()) throw;
    end.gone = true;
  }
  end_ = end;
}

void AgentContainer::dispatch_events() {
  while (const auto* event = agent_.peek()) {
    if (must_wait(*event)) {
      taking_.reset();
      return;
    }
    handle(*agent_.next());
  }
}

void AgentContainer::handle(const agent::Event& event) {
  if (const auto* output = std::get_if<agent::Output>(&event)) {
    const auto found = running_.find(output->stage);
    if (found == running_.end()) return;
    if (found->second->capture)
      found->second->capture(output->stream, output->bytes);
    else
      log(output->stream, output->bytes);
  } else if (const auto* raw = std::get_if<agent::Raw>(&event)) {
    log(raw->stream, raw->bytes);
  } else if (const auto* exit = std::get_if<agent::Exit>(&event)) {
    const auto found = running_.find(exit->stage);
    if (found == running_.end()) return;
    found->second->exit = *exit;
    found->second->exit_number = agent_.exits_taken();
    found->second->done.set();
  } else if (std::holds_alternative<agent::Hello>(event)) {
    mode_ = Mode::agent;
    agent_was_here_ = true;
    answered_.set();
  } else if (std::holds_alternative<agent::Plain>(event)) {
    mode_ = Mode::plain;
    answered_.set();
  } else if (const auto* resumed = std::get_if<agent::Resumed>(&event)) {
    on_resumed(*resumed);
  } else if (const auto* unsupported = std::get_if<agent::Unsupported>(&event)) {
    throw job::Failure{
        job::FailureReason::runner_system_failure,
        fmt::format("the agent in container {} speaks version {} of the agent protocol, this "
                    "slipway speaks {} and the one before it",
                    settings_.name, unsupported->version, agent::protocol_version)};
  }
}

void AgentContainer::log(agent::Stream stream, std::string_view bytes) {
  log_.write(job::LogStream::script,
             stream == agent::Stream::err ? job::LogKind::err : job::LogKind::out, bytes);
}

asio::awaitable<AgentContainer::Result> AgentContainer::run(agent::Stage stage, Capture capture) {
  if (mode_ == Mode::plain || (mode_ == Mode::ended && !first_plain_run_)) {
    co_return co_await run_plain(std::move(stage.body), std::move(capture));
  }
  if (mode_ == Mode::ended) {
    if (end_->failure) std::rethrow_exception(end_->failure);
    // Only an entrypoint that ran alone gives the job its exit code.
    if (end_->gone || agent_was_here_) fail_early(stage.name);
    co_return ended_result();
  }
  const std::optional<std::uint64_t> fresh;
  co_return co_await run_with_agent(std::move(stage), fresh, std::move(capture));
}

asio::awaitable<AgentContainer::Result> AgentContainer::run_with_agent(
    agent::Stage stage, std::optional<std::uint64_t> commands_before, Capture capture) {
  const auto running = std::make_shared<Running>(executor_);
  running->capture = std::move(capture);
  const Registration registration{running_, stage.id, running};
  send(commands_before ? agent_.continue_run(stage, *commands_before) : agent_.run(stage));
  if (commands_before && stop_adopted_) send(agent_.signal(stage.id, stop_signal()));
  take_held_back();
  co_await running->done.wait();
  if (running->exit) {
    Result result;
    result.exit_code = running->exit->code;
    result.interrupted = running->exit->interrupted;
    result.out_of_memory = running->exit->out_of_memory;
    result.error = running->exit->error;
    co_return result;
  }
  if (end_->failure) std::rethrow_exception(end_->failure);
  // An end without the agent's word is no success, whatever the exit code says.
  if (end_->gone || end_->exit_code == 0) fail_early(stage.name);
  co_return ended_result();
}

void AgentContainer::fail_early(const std::string& stage) const {
  const auto text = fmt::format("container {} {} while or before {} ran in it", settings_.name,
                                end_->gone ? "was removed" : "ended", stage);
  if (end_->gone) throw ContainerGone{text};
  throw job::Failure{job::FailureReason::runner_system_failure, text};
}

void AgentContainer::abandon(std::uint32_t stage) {
  if (mode_ == Mode::agent) send(agent_.signal(stage, agent::Signal::kill));
}

AgentContainer::Result AgentContainer::ended_result() const {
  Result result;
  result.exit_code = static_cast<int>(end_->exit_code);
  result.out_of_memory = end_->out_of_memory;
  return result;
}

}  // namespace slipway::executors::docker
