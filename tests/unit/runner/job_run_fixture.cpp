#include "job_run_fixture.hpp"

#include <nlohmann/json.hpp>

#include "util/event.hpp"

namespace slipway::runner {

class JobRunTest::Player final : public executors::Executor {
 public:
  Player(JobRunTest& test, ExecutorRequest request)
      : test_{test}, log_{request.log}, stopped_{test.io.get_executor()} {
    environment_.variables = request.job.variables.expanded();
    environment_.builds_dir = "/builds";
    environment_.project_dir = "/builds/demo";
    environment_.temp_dir = "/builds/demo.tmp";
    environment_.cache_dir = "/cache";
    environment_.hostname = "player";
  }

  asio::awaitable<void> prepare() override {
    if (test_.prepare_failure) std::rethrow_exception(test_.prepare_failure);
    co_return;
  }
  asio::awaitable<void> run(executors::Stage stage) override {
    test_.stages.push_back(stage.name);
    test_.scripts.push_back(stage.script);
    const auto play = test_.plays[stage.name];
    if (!play.out.empty()) log_.write(job::LogStream::script, job::LogKind::out, play.out);
    if (!play.err.empty()) log_.write(job::LogStream::script, job::LogKind::err, play.err);
    stopped_.reset();
    while (play.until_stopped && !stopped_.is_set()) {
      log_.write(job::LogStream::script, job::LogKind::out, ".\n");
      co_await util::sleep_for(5ms);
    }
    const int code = play.until_stopped ? 143 : play.exit_code;
    if (code != 0)
      throw job::Failure{job::FailureReason::script_failure, "exit code " + std::to_string(code),
                         code};
  }
  void stop_stage() override { stopped_.set(); }
  std::string snapshot() const override { return "{}"; }
  asio::awaitable<void> adopt(std::string) override { co_return; }
  asio::awaitable<void> leave() override { co_return; }
  asio::awaitable<void> cleanup() override {
    test_.cleaned = true;
    co_return;
  }
  const executors::JobEnvironment& environment() const override { return environment_; }

 private:
  JobRunTest& test_;
  executors::JobLog& log_;
  executors::JobEnvironment environment_;
  util::Event stopped_;
};

asio::awaitable<void> JobRunTest::take(const local::JobBuilder& builder) {
  job = gitlab.enqueue(builder.build());
  auto taken = co_await client().request_job();
  EXPECT_TRUE(taken.job) << taken.call.text;
  if (!taken.job) throw std::runtime_error{"no job"};
  if (!state_dir_) state_dir_ = std::make_unique<StateDir>(dir.path() / "state");
  runner.name = "player";
  runner.executor = "docker";
  runner.token = client().options().token;
  runner.docker.emplace();
  JobRun::Settings settings;
  settings.job = std::move(*taken.job);
  settings.runner = runner;
  settings.system_id = "s_000000000001";
  settings.hostname = "here";
  settings.user_agent = "slipway 1.2.3 linux/amd64";
  settings.program = "slipway 1.2.3 (abc)";
  settings.header.job = settings.job.id;
  settings.header.payload = taken.payload;
  settings.make_executor = [this](ExecutorRequest request) {
    updates_before_prepare = record().updates.size();
    return std::make_unique<Player>(*this, std::move(request));
  };
  run_ = std::make_unique<JobRun>(io.get_executor(), client(), *state_dir_, std::move(settings),
                                  [] {});
}

asio::awaitable<void> JobRunTest::run_job(const local::JobBuilder& builder) {
  co_await take(builder);
  co_await run_->run();
}

asio::awaitable<void> JobRunTest::stage_begun(std::string name) {
  for (int i = 0; std::ranges::find(stages, name) == stages.end(); ++i) {
    if (i > 2000) throw util::TimeoutError{10s};
    co_await util::sleep_for(5ms);
  }
}

std::vector<local::StatusUpdate> JobRunTest::final_updates() const {
  std::vector<local::StatusUpdate> result;
  for (const auto& update : record().updates)
    if (update.state != "running") result.push_back(update);
  return result;
}

}  // namespace slipway::runner
