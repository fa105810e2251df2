#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "shell_jobs.hpp"

// `run --user`: with a user made for the test where that can be done, that is as root; else with
// the one that runs it.
namespace slipway::cmd {
namespace {

namespace fs = std::filesystem;
using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ShellUser : public ShellJobs {
 protected:
  void SetUp() override {
    home = directory / "home";
    if (::geteuid() == 0) {
      user = "slipway-test-" + std::to_string(::getpid());
      const auto made = "useradd --no-log-init --create-home --home-dir '" + home.string() +
                        "' --shell /bin/bash " + user + " 2>&1";
      ASSERT_EQ(std::system(made.c_str()), 0) << made;
      user_made = true;
    } else {
      user = ::getpwuid(::geteuid())->pw_name;
      fs::create_directories(home);
    }
    account = ::getpwnam(user.c_str());
    ASSERT_NE(account, nullptr);
    fs::create_directories(builds);
    ASSERT_EQ(::chown(builds.c_str(), account->pw_uid, account->pw_gid), 0);
    run_flags = {"--user", user};
    environment = {{"DAEMON_SECRET", "of the daemon"}, {"LANG", "C.UTF-8"}};
  }

  void TearDown() override {
    ShellJobs::TearDown();
    const auto removed = "userdel --force " + user + " >/dev/null 2>&1";
    if (user_made) {
      EXPECT_EQ(std::system(removed.c_str()), 0);
    }
  }

  std::string user;
  fs::path home;
  passwd* account = nullptr;
  bool user_made = false;
};

TEST_F(ShellUser, JobsAreThatUserWithTheEnvironmentOfALogin) {
  const auto& job =
      run_job(JobBuilder{}
                  .variable("KEY_FILE", "x", {.file = true})
                  .script({"echo; echo user=$(id -un) groups=$(id -Gn)",
                           "echo home=$HOME name=$USER/$LOGNAME",
                           "echo secret=${DAEMON_SECRET-none} lang=$LANG", "echo made > file",
                           "stat -c 'tmp=%U %a' $(dirname $KEY_FILE)"}));
  EXPECT_EQ(job.state, JobState::success);
  const auto log = log_of(job.id);
  EXPECT_THAT(log, HasSubstr("\nuser=" + user + " groups="));
  EXPECT_THAT(log, HasSubstr("\nhome=" + std::string{account->pw_dir} + " name=" + user + "/" +
                             user + "\n"));
  EXPECT_THAT(log, HasSubstr("\nsecret=none lang=C.UTF-8\n"));
  EXPECT_THAT(log, HasSubstr("\ntmp=" + user + " 700\n"));
  EXPECT_THAT(log, Not(HasSubstr("groups=root")));
  struct stat info {};
  ASSERT_EQ(::stat((project_dir() / "file").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, account->pw_uid);
  EXPECT_EQ(info.st_gid, account->pw_gid);
}

TEST_F(ShellUser, GetsTheSourcesAndSendsTheArtifacts) {
  const auto repository = make_repository({{"hello.txt", "from git\n"}});
  const auto& job = run_job(JobBuilder{}
                                .git("demo/project", "main", repository.sha)
                                .script({"cat hello.txt"})
                                .artifacts({"hello.txt"}));
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_THAT(log_of(job.id), HasSubstr("\nfrom git\n"));
  EXPECT_EQ(job.artifacts.size(), 1u);
}

TEST_F(ShellUser, ACancelEndsItsProcesses) {
  const auto id =
      enqueue(JobBuilder{}.script({"(setsid sleep 1000 &) ; echo; echo child=$$; sleep "
                                   "1000"}));
  start();
  wait_for_output(id, "\nchild=");
  gitlab.cancel(id, /*graceful=*/true);
  EXPECT_EQ(wait_for_end(id).state, JobState::canceled);
  EXPECT_TRUE(gone_within(pid_behind(log_of(id), "child"), std::chrono::seconds{2}));
}

TEST_F(ShellUser, FilesOfAKilledDaemonsJobAreRemovedAsThatUser) {
  const auto id = enqueue(JobBuilder{}
                              .variable("KEY_FILE", "secret", {.file = true})
                              .script({"echo; echo ready", "sleep 1000"}));
  start();
  wait_for_output(id, "\nready");
  EXPECT_THAT(temporary_files(), Not(testing::IsEmpty()));
  end(SIGKILL);
  start();
  EXPECT_EQ(wait_for_end(id).failure_reason, "runner_system_failure");
}

TEST_F(ShellUser, AnUnknownOneIsSaidAtStart) {
  run_flags = {"--user", "no-such-user-here"};
  start();
  pump_until([this] { return daemon_log().find("no-such-user-here") != std::string::npos; });
  EXPECT_THAT(daemon_log(), AllOf(HasSubstr("the runner is skipped: there is no user "),
                                  HasSubstr("no-such-user-here")));
}

}  // namespace
}  // namespace slipway::cmd
