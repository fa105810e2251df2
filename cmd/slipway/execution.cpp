#include "cmd/slipway/execution.hpp"

#include <fmt/format.h>

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <fstream>

#include "cmd/slipway/exec_artifacts.hpp"
#include "cmd/slipway/exec_engine.hpp"
#include "cmd/slipway/exec_service.hpp"
#include "cmd/slipway/fatal.hpp"
#include "net/error.hpp"
#include "runner/state_dir.hpp"
#include "util/async.hpp"

namespace slipway::cmd {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto removal_limit = 300s;
constexpr auto nap = 10ms;
constexpr std::size_t max_artifact = std::size_t{4} << 30;

local::CoordinatorOptions coordinator_options() {
  local::CoordinatorOptions options;
  options.trace_update_interval = 1s;  // a person looks on
  options.max_artifact = max_artifact;
  return options;
}

/// The same for every run of a repository: volumes for caches are named after it.
util::Secret runner_token(const local::exec::SnapshotStore& store) {
  const auto path = store.directory() / "runner-token";
  std::string token;
  std::ifstream{path} >> token;
  if (token.empty()) {
    token = "glrt-" + runner::random_hex(10);
    std::ofstream{path} << token << "\n";
  }
  return util::Secret{token};
}

}  // namespace

Execution::Execution(asio::any_io_executor executor, const ExecOptions& options,
                     ExecProject& project, local::exec::SnapshotStore& store,
                     const local::ci::Pipeline& pipeline)
    : executor_{executor},
      options_{options},
      project_{project},
      store_{store},
      pipeline_{pipeline},
      directory_{store.directory() / "pipelines" / std::to_string(pipeline.facts.pipeline_id)},
      screen_{options},
      coordinator_{executor, coordinator_options()},
      run_{executor, coordinator_, screen_.observer(), run_settings()},
      serving_{executor},
      helpers_{executor} {}

Execution::~Execution() = default;

local::exec::RunSettings Execution::run_settings() {
  local::exec::RunSettings settings;
  settings.directory = directory_;
  settings.manual = options_.manual;
  settings.named = options_.jobs;
  settings.no_delay = options_.no_delay;
  settings.new_pipeline = [this](const local::ci::RepositoryFacts& parent) {
    auto facts = parent;
    facts.pipeline_id = store_.next_pipeline();
    store_.publish(facts);
    return facts.pipeline_id;
  };
  settings.compile_child = [this](const local::ci::Pipeline& parent, const local::ci::Job& job,
                                  std::int64_t id) {
    return local::ci::compile_child(project_.files(), project_.history(), parent, job, id);
  };
  return settings;
}

void Execution::listen(const std::string& gateway) {
  net::Endpoint endpoint;
  endpoint.host = gateway;
  try {
    endpoint.port = coordinator_.listen(endpoint);
  } catch (const net::Error& error) {
    throw Fatal{fmt::format(
        "{}; jobs fetch their sources at the gateway of the Engine's default bridge, so the Engine "
        "must run on this machine, and not rootless",
        error.what())};
  }
  coordinator_.set_external_url("http://" + endpoint.display());
  coordinator_.add_repository(pipeline_.facts.project_path, store_.bare());
}

asio::awaitable<local::exec::PipelineResult> Execution::run(std::vector<std::size_t> chosen) {
  auto asking = engine_gateway();
  const auto gateway = co_await std::move(asking);
  listen(gateway);
  fs::create_directories(directory_);
  project_.files().set_artifacts([this](const std::string& job, const std::string& path) {
    return read_from_artifacts(run_.archive_of(job), path);
  });
  const auto token = runner_token(store_);
  coordinator_.add_runner(token);
  service_ = make_exec_service(executor_, options_, coordinator_.external_url() + "/", token);

  helpers_.start(coordinator_.run());
  helpers_.start(watch_signals());
  helpers_.start(screen_.keep_drawn());
  serving_.start(serve_jobs());
  auto running = run_.run(pipeline_, chosen);
  auto result = co_await std::move(running);
  co_await end_service();
  helpers_.cancel();
  co_await helpers_.join();
  screen_.close();
  if (service_failure_) std::rethrow_exception(service_failure_);
  co_return result;
}

/// However it ends, jobs that it still had are nobody's.
asio::awaitable<void> Execution::serve_jobs() {
  try {
    co_await service_->run();
  } catch (...) {
    service_failure_ = std::current_exception();
  }
  run_.abandon();
}

/// When the last job is reported its containers may still be on their way out.
asio::awaitable<void> Execution::end_service() {
  const auto end = std::chrono::steady_clock::now() + removal_limit;
  while (serving_.running() > 0 && service_->active_jobs() > 0 &&
         std::chrono::steady_clock::now() < end)
    co_await util::sleep_for(nap);
  if (serving_.running() > 0) service_->drain();
  co_await serving_.join();
}

/// The Service has its own ears for INT, TERM and QUIT, and ends its jobs.
asio::awaitable<void> Execution::watch_signals() {
  asio::signal_set signals{executor_, SIGINT, SIGTERM, SIGHUP};
  signals.add(SIGQUIT);
  while (true) {
    const int number = co_await signals.async_wait(asio::use_awaitable);
    if (number == SIGHUP) service_->abort("hangup");
    run_.cancel();
  }
}

}  // namespace slipway::cmd
