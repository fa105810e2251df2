#include "tests/integration/adopt_process.hpp"

#include <boost/asio/this_coro.hpp>
#include <cstdlib>

#include "executors/docker/helper_volume.hpp"
#include "util/async.hpp"

namespace slipway::tests {

using executors::docker::AgentContainer;
using namespace std::chrono_literals;

AdoptProcess::AdoptProcess(asio::any_io_executor executor, AgentContainer::Settings settings)
    : engine{make_engine(executor)},
      container{executor, *engine, log, with_hook(std::move(settings))},
      tasks{executor} {}

AgentContainer::Settings AdoptProcess::with_hook(AgentContainer::Settings settings) {
  settings.before_ack = [this] {
    store();
    return true;
  };
  return settings;
}

void AdoptProcess::store() {
  stored = {container.snapshot(), commands_before, log.script};
}

void AdoptProcess::begin(agent::Stage stage) {
  commands_before = container.commands_sent();
  store();
  tasks.start(finish(container.run(std::move(stage))));
}

void AdoptProcess::go_on(agent::Stage stage, const AdoptCheckpoint& from) {
  commands_before = from.commands_before;
  log.script = from.log;
  tasks.start(finish(container.continue_run(std::move(stage), commands_before)));
}

asio::awaitable<void> AdoptProcess::finish(asio::awaitable<AgentContainer::Result> stage) {
  result = co_await std::move(stage);
}

asio::awaitable<void> AdoptProcess::die() {
  tasks.cancel();
  co_await tasks.join();
  co_await container.close();
}

asio::awaitable<void> AdoptProcess::wait_for_text(std::string text) {
  while (log.script.find(text) == std::string::npos) co_await util::sleep_for(20ms);
}

asio::awaitable<void> AdoptProcess::wait_for_result() {
  while (!result) co_await util::sleep_for(20ms);
}

asio::awaitable<std::unique_ptr<AdoptProcess>> make_process(AgentContainer::Settings settings) {
  const auto executor = co_await asio::this_coro::executor;
  auto process = std::make_unique<AdoptProcess>(executor, std::move(settings));
  co_await process->engine->connect();
  co_return process;
}

asio::awaitable<AgentContainer::Settings> create_container(docker_api::Client& engine,
                                                           std::vector<std::string> command) {
  const char* bin = std::getenv("SLIPWAY_BIN_DIR");
  executors::docker::HelperVolume volume{std::string{bin ? bin : "."} + "/slipway-helper", "test"};
  co_await volume.ensure(engine, EngineTest::image);
  auto spec = busybox(std::move(command));
  spec.open_stdin = true;
  spec.mounts.push_back(volume.mount());
  AgentContainer::Settings settings;
  settings.id = co_await engine.create_container(spec);
  settings.name = "adopted";
  settings.mark = adopt_mark;
  co_return settings;
}

AgentContainer::Settings unknown_container() {
  AgentContainer::Settings settings;
  settings.mark = "0000000000000000";
  return settings;
}

agent::Stage script_stage(std::string body) {
  agent::Stage stage;
  stage.id = 1;
  stage.name = "step_script";
  stage.body = std::move(body);
  return stage;
}

}  // namespace slipway::tests
