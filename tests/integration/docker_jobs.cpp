#include "tests/integration/docker_jobs.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "util/async.hpp"

namespace slipway::tests {

namespace {

using namespace std::chrono_literals;
constexpr auto project = "demo/project";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Runs git (or another program) and returns its output; a failure fails the test.
std::string run_command(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error{"cannot run " + command};
  char buffer[4096];
  while (const auto count = ::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, count);
  const int status = ::pclose(pipe);
  if (status != 0)
    throw std::runtime_error{fmt::format("{} ended with {}: {}", command, status, output)};
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

}  // namespace

DockerJobs::DockerJobs() = default;
DockerJobs::~DockerJobs() = default;

void DockerJobs::SetUp() {
  EngineTest::SetUp();
  scratch_ = std::filesystem::temp_directory_path() / ("slipway-test-" + runner::random_hex(6));
  std::filesystem::create_directories(scratch_);
  const auto gateway = coordinator_address();
  local::CoordinatorOptions options;
  options.trace_update_interval = 1s;
  gitlab_ = std::make_unique<local::Coordinator>(io_.get_executor(), options);
  net::Endpoint endpoint;
  endpoint.host = gateway;
  const auto port = gitlab_->listen(endpoint);
  const auto url = fmt::format("http://{}:{}", gateway, port);
  gitlab_->set_external_url(url);
  tasks_ = std::make_unique<util::TaskGroup>(io_.get_executor());
  tasks_->start(gitlab_->run());

  config::Runner runner;
  runner.name = "integration";
  runner.url = url;
  runner.token = util::Secret{"glrt-" + runner::random_hex(10)};
  runner.executor = "docker";
  runner.docker.emplace();
  runner.docker->image = image;
  runner.docker->pull_policy = {"if-not-present"};
  runner.docker->volumes = {"/cache"};
  gitlab_->add_runner(runner.token);
  config.check_interval = 1s;
  config.runners.push_back(std::move(runner));
}

std::string DockerJobs::coordinator_address() {
  std::string gateway;
  run([&gateway](docker_api::Client& engine) -> asio::awaitable<void> {
    return [](docker_api::Client& client, std::string& out) -> asio::awaitable<void> {
      const auto bridge = co_await client.inspect_network("bridge");
      if (bridge.gateways.empty()) throw std::runtime_error{"the default bridge has no gateway"};
      out = bridge.gateways.front();
    }(engine, gateway);
  });
  return gateway;
}

void DockerJobs::TearDown() {
  if (service_ && !service_ended_) stop_service();
  service_.reset();
  if (tasks_) {
    tasks_->cancel();
    io_.restart();
    io_.run_for(10s);
    EXPECT_EQ(tasks_->running(), 0u);
  }
  if (gitlab_)
    for (const auto& request : gitlab_->unexpected_requests())
      ADD_FAILURE() << "unexpected request " << request.method << " " << request.target << ": "
                    << request.why;
  remove_reusable_volumes();
  std::filesystem::remove_all(scratch_);
  EngineTest::TearDown();
}

void DockerJobs::remove_reusable_volumes() {
  if (state_id_.empty()) return;
  run([this](docker_api::Client& engine) -> asio::awaitable<void> {
    return [](docker_api::Client& client, std::string label) -> asio::awaitable<void> {
      const std::vector<std::string> labels{std::move(label)};
      const auto volumes = co_await client.list_volumes(labels);
      for (const auto& volume : volumes)
        if (!volume.name.starts_with("slipway-helper-"))
          co_await client.remove_volume(volume.name, true);
    }(engine, "io.slipway.state=" + state_id_);
  });
}

void DockerJobs::let_jobs_settle() {
  const auto until = std::chrono::steady_clock::now() + 60s;
  io_.restart();
  while (service_->active_jobs() > 0 && std::chrono::steady_clock::now() < until)
    io_.run_one_for(100ms);
  EXPECT_EQ(service_->active_jobs(), 0u);
}

std::string DockerJobs::make_repository(
    const std::vector<std::pair<std::string, std::string>>& files) {
  bare_ = scratch_ / "project.git";
  const auto work = scratch_ / "work";
  run_command(fmt::format("git init -q --bare -b main '{}' 2>&1", bare_.string()));
  run_command(
      fmt::format("git init -q -b main '{0}' 2>&1 && cd '{0}' && git config user.name Test && "
                  "git config user.email test@example.com && git remote add origin '{1}'",
                  work.string(), bare_.string()));
  const auto sha = commit_files(files);
  gitlab_->add_repository(project, bare_);
  return sha;
}

std::string DockerJobs::commit_files(
    const std::vector<std::pair<std::string, std::string>>& files) {
  const auto work = scratch_ / "work";
  for (const auto& [name, content] : files) {
    std::filesystem::create_directories((work / name).parent_path());
    std::ofstream{work / name} << content;
  }
  return run_command(
      fmt::format("cd '{}' && git add -A && git commit -q -m commit && git push -q origin main "
                  "main:refs/pipelines/1 --force 2>&1 && git rev-parse HEAD",
                  work.string()));
}

void DockerJobs::start_service() {
  if (service_) return;
  runner::ServiceOptions options;
  options.config = config;
  options.state_dir = (scratch_ / "state").string();
  options.working_dir = scratch_.string();
  options.system_id = "s_0123456789ab";
  options.version = SLIPWAY_VERSION;
  options.revision = "test";
  const auto bin = environment("SLIPWAY_BIN_DIR");
  options.helper_binary = bin + "/slipway-helper";
  options.helper_image_archive = bin + "/../lib/slipway/helper-image-amd64.tar.gz";
  options.helper_image_name = "slipway-helper:" SLIPWAY_VERSION;
  service_ = std::make_unique<runner::Service>(io_.get_executor(), std::move(options));
  state_id_ = service_->state_id();
  const auto serve = [](DockerJobs* self) -> asio::awaitable<void> {
    co_await self->service_->run();
    self->service_ended_ = true;
  };
  tasks_->start(serve(this));
}

void DockerJobs::run_until(std::int64_t id, std::function<bool(const local::JobRecord&)> condition,
                           std::chrono::seconds limit) {
  start_service();
  bool done = false;
  std::string problem;
  const auto wait = [](local::Coordinator* gitlab, std::int64_t job,
                       std::function<bool(const local::JobRecord&)> holds,
                       std::chrono::seconds time, bool* finished,
                       std::string* what) -> asio::awaitable<void> {
    try {
      co_await gitlab->wait_until(job, holds, time);
    } catch (const std::exception& error) {
      *what = error.what();
    }
    *finished = true;
  };
  tasks_->start(wait(gitlab_.get(), id, std::move(condition), limit, &done, &problem));
  io_.restart();
  while (!done && io_.run_one() > 0) {
  }
  if (!problem.empty())
    ADD_FAILURE() << "job " << id << ": " << problem << "\nlog so far:\n"
                  << plain_text(gitlab_->job(id).trace);
}

const local::JobRecord& DockerJobs::run_until_finished(std::int64_t id,
                                                       std::chrono::seconds limit) {
  run_until(
      id, [](const local::JobRecord& job) { return local::is_final(job.state); }, limit);
  const auto& job = gitlab_->job(id);
  EXPECT_EQ(job.wrong_checksums, 0);
  return job;
}

const local::JobRecord& DockerJobs::run_job(const nlohmann::json& payload,
                                            std::chrono::seconds limit) {
  return run_until_finished(gitlab_->enqueue(payload), limit);
}

void DockerJobs::stop_service() {
  service_->drain();
  const auto until = std::chrono::steady_clock::now() + 60s;
  io_.restart();
  while (!service_ended_ && std::chrono::steady_clock::now() < until) io_.run_one_for(100ms);
  EXPECT_TRUE(service_ended_) << "the daemon did not end after a drain";
}

std::string plain_text(const std::string& trace) {
  static const std::regex stamp{
      R"((^|\n)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [0-9a-f]{2}[OE]([ +]))"};
  static const std::regex marks{"(section_(start|end):[^\r\n]*\r\n?)|(\x1b\\[[0-9;]*[A-Za-z])"};
  auto text = std::regex_replace(trace, stamp, "$1");
  return std::regex_replace(text, marks, "");
}

}  // namespace slipway::tests
