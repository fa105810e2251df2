#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "agent_harness.hpp"
#include "tests/fakes/test_paths.hpp"

namespace slipway::helper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

#ifdef __SANITIZE_ADDRESS__
constexpr long memory_limit_kib = 1 << 20;
#else
constexpr long memory_limit_kib = 4096;
#endif

long resident_kib(pid_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/status"};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  return -1;
}

TEST(AgentProcess, RunsAScriptAndTellsItsEnd) {
  const struct {
    std::string body;
    int code, signal;
    std::string out, err;
  } cases[] = {
      {"echo out; echo err >&2", 0, 0, "out\n", "err\n"},
      {"exit 7", 7, 0, "", ""},
      {"printf 'no newline'; exit 255", 255, 0, "no newline", ""},
      {"kill -9 $$", 137, 9, "", ""},
      {"", 0, 0, "", ""},
  };
  TestAgent container;
  std::uint32_t id = 0;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    const auto exit = container.run_script(c.body);
    ++id;
    EXPECT_EQ(exit.code, c.code);
    EXPECT_EQ(exit.signal, c.signal);
    EXPECT_EQ(exit.error, "");
    EXPECT_EQ(container.out[id], c.out);
    EXPECT_EQ(container.err[id], c.err);
    EXPECT_GT(exit.peak_memory_kib, 100u);
  }
  EXPECT_EQ(container.raw_out, "");
  EXPECT_EQ(container.raw_err, "");
}

TEST(AgentProcess, TellsCpuTimeAndWhatCouldNotBeStarted) {
  TestAgent container;
  const auto busy = container.run_script("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
  EXPECT_GT(busy.cpu, 10ms);
  const struct {
    agent::Stage stage;
    int code;
    std::string error;
  } cases[] = {
      {{.shell = {"/no/such/shell"}},
       127,
       "cannot start /no/such/shell: No such file or directory"},
      {{.working_dir = "/no/such/dir"},
       127,
       "cannot enter the working directory /no/such/dir: No such file or directory"},
      {{.shell = {"/etc/passwd"}}, 126, "cannot start /etc/passwd: Permission denied"},
  };
  for (const auto& c : cases) {
    const auto exit = container.end_of(container.start(c.stage));
    EXPECT_EQ(exit.code, c.code);
    EXPECT_EQ(exit.error, c.error);
  }
  const auto id = container.start(
      {.shell = {"/bin/sh", "-s", "word"}, .body = "pwd; echo $1", .working_dir = "/usr"});
  container.end_of(id);
  EXPECT_EQ(container.out[id], "/usr\nword\n");
}

TEST(AgentProcess, RunsNativeStagesOfItsOwnProgram) {
  TestAgent container;
  const auto id =
      container.start({.kind = agent::Stage::Kind::native, .name = "no_such_stage", .body = "{}"});
  EXPECT_EQ(container.end_of(id).code, 2);
  EXPECT_THAT(container.err[id], HasSubstr("no_such_stage"));
}

TEST(AgentProcess, TheScriptsCommandsReadAnEmptyStdin) {
  TestAgent container;
  EXPECT_EQ(container.run_script("eval 'cat; echo after'\n").code, 0);
  EXPECT_EQ(container.out[1], "after\n");
}

TEST(AgentProcess, AMebibyteOfScriptAndOfOutputCrossEachOther) {
  TestAgent container;
  std::string body = "head -c 1048576 /dev/zero | tr '\\0' x; cat <<'E_N_D'\n";
  std::string text;
  while (text.size() < 1 << 20)
    text += "a line of the here-document, " + std::to_string(text.size()) + "\n";
  const auto exit = container.run_script(body + text + "E_N_D\nexit 5\n");
  EXPECT_EQ(exit.code, 5);
  EXPECT_TRUE(container.out[1] == std::string(1 << 20, 'x') + text);
  container.run_script("true");
  EXPECT_LT(resident_kib(container.pid), memory_limit_kib);
}

TEST(AgentProcess, AScriptThatReadsSlowlyBlocksNothing) {
  TestAgent container;
  // A shell that prints for a while before it reads the rest of its script, which is longer than a
  // pipe.
  const auto slow = container.start_script(
      "head -c 300000 /dev/zero; sleep 1\n: " + std::string(500000, 'y') + "\necho done");
  const auto other = container.start_script("echo beside");
  EXPECT_EQ(container.end_of(other).code, 0);
  EXPECT_FALSE(container.exits.contains(slow));
  EXPECT_EQ(container.end_of(slow).code, 0);
  EXPECT_EQ(container.out[slow].size(), 300005u);
}

TEST(AgentProcess, SeveralStagesRunAtOnce) {
  TestAgent container;
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 5; ++i)
    ids.push_back(container.start_script("for i in 1 2 3; do echo $i; sleep 0.1; done; exit " +
                                         std::to_string(i)));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(container.end_of(ids[i]).code, i);
    EXPECT_EQ(container.out[ids[i]], "1\n2\n3\n");
  }
}

