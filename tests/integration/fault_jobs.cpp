#include "tests/integration/fault_jobs.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "util/async.hpp"

namespace slipway::tests {

namespace {
using namespace std::chrono_literals;
using local::JobBuilder;
using local::JobState;
}  // namespace

void FaultJobs::TearDown() {
  if (!state_id_.empty()) stop_service();
  if (proxying_) {
    proxying_->cancel();
    pump_until([this] { return proxying_->running() == 0; }, "the proxy to end");
  }
  proxying_.reset();
  proxy_.reset();
  patience() = saved_patience_;
  DockerJobs::TearDown();
}

std::string FaultJobs::engine_socket() const {
  const char* host = std::getenv("DOCKER_HOST");
  return host == nullptr ? "/var/run/docker.sock"
                         : std::string{host}.substr(std::string{"unix://"}.size());
}

EngineProxy& FaultJobs::use_proxy() {
  const auto socket = (scratch() / "proxy.sock").string();
  proxy_ = std::make_unique<EngineProxy>(io().get_executor(), engine_socket(), socket);
  proxying_ = std::make_unique<util::TaskGroup>(io().get_executor());
  proxying_->start(proxy_->run());
  docker().host = "unix://" + socket;
  return *proxy_;
}

void FaultJobs::be_impatient() {
  auto& limits = patience();
  limits.silence = 700ms;
  limits.ping = 700ms;
  limits.query = 1500ms;
  limits.comeback = 1s;
}

void FaultJobs::pump_until(const std::function<bool()>& condition, const std::string& what,
                           std::chrono::seconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  io().restart();
  while (!condition() && std::chrono::steady_clock::now() < until) io().run_for(20ms);
  EXPECT_TRUE(condition()) << "waited " << limit.count() << " s for " << what;
}

void FaultJobs::pump_for(std::chrono::milliseconds time) {
  io().restart();
  io().run_for(time);
}

void FaultJobs::run_until_text(std::int64_t id, const std::string& text) {
  run_until(id, [text](const local::JobRecord& job) {
    return job.trace.find(text) != std::string::npos || local::is_final(job.state);
  });
}

void FaultJobs::expect_the_next_job_to_work() {
  const auto& job = run_job(JobBuilder{}.image(image).script({"echo all is well"}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
}

std::vector<std::string> FaultJobs::containers(const std::string& label) {
  std::vector<std::string> ids;
  run([&](docker_api::Client& engine) -> asio::awaitable<void> {
    return [](docker_api::Client& client, std::string wanted,
              std::vector<std::string>* found) -> asio::awaitable<void> {
      const std::vector<std::string> labels{wanted};
      const auto list = co_await client.list_containers(labels);
      for (const auto& container : list) found->push_back(container.id);
    }(engine, label, &ids);
  });
  return ids;
}

void FaultJobs::remove_containers(const std::string& label) {
  for (const auto& id : containers(label))
    run([&](docker_api::Client& engine) { return engine.remove_container(id, true, true); });
}

std::string FaultJobs::root_of_image() {
  std::string id;
  run([&](docker_api::Client& engine) -> asio::awaitable<void> {
    return [](docker_api::Client& client, std::string* made) -> asio::awaitable<void> {
      const auto spec = busybox({"true"});
      *made = co_await client.create_container(spec);
    }(engine, &id);
  });
  auto root = shell(fmt::format("curl -s --unix-socket '{}' http://engine/containers/{}/export",
                                engine_socket(), id));
  run([&](docker_api::Client& engine) { return engine.remove_container(id, true, true); });
  return root;
}

void PrivateJobs::SetUp() {
  if (const char* host = std::getenv("DOCKER_HOST")) first_engine_ = host;
  if (!engine().running()) engine().start({});
  engine().need_image(image);
  ::setenv("DOCKER_HOST", engine().host().c_str(), 1);
  DockerJobs::SetUp();
}

void PrivateJobs::TearDown() {
  engine().signal(SIGCONT);
  if (!engine().running()) engine().start(engine().options());
  FaultJobs::TearDown();
  if (engine().options().more != std::vector<std::string>{} || engine().options().live_restore ||
      !engine().options().address_pool.empty() || engine().options().data_mib > 0)
    engine().stop();
  if (first_engine_.empty())
    ::unsetenv("DOCKER_HOST");
  else
    ::setenv("DOCKER_HOST", first_engine_.c_str(), 1);
}

void PrivateJobs::restart_with(const PrivateEngine::Options& options) {
  engine().stop();
  engine().start(options);
}

void PrivateJobs::bring_back(std::chrono::milliseconds away) {
  pump_until([] { return !engine().running(); }, "the Engine to end", 40s);
  pump_for(away);
  engine().launch(engine().options());
  pump_until([] { return engine().answers(); }, "the Engine to answer");
}

}  // namespace slipway::tests
