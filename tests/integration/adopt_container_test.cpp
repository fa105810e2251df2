// A container whose daemon dies, and the next process that goes on with it.

#include <gmock/gmock.h>

#include "tests/integration/adopt_process.hpp"
#include "util/async.hpp"

namespace slipway::tests {
namespace {

using docker_api::Client;
using executors::docker::AgentContainer;
using testing::HasSubstr;
using namespace std::chrono_literals;

std::string lines(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

/// Why the container cannot be adopted; "" if it can.
asio::awaitable<std::string> refusal_of(AdoptProcess& process, AgentContainer::Snapshot snapshot) {
  std::string text;
  try {
    co_await process.container.adopt(std::move(snapshot));
  } catch (const job::Failure& failure) {
    EXPECT_EQ(failure.reason(), job::FailureReason::runner_system_failure);
    text = failure.what();
  }
  co_await process.container.close();
  co_return text;
}

asio::awaitable<void> exec(Client& engine, std::string id, std::string command) {
  const docker_api::StreamParser::Sink ignore = [](docker_api::StreamType, std::string_view) {};
  const std::vector<std::string> arguments{"sh", "-c", std::move(command)};
  co_await engine.exec(std::move(id), arguments, ignore);
}

class AdoptContainer : public EngineTest {
 protected:
  static const std::vector<std::string> shell;
  /// The agent is a child here, so it can be stopped and killed from within.
  static const std::vector<std::string> shell_behind_init;
};
const std::vector<std::string> AdoptContainer::shell{"sh"};
const std::vector<std::string> AdoptContainer::shell_behind_init{"sh", "-c", "sh; sleep 1000"};

const auto ten_seconds = script_stage(
    "echo x >> /starts; i=1; while [ $i -le 1000 ]; do echo line $i; i=$((i+1)); "
    "[ $((i%20)) -ne 0 ] || sleep 0.2; done; echo starts $(wc -l < /starts); exit 7");

TEST_F(AdoptContainer, GoesOnFromAnEarlierSnapshot) {
  run([](Client& engine) -> asio::awaitable<void> {
    const auto settings = co_await create_container(engine, shell);
    auto first = co_await make_process(settings);
    const auto mode = co_await first->container.start();
    EXPECT_EQ(mode, AgentContainer::Mode::agent);
    first->begin(ten_seconds);
    co_await first->wait_for_text("line 200\n");
    first->store();
    const auto stored = first->stored;
    co_await first->wait_for_text("line 400\n");
    co_await first->die();
    first.reset();
    co_await util::sleep_for(1s);

    auto second = co_await make_process(unknown_container());
    const auto adopted = co_await second->container.adopt(stored.container);
    EXPECT_EQ(adopted, AgentContainer::Mode::agent);
    EXPECT_EQ(second->log.script, "");
    co_await util::sleep_for(500ms);  // nothing is taken before the stage is asked for
    EXPECT_EQ(second->container.snapshot().offset, stored.container.offset);
    second->go_on(ten_seconds, stored);
    co_await second->wait_for_result();
    EXPECT_EQ(second->result->exit_code, 7);
    EXPECT_EQ(second->log.script, lines(1, 1000) + "starts 1\n");
    EXPECT_EQ(second->log.runner, "");

    const auto after = script_stage("echo after");
    auto next = after;
    next.id = 2;
    const auto result = co_await second->container.run(next);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(second->log.script, testing::EndsWith("starts 1\nafter\n"));
    co_await second->die();
    co_await engine.remove_container(settings.id, true, true);
  });
}

const auto three_seconds = script_stage(
    "i=1; while [ $i -le 1000 ]; do echo line $i; i=$((i+1)); [ $((i%50)) -ne 0 ] || sleep 0.15; "
    "done; exit 7");

TEST_F(AdoptContainer, AcksNeverPassTheCheckpointOfManyRestarts) {
  run([](Client& engine) -> asio::awaitable<void> {
    auto settings = co_await create_container(engine, shell);
    settings.ack_every = 100;
    auto process = co_await make_process(settings);
    co_await process->container.start();
    process->begin(three_seconds);
    for (const int until : {150, 151, 400, 555, 800}) {
      co_await process->wait_for_text("line " + std::to_string(until) + "\n");
      const auto stored = process->stored;
      co_await process->die();
      auto next = unknown_container();
      next.ack_every = 100;
      process = co_await make_process(next);
      co_await process->container.adopt(stored.container);
      process->go_on(three_seconds, stored);
      process->store();
    }
    co_await process->wait_for_result();
    EXPECT_EQ(process->result->exit_code, 7);
    EXPECT_EQ(process->log.script, lines(1, 1000));
    co_await process->die();
    co_await engine.remove_container(settings.id, true, true);
  });
}

TEST_F(AdoptContainer, AStageWhoseCommandWasLostOrTornRunsOnce) {
  run([](Client& engine) -> asio::awaitable<void> {
    const auto long_script =
        script_stage("#" + std::string(20000, 'x') +
                     "\necho x >> /starts; echo ran $(wc -l < /starts); sleep 0.5; exit 4");
    for (const std::size_t size : {0u, 5000u, 8192u, 19000u, 30000u}) {
      SCOPED_TRACE(size);
      const auto settings = co_await create_container(engine, shell);
      auto first = co_await make_process(settings);
      co_await first->container.start();
      first->store();
      const auto stored = first->stored;
      co_await first->die();
      {
        // The same process, which got so far with its next write.
        agent::DaemonEnd writer{adopt_mark, {}};
        const auto attachment = co_await engine.attach(settings.id, true);
        co_await attachment->write(writer.resume());
        const docker_api::StreamParser::Sink sink = [&](docker_api::StreamType,
                                                        std::string_view bytes) {
          writer.receive(agent::Stream::out, bytes);
        };
        while (!writer.next()) co_await attachment->read(sink);
        const auto command = writer.run(long_script).substr(0, size);
        if (!command.empty()) co_await attachment->write(command);
        co_await util::sleep_for(200ms);
        attachment->close();
      }
      auto second = co_await make_process(unknown_container());
      co_await second->container.adopt(stored.container);
      second->go_on(long_script, stored);
      co_await second->wait_for_result();
      EXPECT_EQ(second->result->exit_code, 4);
      EXPECT_EQ(second->log.script, "ran 1\n");
      co_await second->die();
      co_await engine.remove_container(settings.id, true, true);
    }
  });
}

TEST_F(AdoptContainer, WhatEndedMeanwhileIsToldOnce) {
  run([](Client& engine) -> asio::awaitable<void> {
    const auto settings = co_await create_container(engine, shell);
    auto first = co_await make_process(settings);
    co_await first->container.start();
    const auto stage = script_stage("echo begun; sleep 1; echo ended; exit 3");
    first->begin(stage);
    co_await first->wait_for_text("begun\n");
    first->store();
    const auto stored = first->stored;
    co_await first->wait_for_result();
    EXPECT_EQ(first->container.snapshot().exits, 1u);
    co_await first->die();

    auto second = co_await make_process(unknown_container());
    co_await second->container.adopt(stored.container);
    co_await util::sleep_for(200ms);
    EXPECT_EQ(second->container.snapshot().exits, 0u);
    second->go_on(stage, stored);
    co_await second->wait_for_result();
    EXPECT_EQ(second->result->exit_code, 3);
    EXPECT_EQ(second->log.script, "begun\nended\n");
    EXPECT_EQ(second->container.snapshot().exits, 1u);
    co_await second->die();
    co_await engine.remove_container(settings.id, true, true);
  });
}

// Longer away than the agent needs to notice it: it then keeps what its memory does not hold.
TEST_F(AdoptContainer, TwoMebibytesThatNobodyHeardComeLater) {
  const Body body = [](Client& engine) -> asio::awaitable<void> {
    const auto settings = co_await create_container(engine, shell);
    auto first = co_await make_process(settings);
    co_await first->container.start();
    const auto stage = script_stage(
        "echo begun; sleep 1; head -c 1048576 /dev/zero | tr '\\0' a; sleep 31; "
        "head -c 1048576 /dev/zero | tr '\\0' b; echo end; exit 2");
    first->begin(stage);
    co_await first->wait_for_text("begun\n");
    first->store();
    const auto stored = first->stored;
    co_await first->die();
    co_await util::sleep_for(34s);

    auto second = co_await make_process(unknown_container());
    co_await second->container.adopt(stored.container);
    second->go_on(stage, stored);
    co_await second->wait_for_result();
    EXPECT_EQ(second->result->exit_code, 2);
    EXPECT_TRUE(second->log.script ==
                "begun\n" + std::string(1 << 20, 'a') + std::string(1 << 20, 'b') + "end\n");
    EXPECT_EQ(second->log.runner, "");
    co_await second->die();
    co_await engine.remove_container(settings.id, true, true);
  };
  run(body, 90s);
}

TEST_F(AdoptContainer, OutputThatIsGoneIsSaid) {
  run([](Client& engine) -> asio::awaitable<void> {
    auto settings = co_await create_container(engine, shell);
    settings.ack_every = 1;
    auto first = co_await make_process(settings);
    co_await first->container.start();
    const auto stage = script_stage("echo begun; sleep 1; echo end");
    first->begin(stage);
    const auto too_early = first->stored;
    co_await first->wait_for_text("begun\n");
    co_await util::sleep_for(200ms);
    co_await first->die();

    auto second = co_await make_process(unknown_container());
    co_await second->container.adopt(too_early.container);
    second->go_on(stage, too_early);
    co_await second->wait_for_result();
    EXPECT_EQ(second->result->exit_code, 0);
    EXPECT_EQ(second->log.script, "end\n");
    EXPECT_THAT(second->log.runner, HasSubstr("6 bytes of output are lost here"));
    co_await second->die();
    co_await engine.remove_container(settings.id, true, true);
  });
}

TEST_F(AdoptContainer, AStopBeforeTheStageIsContinuedEndsIt) {
  run([](Client& engine) -> asio::awaitable<void> {
    const auto settings = co_await create_container(engine, shell);
    auto first = co_await make_process(settings);
    co_await first->container.start();
    const auto stage =
        script_stage("trap 'echo stopped; exit 9' TERM; echo begun; sleep 30 & wait");
    first->begin(stage);
    co_await first->wait_for_text("begun\n");
    first->store();
    const auto stored = first->stored;
    co_await first->die();

    auto second = co_await make_process(unknown_container());
    co_await second->container.adopt(stored.container);
    second->container.stop_stages();
    second->go_on(stage, stored);
    co_await second->wait_for_result();
    EXPECT_EQ(second->result->exit_code, 9);
    EXPECT_EQ(second->log.script, "begun\nstopped\n");
    co_await second->die();
    co_await engine.remove_container(settings.id, true, true);
  });
}

/// What happens to a container while nobody watches, and what adopt() then says.
struct Meanwhile {
  std::string what;
  bool behind_init;
  bool agent;
  asio::awaitable<void> (*happens)(Client&, std::string id);
  std::vector<std::string> text;
};

asio::awaitable<void> remove(Client& engine, std::string id) {
  co_await engine.remove_container(std::move(id), true, true);
}
asio::awaitable<void> kill(Client& engine, std::string id) {
  co_await engine.kill_container(std::move(id), "KILL");
}
asio::awaitable<void> kill_agent(Client& engine, std::string id) {
  co_await exec(engine, std::move(id), "killall -9 slipway-helper");
}
asio::awaitable<void> stop(Client& engine, std::string id) {
  co_await engine.stop_container(std::move(id), std::nullopt);
}
asio::awaitable<void> nothing(Client&, std::string) {
  co_return;
}

asio::awaitable<void> leave_and_adopt(Client& engine, const Meanwhile& meanwhile,
                                      std::vector<std::string> command) {
  auto settings = co_await create_container(engine, std::move(command));
  settings.use_agent = meanwhile.agent;
  auto first = co_await make_process(settings);
  co_await first->container.start();
  if (meanwhile.agent) {
    first->begin(script_stage("echo begun; sleep 100"));
    co_await first->wait_for_text("begun\n");
  }
  first->store();
  const auto stored = first->stored;
  co_await first->die();
  co_await meanwhile.happens(engine, settings.id);

  auto second = co_await make_process(unknown_container());
  const auto text = co_await refusal_of(*second, stored.container);
  for (const auto& part : meanwhile.text) EXPECT_THAT(text, HasSubstr(part));
  co_await engine.remove_container(settings.id, true, true);
}

TEST_F(AdoptContainer, SaysWhyItCannotGoOn) {
  static const Meanwhile cases[] = {
      {"removed", false, true, remove, {"container adopted was removed while slipway was not"}},
      {"killed", false, true, kill, {"ended (exit code 137) while slipway was not running"}},
      {"stopped", false, true, stop, {"ended (exit code 143) while slipway was not running"}},
      {"agent killed", true, true, kill_agent, {"container adopted runs", "does not answer"}},
      {"plain mode", false, false, nothing, {"no agent in container adopted"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    run([&c](Client& engine) -> asio::awaitable<void> {
      return leave_and_adopt(engine, c, c.behind_init ? shell_behind_init : shell);
    });
  }
}

TEST_F(AdoptContainer, AnUnknownProtocolVersionIsRefusedAtOnce) {
  run([](Client& engine) -> asio::awaitable<void> {
    const auto settings = co_await create_container(engine, shell);
    auto first = co_await make_process(settings);
    co_await first->container.start();
    auto snapshot = first->container.snapshot();
    EXPECT_EQ(snapshot.protocol, agent::protocol_version);
    co_await first->die();
    snapshot.protocol = agent::protocol_version + 1;
    auto second = co_await make_process(unknown_container());
    const auto text = co_await refusal_of(*second, snapshot);
    EXPECT_THAT(text, HasSubstr("speaks version 2 of the agent protocol"));
    co_await engine.remove_container(settings.id, true, true);
  });
}

asio::awaitable<void> adopt_into(AdoptProcess& process, AgentContainer::Snapshot snapshot,
                                 bool& done) {
  co_await process.container.adopt(std::move(snapshot));
  done = true;
}

TEST_F(AdoptContainer, AnAgentThatAnswersLateIsAskedOnASecondConnection) {
  run([](Client& engine) -> asio::awaitable<void> {
    const auto settings = co_await create_container(engine, shell_behind_init);
    auto first = co_await make_process(settings);
    co_await first->container.start();
    const auto stage = script_stage("echo begun; sleep 3; echo end");
    first->begin(stage);
    co_await first->wait_for_text("begun\n");
    first->store();
    const auto stored = first->stored;
    co_await first->die();
    co_await exec(engine, settings.id, "killall -STOP slipway-helper");

    auto second = co_await make_process(unknown_container());
    bool adopted = false;
    second->tasks.start(adopt_into(*second, stored.container, adopted));
    co_await util::sleep_for(7s);
    EXPECT_FALSE(adopted);
    co_await exec(engine, settings.id, "killall -CONT slipway-helper");
    co_await second->tasks.join();
    EXPECT_TRUE(adopted);
    second->go_on(stage, stored);
    co_await second->wait_for_result();
    EXPECT_EQ(second->log.script, "begun\nend\n");
    co_await second->die();
    co_await engine.remove_container(settings.id, true, true);
  });
}

TEST_F(AdoptContainer, AdoptingCanBeCancelled) {
  run([](Client& engine) -> asio::awaitable<void> {
    const auto settings = co_await create_container(engine, shell_behind_init);
    auto first = co_await make_process(settings);
    co_await first->container.start();
    const auto snapshot = first->container.snapshot();
    co_await first->die();
    co_await exec(engine, settings.id, "killall -STOP slipway-helper");
    auto second = co_await make_process(unknown_container());
    bool adopted = false;
    second->tasks.start(adopt_into(*second, snapshot, adopted));
    co_await util::sleep_for(500ms);
    co_await second->die();
    EXPECT_FALSE(adopted);
    co_await exec(engine, settings.id, "killall -CONT slipway-helper");
    // The agent is none the worse for it.
    auto third = co_await make_process(unknown_container());
    co_await third->container.adopt(snapshot);
    const auto stage = script_stage("exit 5");
    const auto result = co_await third->container.run(stage);
    EXPECT_EQ(result.exit_code, 5);
    co_await third->die();
    co_await engine.remove_container(settings.id, true, true);
  });
}

}  // namespace
}  // namespace slipway::tests
