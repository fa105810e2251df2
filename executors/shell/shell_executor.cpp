#include "executors/shell/shell_executor.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "job/failure.hpp"
#include "util/async.hpp"

namespace slipway::executors::shell {

namespace {
using namespace std::chrono_literals;
using job::Failure;
using job::FailureReason;

/// An agent whose daemon is gone gives the stage under way 10 s after TERM.
constexpr std::chrono::milliseconds earlier_agent_limit = 20s;
constexpr std::chrono::milliseconds earlier_agent_pause = 20ms;
constexpr std::chrono::milliseconds remove_files_limit = 30s;
/// That of a TERM.
constexpr int stopped_exit_code = 143;
constexpr auto cleanup_stage = "cleanup_file_variables";

std::string path_in(const std::vector<std::string>& environment) {
  constexpr std::string_view name = "PATH=";
  for (const auto& entry : environment)
    if (entry.starts_with(name)) return entry.substr(name.size());
  return "/usr/local/bin:/usr/bin:/bin";
}

bool is_in_path(const std::string& program, const std::string& path) {
  for (std::size_t from = 0; from <= path.size();) {
    const auto end = std::min(path.find(':', from), path.size());
    const auto file = path.substr(from, end - from) + "/" + program;
    if (::access(file.c_str(), X_OK) == 0) return true;
    from = end + 1;
  }
  return false;
}

}  // namespace

ShellExecutor::ShellExecutor(asio::any_io_executor executor, Plan plan, JobLog& log,
                             Settings settings, Checkpoint checkpoint)
    : executor_{executor},
      plan_{std::move(plan)},
      log_{log},
      settings_{std::move(settings)},
      checkpoint_{std::move(checkpoint)} {}

ShellExecutor::~ShellExecutor() = default;

SpawnRequest ShellExecutor::spawn_request() const {
  SpawnRequest request;
  request.working_dir = plan_.working_dir;
  if (plan_.user.empty()) {
    request.environment = inherited_environment(own_environment());
    return request;
  }
  if (const auto problem = account_problem(plan_.user); !problem.empty())
    throw Failure{FailureReason::runner_system_failure, problem};
  auto account = find_account(plan_.user);
  request.environment = login_environment(*account, own_environment());
  if (::geteuid() == 0) request.become = std::move(account);
  return request;
}

void ShellExecutor::choose_shell(const SpawnRequest& request) {
  const auto path = path_in(request.environment);
  if (is_in_path(plan_.shell, path)) return;
  if (!plan_.shell_chosen && is_in_path("sh", path)) {
    plan_.shell = "sh";
    return;
  }
  throw Failure{FailureReason::runner_system_failure,
                fmt::format("shell not found: there is no {} in {}", plan_.shell, path)};
}

asio::awaitable<void> ShellExecutor::prepare() {
  const auto request = spawn_request();
  choose_shell(request);
  log_.plain(fmt::format("Using Shell ({}) executor...", plan_.shell));
  for (const auto& warning : plan_.warnings) log_.warning(warning);
  co_await start_agent();
}

asio::awaitable<void> ShellExecutor::start_agent() {
  AgentProcess::Settings settings;
  settings.helper = settings_.helper;
  settings.mark = settings_.mark;
  settings.spawn = spawn_request();
  agent_ = std::make_unique<AgentProcess>(executor_, log_, std::move(settings));
  ++starts_;
  co_await agent_->start();
}

asio::awaitable<void> ShellExecutor::run(Stage stage) {
  if (!agent_) throw Failure{FailureReason::runner_system_failure, "there is no agent"};
  stop_requested_ = false;
  // A stage makes files before it says so.
  files_ = true;
  if (checkpoint_) checkpoint_();
  if (stop_requested_)  // by a checkpoint that failed
    throw Failure{FailureReason::script_failure, "stopped before it began", stopped_exit_code};
  agent::Stage request;
  request.id = next_stage_++;
  request.kind = stage.native ? agent::Stage::Kind::native : agent::Stage::Kind::script;
  request.name = stage.name;
  if (!stage.native) request.shell = {plan_.shell, "-l"};
  request.body = stage.native ? std::move(stage.native_parameters) : std::move(stage.script);
  const auto result = co_await agent_->run(std::move(request));
  log_.flush(job::LogStream::script);
  judge(stage, result);
  if (stage.native && stage.name == cleanup_stage) files_ = false;
}

void ShellExecutor::judge(const Stage& stage, const AgentProcess::Result& result) {
  if (!result.error.empty())
    throw Failure{FailureReason::runner_system_failure,
                  fmt::format("stage {} could not be started: {}", stage.name, result.error)};
  if (result.exit_code == 0 && result.signal == 0) return;
  if (result.interrupted)
    throw Failure{
        FailureReason::runner_system_failure,
        fmt::format("somebody ended this job's agent while {} ran: the machine goes down, "
                    "or slipway's processes were signalled",
                    stage.name)};
  throw Failure{FailureReason::script_failure, exit_text(result.exit_code, result.signal),
                result.signal != 0 ? -1 : result.exit_code};
}

void ShellExecutor::stop_stage() {
  stop_requested_ = true;
  if (agent_) agent_->signal(agent::Signal::terminate);
}

std::string ShellExecutor::snapshot() const {
  if (!agent_) return "";
  const auto& id = agent_->id();
  return nlohmann::json{
      {"pid", id.pid}, {"start_time", id.start_time}, {"boot", id.boot}, {"files", files_}}
      .dump();
}

asio::awaitable<void> ShellExecutor::adopt(std::string snapshot) {
  files_ = true;
  if (!snapshot.empty()) {
    try {
      const auto json = nlohmann::json::parse(snapshot);
      earlier_.pid = json.at("pid").get<pid_t>();
      earlier_.start_time = json.at("start_time").get<std::uint64_t>();
      earlier_.boot = json.at("boot").get<std::string>();
      files_ = json.at("files").get<bool>();
    } catch (const nlohmann::json::exception& error) {
      spdlog::warn("what a journal says of a shell job cannot be read: {}", error.what());
    }
  }
  co_await earlier_agent_gone();
  throw Failure{FailureReason::runner_system_failure,
                "slipway was ended while this job ran, and a shell job ends with the slipway that "
                "runs it"};
}

/// Until then it and the job's processes may work in the directories of the slot.
asio::awaitable<void> ShellExecutor::earlier_agent_gone() {
  const auto until = std::chrono::steady_clock::now() + earlier_agent_limit;
  while (earlier_.alive()) {
    if (std::chrono::steady_clock::now() > until) {
      spdlog::error("the agent of an earlier process does not end, killing it pid={}",
                    earlier_.pid);
      earlier_.kill();
      co_return;
    }
    co_await util::sleep_for(earlier_agent_pause);
  }
}

asio::awaitable<void> ShellExecutor::leave() {
  // The service ends jobs that cannot be adopted; this one comes too late for that.
  co_await cleanup();
}

asio::awaitable<void> ShellExecutor::cleanup() {
  auto cleaning = clean_up();
  co_await util::shielded(std::move(cleaning));
}

asio::awaitable<void> ShellExecutor::clean_up() {
  try {
    if (agent_) co_await agent_->close();
    agent_.reset();
    if (std::exchange(files_, false)) {
      auto removing = remove_files();
      co_await util::with_timeout(std::move(removing), remove_files_limit);
    }
  } catch (const std::exception& error) {
    spdlog::warn("files of a shell job may be left in {}: {}", plan_.environment.temp_dir,
                 error.what());
  }
  if (agent_) co_await agent_->close();
  agent_.reset();
}

/// After the stages, in an agent of its own: nothing of the job runs any more, and it is the job's
/// user who removes the files.
asio::awaitable<void> ShellExecutor::remove_files() {
  co_await start_agent();
  agent::Stage request;
  request.id = next_stage_++;
  request.kind = agent::Stage::Kind::native;
  request.name = cleanup_stage;
  request.body = cleanup_parameters(plan_);
  const auto result = co_await agent_->run(std::move(request));
  if (result.exit_code != 0)
    spdlog::warn("files of a shell job are left in {}: {}", plan_.environment.temp_dir,
                 exit_text(result.exit_code, result.signal));
}

}  // namespace slipway::executors::shell
