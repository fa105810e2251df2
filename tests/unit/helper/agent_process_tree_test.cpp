#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "helper/agent/process_tree.hpp"

namespace slipway::helper {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ParseStat, TakesCommandsOfAnyBytes) {
  const std::string rest = " S 10 20 30 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 424242 1000 200\n";
  for (const std::string command : {"sh", "a b", "a) S 1 1 1 (", ") ", "\xff\n"}) {
    const auto process = parse_stat("123 (" + command + ")" + rest);
    ASSERT_TRUE(process) << command;
    EXPECT_EQ(process->pid, 123);
    EXPECT_EQ(process->parent, 10);
    EXPECT_EQ(process->session, 30);
    EXPECT_EQ(process->state, 'S');
    EXPECT_EQ(process->start_time, 424242u);
  }
}

TEST(ParseStat, RefusesWhatIsNoStat) {
  for (const auto* text : {"", "1", "1 (sh", "1 (sh) ", "x (sh) S 1 1 1", "1 (sh) S",
                           "1 (sh) S a b c", "1 (sh) S 1 2 3 4 5 6"})
    EXPECT_FALSE(parse_stat(text)) << text;
}

TEST(ListProcesses, ShowsThisOne) {
  const auto all = list_processes();
  const auto self =
      std::find_if(all.begin(), all.end(), [](const Process& p) { return p.pid == getpid(); });
  ASSERT_NE(self, all.end());
  EXPECT_EQ(self->parent, getppid());
  EXPECT_EQ(self->session, getsid(0));
}

struct ProcessOwnersTest : testing::Test {
  static Process process(pid_t pid, pid_t parent, pid_t session, char state = 'S') {
    return {pid, parent, session, state, static_cast<std::uint64_t>(pid) * 10};
  }
  // 1 is the agent, 5 an entrypoint's daemon below it with a worker, 6 one beside it.
  std::vector<Process> before{process(1, 0, 1), process(5, 1, 1), process(6, 0, 6)};
  ProcessOwners owners{1, before};
};

TEST_F(ProcessOwnersTest, FindsDescendantsByParentAndBySession) {
  auto now = before;
  now.push_back(process(100, 1, 100));
  now.push_back(process(101, 100, 100));
  now.push_back(process(102, 101, 102));       // own session, parent lives
  now.push_back(process(103, 1, 100));         // orphan of the session
  now.push_back(process(104, 1, 90));          // orphan without it
  now.push_back(process(105, 104, 105));       // below the orphan
  now.push_back(process(106, 100, 100, 'Z'));  // dead
  EXPECT_THAT(owners.of_stage(now, 100, {}), ElementsAre(100, 101, 102, 103, 104, 105));
}

TEST_F(ProcessOwnersTest, SparesWhatWasThereAndWhatThatStarted) {
  auto now = before;
  now.push_back(process(100, 1, 100));
  now.push_back(process(50, 5, 1));
  now.push_back(process(60, 6, 60));
  EXPECT_THAT(owners.of_stage(now, 100, {}), ElementsAre(100));
  EXPECT_THAT(owners.of_stage(now, 0, {}), ElementsAre(100));
}

TEST_F(ProcessOwnersTest, ANumberUsedAgainIsNotTheOldProcess) {
  auto now = before;
  now[1].start_time += 1;
  EXPECT_THAT(owners.of_stage(now, 100, {}), ElementsAre(5));
}

TEST_F(ProcessOwnersTest, KeepsStagesApart) {
  auto now = before;
  now.push_back(process(100, 1, 100));
  now.push_back(process(101, 100, 101));
  now.push_back(process(200, 1, 200));
  now.push_back(process(201, 1, 200));
  now.push_back(process(300, 1, 300));  // an orphan of either
  EXPECT_THAT(owners.of_stage(now, 100, {200}), ElementsAre(100, 101));
  EXPECT_THAT(owners.of_stage(now, 200, {100}), ElementsAre(200, 201));
  EXPECT_THAT(owners.of_stage(now, 100, {}), ElementsAre(100, 101, 200, 201, 300));
}

TEST_F(ProcessOwnersTest, WhatMayLiveBelongsToNoLaterStage) {
  auto now = before;
  now.push_back(process(101, 1, 100));  // the first stage's, whose shell has ended
  now.push_back(process(102, 1, 102));
  owners.let_live(now, 100, {});
  now.push_back(process(103, 102, 103));
  now.push_back(process(200, 1, 200));
  now.push_back(process(201, 1, 201));
  EXPECT_THAT(owners.of_stage(now, 200, {}), ElementsAre(200, 201));
}

TEST_F(ProcessOwnersTest, AnotherStagesProcessesAreNotLetGo) {
  auto now = before;
  now.push_back(process(101, 1, 100));
  now.push_back(process(200, 1, 200));
  owners.let_live(now, 100, {200});
  EXPECT_THAT(owners.of_stage(now, 200, {}), ElementsAre(200));
}

TEST_F(ProcessOwnersTest, StrangersAndCirclesAreNobodys) {
  std::vector<Process> now{process(1, 0, 1), process(7, 8, 7), process(8, 7, 7), process(9, 0, 9),
                           process(10, 4000, 10)};
  EXPECT_THAT(owners.of_stage(now, 100, {}), IsEmpty());
  EXPECT_THAT(owners.of_stage({}, 100, {}), IsEmpty());
}

}  // namespace
}  // namespace slipway::helper
