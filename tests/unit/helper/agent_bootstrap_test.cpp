#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "agent_harness.hpp"

namespace slipway::helper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::vector<std::vector<std::string>> shells() {
  std::vector<std::vector<std::string>> all;
  for (const auto& shell : std::vector<std::vector<std::string>>{
           {"/bin/sh"}, {"/bin/dash"}, {"/bin/bash"}, {"/bin/busybox", "sh"}})
    if (std::filesystem::exists(shell[0])) all.push_back(shell);
  return all;
}

std::vector<std::string> with(std::vector<std::string> shell, const std::string& option) {
  if (!option.empty()) shell.push_back(option);
  return shell;
}

TEST(AgentBootstrap, StartsTheAgentFromEveryShell) {
  for (const auto& shell : shells()) {
    for (const auto* option : {"", "-e", "-u", "-x", "-eux"}) {
      SCOPED_TRACE(shell.back() + " " + option);
      TestContainer container{with(shell, option)};
      container.bootstrap({}, {30s, 0022});
      ASSERT_EQ(container.hellos, 1);
      EXPECT_EQ(container.run_script("umask; exit 3").code, 3);
      EXPECT_EQ(container.out[1], "0022\n");
      EXPECT_EQ(container.raw_out, "");
    }
  }
}

TEST(AgentBootstrap, WithoutAnAgentTheShellStaysAndTakesAScript) {
  for (const auto& shell : shells()) {
    for (const auto* option : {"", "-e", "-u", "-x", "-eux"}) {
      for (const auto* folder : {"/no/such/folder", "/no/it's here", "/proc"}) {
        SCOPED_TRACE(shell.back() + " " + option + " " + folder);
        TestContainer container{with(shell, option)};
        container.bootstrap(folder);
        ASSERT_EQ(container.plains, 1);
        container.write("echo script; exit 4\n");
        EXPECT_EQ(WEXITSTATUS(container.wait_for_end()), 4);
        EXPECT_EQ(container.raw_out, "script\n");
      }
    }
  }
}

TEST(AgentBootstrap, EntrypointOutputAndChattyBackgroundProcessAreLogOutput) {
  TestContainer container{
      {"/bin/sh", "-c", "echo starting; (while :; do echo chatter; done) & exec /bin/sh"}};
  container.bootstrap();
  ASSERT_EQ(container.hellos, 1);
  std::string want;
  for (int i = 0; i < 3000; ++i) want += "line " + std::to_string(i) + "\n";
  for (std::uint32_t id = 1; id <= 3; ++id) {
    EXPECT_EQ(
        container.run_script("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done").code,
        0);
    EXPECT_TRUE(container.out[id] == want);
  }
  ASSERT_TRUE(container.raw_out.starts_with("starting\nchatter\n"));
  std::size_t others = 0;
  for (std::size_t at = 9; at + 8 <= container.raw_out.size(); at += 8)
    others += container.raw_out.compare(at, 8, "chatter\n") != 0;
  EXPECT_EQ(others, 0u);
}

TEST(AgentBootstrap, WhatTheEntrypointStartedOutlivesTheStages) {
  TestContainer container{
      {"/bin/sh", "-c", "sleep 1000 & echo $!; (setsid sleep 1001 & echo $!); exec /bin/sh"}};
  container.bootstrap();
  container.run_script("sleep 1000 &");
  container.write(
      container.daemon.signal(container.start_script("sleep 1000"), agent::Signal::kill));
  container.end_of(2);
  const auto first = std::stoi(container.raw_out);
  const auto second = std::stoi(container.raw_out.substr(container.raw_out.find('\n')));
  EXPECT_TRUE(alive(first));
  EXPECT_TRUE(alive(second));
  ::kill(second, SIGKILL);
}

TEST(AgentBootstrap, AStageDoesNotWaitForAPipeThatAnEarlierProcessHolds) {
  const auto file = testing::TempDir() + "/slipway_held_" + std::to_string(getpid());
  TestContainer container{
      {"/bin/sh", "-c",
       "(while [ ! -s " + file + " ]; do sleep 0.02; done; read pid <" + file +
           "; exec 3>/proc/$pid/fd/1; echo held; exec sleep 1000) & exec /bin/sh"}};
  container.bootstrap();
  const auto id = container.start_script("echo $$ >" + file + "; sleep 0.7; echo last");
  container.pump_until([&] { return container.raw_out == "held\n"; });
  container.pump_until([&] { return container.exits.contains(id); }, 5s);
  EXPECT_EQ(container.out[id], "last\n");
  std::filesystem::remove(file);
}

TEST(AgentBootstrap, AnEntrypointThatEndsGivesItsOutputAndItsCode) {
  TestContainer container{{"/bin/sh", "-c", "printf 'all done'; exit 12"}};
  container.bootstrap();
  EXPECT_EQ(WEXITSTATUS(container.wait_for_end()), 12);
  EXPECT_EQ(container.raw_out, "all done");
  EXPECT_EQ(container.hellos + container.plains, 0);
}

TEST(AgentBootstrap, AReattachInTheMiddleOfAJobGoesOnWithoutALostByte) {
  TestAgent container;
  const auto id =
      container.start_script("i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i+1)); done");
  std::string want;
  for (int i = 0; i < 40000; ++i) want += "line " + std::to_string(i) + "\n";
  int cuts = 0;
  while (!container.exits.contains(id) && cuts < 50) {
    container.pump_for(3ms);
    container.write(container.daemon.resume());
    ++cuts;
    container.pump_until([&] { return container.resumed == cuts; });
  }
  EXPECT_EQ(container.end_of(id).code, 0);
  EXPECT_TRUE(container.out[id] == want);
  EXPECT_GT(cuts, 1);
}

}  // namespace
}  // namespace slipway::helper
