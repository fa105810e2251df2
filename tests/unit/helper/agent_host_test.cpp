#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "agent_harness.hpp"

// The agent of a shell job (`--host`): real process trees.
namespace slipway::helper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

class AgentOnHost : public ::testing::Test {
 protected:
  ~AgentOnHost() override {
    for (const auto pid : detached) ::kill(pid, SIGKILL);
  }

  pid_t pid_in(const std::string& text) {
    const auto pid = std::stoi(text);
    detached.push_back(pid);
    return pid;
  }
  static bool gone_within(pid_t pid, std::chrono::milliseconds limit) {
    for (const auto end = Clock::now() + limit; Clock::now() < end;) {
      if (!alive(pid)) return true;
      std::this_thread::sleep_for(10ms);
    }
    return !alive(pid);
  }

  std::vector<pid_t> detached;
  TestAgent agent{{"--host"}};
};

/// All that lets go of the stage's output, in the ways in which scripts start daemons.
const struct {
  const char* what;
  const char* script;
} detaching[] = {
    {"background", "sleep 1000 >/dev/null 2>&1 & echo $!"},
    {"nohup", "nohup sleep 1000 >/dev/null 2>&1 & echo $!"},
    {"own session", "setsid sleep 1000 </dev/null >/dev/null 2>&1 & sleep 0.2; echo $!"},
    {"double fork",
     "(setsid sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!' </dev/null 2>/dev/null &); sleep 0.3"},
};

TEST_F(AgentOnHost, WhatAScriptDetachedLivesOnAtANormalEnd) {
  for (const auto& c : detaching) {
    SCOPED_TRACE(c.what);
    const auto begin = Clock::now();
    const auto id = agent.start_script(c.script);
    EXPECT_EQ(agent.end_of(id).code, 0);
    EXPECT_LT(Clock::now() - begin, 5s);
    EXPECT_TRUE(alive(pid_in(agent.out[id])));
  }
  // The end of the job is none of theirs either.
  agent.write(agent.daemon.quit(0));
  EXPECT_EQ(agent.wait_for_end(), 0);
  for (const auto pid : detached) EXPECT_TRUE(alive(pid));
}

TEST_F(AgentOnHost, AFailedScriptLeavesItAsWell) {
  const auto id = agent.start_script("sleep 1000 >/dev/null 2>&1 & echo $!; exit 3");
  EXPECT_EQ(agent.end_of(id).code, 3);
  EXPECT_TRUE(alive(pid_in(agent.out[id])));
}

TEST_F(AgentOnHost, TerminateReachesTheWholeTree) {
  for (const auto& c : detaching) {
    SCOPED_TRACE(c.what);
    const auto id = agent.start_script(std::string{c.script} + "; sleep 1000");
    agent.has_output(id, "\n");
    const auto pid = pid_in(agent.out[id]);
    EXPECT_TRUE(alive(pid));
    agent.write(agent.daemon.signal(id, agent::Signal::terminate));
    const auto exit = agent.end_of(id);
    EXPECT_TRUE(exit.signal == SIGTERM || exit.code == 143) << exit.code;
    EXPECT_TRUE(gone_within(pid, 1s));
  }
}

TEST_F(AgentOnHost, WhatIgnoresTermIsKilledAfterTheGrace) {
  const auto id = agent.start_script(
      "trap '' TERM; (setsid sh -c 'trap \"\" TERM; echo $$; sleep 1000; sleep 1000' &); "
      "while :; do sleep 1000; done");
  agent.has_output(id, "\n");
  const auto pid = pid_in(agent.out[id]);
  const auto begin = Clock::now();
  agent.write(agent.daemon.signal(id, agent::Signal::terminate));
  EXPECT_EQ(agent.end_of(id).signal, SIGKILL);
  EXPECT_GE(Clock::now() - begin, 9s);
  EXPECT_TRUE(gone_within(pid, 1s));
}

TEST_F(AgentOnHost, AStageThatIsStoppedDoesNotTakeEarlierOnesWithIt) {
  const auto first =
      agent.start_script("(setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!); sleep 0.1");
  EXPECT_EQ(agent.end_of(first).code, 0);
  const auto deployed = pid_in(agent.out[first]);
  const auto second = agent.start_script("sleep 1000 & echo $!; wait");
  agent.has_output(second, "\n");
  const auto own = pid_in(agent.out[second]);
  agent.write(agent.daemon.signal(second, agent::Signal::kill));
  agent.end_of(second);
  EXPECT_TRUE(gone_within(own, 1s));
  EXPECT_TRUE(alive(deployed));
}

// jobs.md §19.29
TEST_F(AgentOnHost, Case29ABackgroundChildWithTheOutputDelaysTheEnd) {
  const auto begin = Clock::now();
  const auto id = agent.start_script("(sleep 1; echo late) & echo early");
  EXPECT_EQ(agent.end_of(id).code, 0);
  EXPECT_GE(Clock::now() - begin, 900ms);
  EXPECT_EQ(agent.out[id], "early\nlate\n");
}

TEST_F(AgentOnHost, TheLimitHoldsWhileABackgroundChildDelaysTheEnd) {
  agent::Stage stage;
  stage.body = "sleep 1000 & echo $!";
  stage.limit = 500ms;
  const auto id = agent.start(stage);
  const auto exit = agent.end_of(id);
  EXPECT_TRUE(exit.limit_reached);
  EXPECT_FALSE(alive(pid_in(agent.out[id])));
}

TEST_F(AgentOnHost, TheEndOfItsInputEndsTheStageAndTheAgent) {
  const auto id = agent.start_script(
      "(setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!); sleep 1000 & echo $!; wait");
  agent.pump_until([&] { return std::ranges::count(agent.out[id], '\n') == 2; });
  const auto text = agent.out[id];
  const auto daemon = pid_in(text);
  const auto child = pid_in(text.substr(text.find('\n') + 1));
  agent.close_stdin();
  const auto status = agent.wait_for_end();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_TRUE(gone_within(daemon, 1s));
  EXPECT_TRUE(gone_within(child, 1s));
}

TEST_F(AgentOnHost, WithoutAStageTheEndOfItsInputIsTheEnd) {
  const auto begin = Clock::now();
  agent.close_stdin();
  agent.wait_for_end();
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST_F(AgentOnHost, AShellDoesNotOutliveAnAgentThatIsKilled) {
  const auto id = agent.start_script("echo $$; exec sleep 1000");
  agent.has_output(id, "\n");
  const auto shell = pid_in(agent.out[id]);
  ::kill(agent.pid, SIGKILL);
  EXPECT_TRUE(gone_within(shell, 5s));
}

TEST_F(AgentOnHost, AScriptRunsInTheLoginShellThatIsAskedFor) {
  agent::Stage stage;
  stage.shell = {"bash", "-l"};
  stage.body = "shopt -q login_shell && echo \"login $0\"";
  const auto id = agent.start(stage);
  EXPECT_EQ(agent.end_of(id).code, 0);
  EXPECT_THAT(agent.out[id], HasSubstr("login"));
}

}  // namespace
}  // namespace slipway::helper
