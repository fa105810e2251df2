#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "executors/shell/account.hpp"
#include "executors/shell/process_id.hpp"
#include "executors/shell/spawn.hpp"

namespace slipway::executors::shell {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// What a program printed until its end.
std::string output_of(const SpawnRequest& request, const std::string& input = "") {
  const auto spawned = spawn(request);
  if (!input.empty()) EXPECT_GT(::write(spawned.in, input.data(), input.size()), 0);
  ::close(spawned.in);
  std::string text;
  char buffer[4096];
  for (;;) {
    pollfd entry{spawned.out, POLLIN, 0};
    if (::poll(&entry, 1, 20'000) <= 0) break;
    const auto got = ::read(spawned.out, buffer, sizeof buffer);
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(spawned.out);
  ::waitpid(spawned.pid, nullptr, 0);
  return text;
}

std::string shell(const std::string& script, SpawnRequest request = {}) {
  request.arguments = {"/bin/sh", "-c", script};
  if (request.environment.empty()) request.environment = {"PATH=/usr/bin:/bin"};
  if (request.working_dir.empty()) request.working_dir = "/";
  return output_of(request);
}

TEST(ShellSpawn, HasItsEnvironmentDirectoryAndSessionAndNothingElse) {
  const int open_here = ::open("/dev/null", O_RDONLY);
  SpawnRequest request;
  request.environment = {"PATH=/usr/bin:/bin", "ONLY=this"};
  request.working_dir = "/usr";
  EXPECT_EQ(shell("pwd; echo $ONLY; echo ${HOME-none}", request), "/usr\nthis\nnone\n");
  EXPECT_EQ(shell("test $(ps -o sid= -p $$) = $$ && echo own"), "own\n");
  EXPECT_EQ(shell("ls /proc/self/fd | wc -l"), "4\n");  // ls has one for the directory
  ::close(open_here);
}

TEST(ShellSpawn, SignalsAreAsThoughNobodyHadTouchedThem) {
  ::signal(SIGPIPE, SIG_IGN);
  const auto status = shell("grep -E 'Sig(Blk|Ign)' /proc/self/status");
  EXPECT_EQ(status, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(ShellSpawn, ErrorsComeOutOfTheSamePipe) {
  EXPECT_EQ(shell("echo out; echo err >&2"), "out\nerr\n");
  SpawnRequest request;
  request.arguments = {"/bin/cat"};
  request.working_dir = "/";
  EXPECT_EQ(output_of(request, "in"), "in");
}

TEST(ShellSpawn, WhereItMayNotGoItsHomeIsUsed) {
  SpawnRequest request;
  request.working_dir = "/no/such/directory";
  EXPECT_EQ(shell("pwd", request), "/\n");
}

TEST(ShellSpawn, WhatCannotBeStartedIsNamed) {
  SpawnRequest request;
  request.arguments = {"/no/such/program"};
  try {
    spawn(request);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/no/such/program"));
    EXPECT_THAT(error.what(), HasSubstr("No such file"));
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no zombie
}

TEST(ShellSpawn, BecomesItsUserAltogether) {
  if (::geteuid() != 0) {
    // Only root can; then the step that fails is named.
    SpawnRequest request;
    request.arguments = {"/bin/true"};
    request.become = find_account("nobody");
    EXPECT_THROW(spawn(request), std::runtime_error);
    return;
  }
  SpawnRequest request;
  request.become = find_account("nobody");
  ASSERT_TRUE(request.become);
  request.environment = login_environment(*request.become, {"PATH=/daemon", "SECRET=x"});
  request.working_dir = "/";
  const auto text = shell(
      "id -un; id -ru; id -G; cat /proc/self/loginuid 2>&1 | wc -l; echo $USER "
      "${SECRET-unset}; kill -0 1 2>&1",
      request);
  EXPECT_THAT(text, StartsWith("nobody\n" + std::to_string(request.become->uid) + "\n"));
  EXPECT_THAT(text, HasSubstr("nobody unset\n"));
  EXPECT_THAT(text, Not(HasSubstr("root")));
  // As su has it.
  FILE* su = ::popen("su -s /bin/sh nobody -c 'id -G'", "r");
  char line[256] = {};
  ASSERT_NE(::fgets(line, sizeof line, su), nullptr);
  ::pclose(su);
  EXPECT_THAT(text, HasSubstr(std::string{"\n"} + line));
}

TEST(Account, IsFoundByName) {
  const auto root = find_account("root");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->uid, 0u);
  EXPECT_EQ(root->home, "/root");
  EXPECT_THAT(root->groups, Contains(0u));
  EXPECT_FALSE(find_account("no-such-user-here"));
}

TEST(Account, ProblemsAreSaidBeforeAJobComes) {
  EXPECT_EQ(account_problem(""), "");
  EXPECT_EQ(account_problem("no-such-user-here"),
            "there is no user \"no-such-user-here\" on this machine");
  if (::geteuid() == 0) {
    EXPECT_EQ(account_problem("nobody"), "");
  } else {
    EXPECT_THAT(account_problem("root"), HasSubstr("only root"));
  }
}

TEST(Account, ALoginHasNothingOfTheDaemonsButWaysAndWords) {
  Account account;
  account.name = "ci";
  account.home = "/home/ci";
  account.shell = "/bin/zsh";
  const std::vector<std::string> ours{"HOME=/root",       "PATH=/opt/daemon",  "LANG=de_DE.UTF-8",
                                      "LC_TIME=C",        "https_proxy=p",     "CI_SERVER_TOKEN=t",
                                      "AWS_SECRET_KEY=s", "NOTIFY_SOCKET=/run"};
  EXPECT_THAT(login_environment(account, ours),
              ElementsAre("HOME=/home/ci", "USER=ci", "LOGNAME=ci", "SHELL=/bin/zsh",
                          StartsWith("PATH=/usr/local/"), "SHLVL=1", "LANG=de_DE.UTF-8",
                          "LC_TIME=C", "https_proxy=p"));
}

TEST(Account, TheDaemonsOwnUserInheritsWithoutItsTokens) {
  EXPECT_THAT(inherited_environment({"HOME=/root", "REGISTRATION_TOKEN=t", "NOTIFY_SOCKET=/run",
                                     "AWS_REGION=eu", "CI_SERVER_TOKEN=x"}),
              ElementsAre("HOME=/root", "AWS_REGION=eu", "SHLVL=1"));
}

TEST(ProcessIdTest, KnowsAProcessFromItsSuccessors) {
  const auto child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const auto id = ProcessId::of(child);
  EXPECT_TRUE(id.alive());
  auto other = id;
  other.start_time += 1;
  EXPECT_FALSE(other.alive());
  other.kill();
  EXPECT_TRUE(id.alive());
  auto rebooted = id;
  rebooted.boot = "another";
  EXPECT_FALSE(rebooted.alive());
  id.kill();
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  EXPECT_FALSE(id.alive());  // a zombie
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(id.alive());
  EXPECT_EQ(ProcessId::of(child).pid, 0);
  EXPECT_FALSE(ProcessId{}.alive());
}

}  // namespace
}  // namespace slipway::executors::shell
