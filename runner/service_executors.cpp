// What a job is run with: its settings, and the executor that its runner names.

#include <fmt/format.h>
#include <unistd.h>

#include "executors/docker/docker_executor.hpp"
#include "executors/shell/account.hpp"
#include "executors/shell/shell_executor.hpp"
#include "runner/executors_of.hpp"
#include "runner/service.hpp"

namespace slipway::runner {

namespace {
constexpr std::size_t mark_bytes = 8;

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}
}  // namespace

JobRun::Settings Service::job_settings(const ActiveJob& active, job::Job job) {
  JobRun::Settings settings;
  settings.job = std::move(job);
  settings.runner = active.runner;
  settings.system_id = options_.system_id;
  settings.hostname = host_name();
  settings.on_change = [this] { status_file_.changed(); };
  settings.on_removed = [this] { room_.notify_all(); };
  settings.user_agent = fmt::format("slipway {} linux/amd64", options_.version);
  settings.program = fmt::format("slipway {} ({})", options_.version, options_.revision);
  settings.adoptable = uses_engine(active.runner);
  if (!uses_engine(active.runner)) {
    settings.make_executor = [this, &active](ExecutorRequest request) {
      return make_shell_executor(active, std::move(request));
    };
    return settings;
  }
  const auto calls = std::make_shared<std::uint64_t>(0);  // owners: the two functions below
  settings.make_executor = [this, &active, calls](ExecutorRequest request) {
    return make_docker_executor(active, std::move(request), *calls);
  };
  settings.counters.engine_calls = [this, &active, calls] {
    return engine_for(active.runner).client().calls() - *calls;
  };
  return settings;
}

void Service::fill(executors::RunContext& context, const ActiveJob& active,
                   const ExecutorRequest& request) const {
  context.version = options_.version;
  context.revision = options_.revision;
  context.slot = active.numbers.global;
  context.project_slot = active.numbers.project;
  context.tls_ca = active.gitlab->ca_content();
  context.tls_certificate = active.gitlab->certificate_content();
  context.tls_key = util::Secret{active.gitlab->key_content()};
  context.job_timeout = request.timeout;
}

std::unique_ptr<executors::Executor> Service::make_docker_executor(const ActiveJob& active,
                                                                   ExecutorRequest request,
                                                                   std::uint64_t& calls_before) {
  executors::docker::PlanContext context;
  fill(context, active, request);
  context.system_id = options_.system_id;
  context.state_id = state_.id();
  context.job_key = request.job_key;
  context.random = request.execution;
  context.side_by_side = options_.config.concurrent > 1 && active.runner.limit != 1;
  context.homes = {executors::docker::home_directory()};
  auto plan = executors::docker::make_plan(request.job, active.runner, context);
  auto& engine = engine_for(active.runner);
  if (calls_before == 0) calls_before = engine.client().calls();
  return std::make_unique<executors::docker::DockerExecutor>(
      engine, std::move(plan), request.log, reaper_, std::move(request.checkpoint));
}

std::unique_ptr<executors::Executor> Service::make_shell_executor(const ActiveJob& active,
                                                                  ExecutorRequest request) {
  executors::shell::PlanContext context;
  fill(context, active, request);
  context.working_dir = options_.working_dir;
  context.hostname = host_name();
  context.user = options_.config.user;
  auto plan = executors::shell::make_plan(request.job, active.runner, context);
  executors::shell::ShellExecutor::Settings settings;
  settings.helper = options_.helper_binary;
  settings.mark = random_hex(mark_bytes);
  return std::make_unique<executors::shell::ShellExecutor>(
      executor_, std::move(plan), request.log, std::move(settings), std::move(request.checkpoint));
}

/// Why this process cannot run shell jobs; "" = it can.
std::string Service::shell_problem() const {
  auto problem = executors::shell::account_problem(options_.config.user);
  if (problem.empty() && options_.working_dir.empty())
    problem = "the working directory is not known";
  return problem;
}

}  // namespace slipway::runner
