#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "agent_harness.hpp"

namespace slipway::helper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

pid_t pid_in(const std::string& text) {
  return std::stoi(text);
}

TEST(AgentProcessEnd, WhatAStageLeftRunningIsGoneAtItsEnd) {
  const struct {
    std::string what, script;
  } cases[] = {
      {"child with the stage's stdout", "sleep 1000 & echo $!"},
      {"child that ignores TERM", "(trap '' TERM HUP; sleep 1000; sleep 1000) & echo $!"},
      {"own session", "setsid sleep 1000 & sleep 0.1; echo $!"},
      {"daemon of a double fork",
       "(setsid sh -c 'sleep 1000 & echo $!' 2>/dev/null </dev/null &); sleep 0.3"},
      {"stopped", "sleep 1000 & kill -STOP $!; echo $!"},
  };
  TestAgent container;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const auto begin = Clock::now();
    const auto id = container.start_script(c.script);
    EXPECT_EQ(container.end_of(id).code, 0);
    EXPECT_FALSE(alive(pid_in(container.out[id])));
    EXPECT_LT(Clock::now() - begin, 5s);
  }
}

TEST(AgentProcessEnd, OutputOfTheLastMomentIsNotLost) {
  TestAgent container;
  for (int i = 0; i < 20; ++i) {
    const auto id =
        container.start_script("head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2; exit 3");
    EXPECT_EQ(container.end_of(id).code, 3);
    EXPECT_EQ(container.out[id].size(), 60000u);
    EXPECT_EQ(container.err[id].size(), 60000u);
  }
}

TEST(AgentProcessEnd, AStageDoesNotEndTheProcessesOfAnother) {
  TestAgent container;
  const auto longer = container.start_script(
      "sleep 1000 & echo $!; (setsid sleep 1001 &) ; sleep 0.1; cat /proc/sys/kernel/ostype; read "
      "x");
  container.has_output(longer, "Linux");
  const auto child = pid_in(container.out[longer]);
  const auto shorter = container.start_script("sleep 1000 & echo $!");
  container.end_of(shorter);
  EXPECT_FALSE(alive(pid_in(container.out[shorter])));
  container.end_of(longer);
  EXPECT_FALSE(alive(child));
}

TEST(AgentProcessEnd, TerminateReachesEveryProcessAndLeavesTimeForAGoodbye) {
  TestAgent container;
  const auto id = container.start_script(
      "sh -c 'trap \"sleep 0.3; echo goodbye; exit\" TERM; echo ready; while :; do sleep 0.05; "
      "done'\n");
  container.has_output(id, "ready");
  container.write(container.daemon.signal(id, agent::Signal::terminate));
  const auto exit = container.end_of(id);
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_FALSE(exit.limit_reached);
  EXPECT_THAT(container.out[id], HasSubstr("goodbye"));
}

TEST(AgentProcessEnd, TerminateShellReachesTheShellAlone) {
  TestAgent container;
  const auto id = container.start_script(
      "(trap 'echo child got it' TERM; echo ready; while :; do sleep 0.05; done) & wait\n");
  container.has_output(id, "ready");
  container.write(container.daemon.signal(id, agent::Signal::terminate_shell));
  EXPECT_EQ(container.end_of(id).signal, SIGTERM);
  EXPECT_EQ(container.out[id], "ready\n");
}

TEST(AgentProcessEnd, KillDoesNotWait) {
  TestAgent container;
  const auto id = container.start_script("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  container.has_output(id, "ready");
  const auto begin = Clock::now();
  container.write(container.daemon.signal(id, agent::Signal::kill));
  EXPECT_EQ(container.end_of(id).signal, SIGKILL);
  EXPECT_LT(Clock::now() - begin, 3s);
}

TEST(AgentProcessEnd, TheLimitTerminatesAndThenKillsWhoIgnoresIt) {
  TestAgent container;
  const auto polite = container.start(
      {.body = "trap 'echo bye; exit 4' TERM; while :; do sleep 0.05; done", .limit = 300ms});
  const auto deaf =
      container.start({.body = "trap '' TERM; while :; do sleep 0.05; done", .limit = 300ms});
  const auto begin = Clock::now();
  const auto first = container.end_of(polite);
  EXPECT_TRUE(first.limit_reached);
  EXPECT_EQ(first.code, 4);
  EXPECT_EQ(container.out[polite], "bye\n");
  const auto second = container.end_of(deaf);
  EXPECT_TRUE(second.limit_reached);
  EXPECT_EQ(second.signal, SIGKILL);
  EXPECT_GT(Clock::now() - begin, 9s);
  EXPECT_LT(Clock::now() - begin, 20s);
}

TEST(AgentProcessEnd, TermToTheAgentIsPassedOnAndEndsIt) {
  for (const auto& [number, code] : {std::pair{SIGTERM, 143}, {SIGINT, 130}, {SIGQUIT, 131}}) {
    TestAgent container;
    const auto id = container.start_script(
        "trap 'echo bye; exit 6' TERM; echo ready; while :; do sleep 0.05; done");
    container.has_output(id, "ready");
    ::kill(container.pid, number);
    const auto status = container.wait_for_end();
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), code);
    EXPECT_EQ(container.exits[id].code, 6);
    EXPECT_TRUE(container.exits[id].interrupted);
    EXPECT_EQ(container.out[id], "ready\nbye\n");
  }
}

TEST(AgentProcessEnd, AScriptThatKillsTheAgentEndsTheStreamWithoutAnExit) {
  TestAgent container;
  const auto id = container.start_script("echo before; sleep 0.2; kill -9 $PPID");
  const auto status = container.wait_for_end();
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(container.out[id], "before\n");
  EXPECT_TRUE(container.exits.empty());
}

TEST(AgentProcessEnd, AForgedEndOnTheAgentsStdoutGainsNothing) {
  TestAgent container;
  // Noise and marks without frames, straight into the agent's own pipe.
  const auto id = container.start_script(
      "printf '\\132\\000\\377\\177\\023\\303\\251\\016\\000\\001\\003\\000zzzz' "
      ">/proc/$PPID/fd/1; "
      "head -c 9000 /dev/zero >/proc/$PPID/fd/1; echo real; exit 2");
  EXPECT_EQ(container.end_of(id).code, 2);
  EXPECT_EQ(container.out[id], "real\n");
  EXPECT_EQ(container.raw_out.size(), 16u + 9000u);
}

}  // namespace
}  // namespace slipway::helper