TEST(AgentProcess, ManyLinesArriveWhole) {
  TestAgent container;
  const auto exit =
      container.run_script("i=0; while [ $i -lt 100000 ]; do echo line $i; i=$((i+1)); done");
  EXPECT_EQ(exit.code, 0);
  std::string want;
  for (int i = 0; i < 100000; ++i) want += "line " + std::to_string(i) + "\n";
  EXPECT_TRUE(container.out[1] == want);
  EXPECT_LT(resident_kib(container.pid), memory_limit_kib);
}

TEST(AgentProcess, OutputWaitsForADaemonThatDoesNotReadAndCommandsStillArrive) {
  TestAgent container;
  const auto id = container.start_script("head -c 3000000 /dev/zero; echo; sleep 1000");
  container.reads = false;
  container.pump_for(500ms);
  container.write(container.daemon.signal(id, agent::Signal::kill));
  container.pump_for(200ms);
  container.reads = true;
  EXPECT_EQ(container.end_of(id).signal, SIGKILL);
}

TEST(AgentProcess, OutputThatNobodyReadIsKeptInAFileAndComesAfterResume) {
  TestAgent container;
  const auto id = container.start_script(
      "head -c 3000000 /dev/zero | tr '\\0' y; echo >/proc/$PPID/fd/2; sleep 0.2; "
      "head -c 40000000 /dev/zero | tr '\\0' z; echo end; exit 3");
  container.pump_until([&] { return !container.raw_err.empty(); });
  container.attached = false;
  container.pump_for(1500ms);
  EXPECT_LT(resident_kib(container.pid), memory_limit_kib);
  EXPECT_FALSE(container.exits.contains(id));
  container.attached = true;
  container.write(container.daemon.resume());
  EXPECT_EQ(container.end_of(id).code, 3);
  EXPECT_TRUE(container.out[id] ==
              std::string(3000000, 'y') + std::string(40000000, 'z') + "end\n");
}

TEST(AgentProcess, TheEndOfStdinIsNotTheEndOfTheJob) {
  TestAgent container;
  const auto id = container.start_script("echo begun; sleep 0.5; echo still here; exit 3");
  container.has_output(id, "begun");
  container.close_stdin();
  EXPECT_EQ(container.end_of(id).code, 3);
  EXPECT_EQ(container.out[id], "begun\nstill here\n");
  EXPECT_TRUE(alive(container.pid));
}

TEST(AgentProcess, AStdoutThatNobodyHoldsAnyMoreEndsNothing) {
  TestAgent container;
  const auto id = container.start_script(
      "echo begun; sleep 0.3; echo lost; echo written >&2; sleep 0.1; "
      "echo on the side >/proc/$PPID/fd/2; sleep 1000");
  container.has_output(id, "begun");
  container.close_stdout();
  container.pump_until([&] { return container.raw_err == "on the side\n"; });
  EXPECT_TRUE(alive(container.pid));
}

TEST(AgentProcess, UmaskIsTheOneAskedFor) {
  const auto container_umask = [](std::vector<std::string> arguments) {
    TestAgent container{arguments};
    container.run_script("umask");
    return container.out[1];
  };
  EXPECT_EQ(container_umask({"--umask", "0000"}), "0000\n");
  EXPECT_EQ(container_umask({"--umask", "0027"}), "0027\n");
}

TEST(AgentProcess, EndsWhenTold) {
  TestAgent container;
  const auto id = container.start_script("sleep 1000");
  container.write(container.daemon.quit(9));
  const auto status = container.wait_for_end();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 9);
  EXPECT_EQ(container.exits[id].signal, SIGKILL);
}

TEST(AgentProcess, RefusesBadArguments) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"agent"}, {"agent", "--mark", "xyz"}, {"agent", "--mark"}, {"nonsense"}, {}}) {
    auto all = arguments;
    all.insert(all.begin(), fakes::helper_program);
    TestContainer container{all};
    EXPECT_NE(container.wait_for_end(), 0);
    EXPECT_NE(container.raw_err, "");
  }
}

}  // namespace
}  // namespace slipway::helper
