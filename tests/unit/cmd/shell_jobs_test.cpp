#include "shell_jobs.hpp"

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

// Numbers of cases are those of the edge cases of jobs: docs/edge-cases.md.
namespace slipway::cmd {
namespace {

namespace fs = std::filesystem;
using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

TEST_F(ShellJobs, AnEchoRunsInALoginShellOfThisMachine) {
  std::ofstream{directory / ".bash_profile"} << "export FROM_PROFILE=yes\n";
  const auto& job = run_job(JobBuilder{}.script(
      {"echo hello", "echo profile=$FROM_PROFILE", "echo shared=$CI_SHARED_ENVIRONMENT", "pwd"}));
  EXPECT_EQ(job.state, JobState::success);
  const auto log = log_of(job.id);
  std::size_t at = 0;
  for (const auto* line :
       {"Running with slipway ",
        "  on shell shellJobs, system ID: ", "Preparing the \"shell\" executor\n",
        "Using Shell (bash) executor...\n", "Preparing environment\n", "Running on ",
        "Skipping Git repository setup\n", "Executing \"step_script\" stage of the job script\n",
        "$ echo hello\nhello\n", "profile=yes\n", "shared=true\n",
        "Cleaning up project directory and file based variables\n", "Job succeeded\n"}) {
    const auto found = log.find(line, at);
    ASSERT_NE(found, std::string::npos) << line << "\n" << log;
    at = found;
  }
  EXPECT_THAT(log, HasSubstr("\n" + project_dir().string() + "\n"));
  EXPECT_THAT(log, Not(HasSubstr(" via ")));
  const auto info = nlohmann::json::parse(gitlab.runners()[0].info);
  EXPECT_EQ(info.at("executor"), "shell");
  EXPECT_EQ(info.at("features").at("shared"), true);
  EXPECT_EQ(info.at("features").at("image"), false);
}

TEST_F(ShellJobs, Case28TheExitCodeIsTheScripts) {
  const auto& job = run_job(JobBuilder{}.script({"exit 3", "echo not here"}));
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "script_failure");
  EXPECT_EQ(job.exit_code, 3);
  EXPECT_THAT(log_of(job.id),
              AllOf(HasSubstr("ERROR: Job failed: exit status 3\n"), Not(HasSubstr("\nnot here"))));
  EXPECT_EQ(run_job(JobBuilder{}.script({"false | true"})).state, JobState::failed);
}

TEST_F(ShellJobs, AShellThatASignalEndsSaysWhich) {
  const auto& job = run_job(JobBuilder{}.script({"kill -KILL $$"}));
  EXPECT_EQ(job.failure_reason, "script_failure");
  EXPECT_EQ(job.exit_code, -1);
  EXPECT_THAT(log_of(job.id), HasSubstr("ERROR: Job failed: signal: killed\n"));
}

TEST_F(ShellJobs, SourcesComeFromGitAndAreFetchedAnew) {
  const auto repository = make_repository({{"hello.txt", "from git\n"}});
  const auto builder = JobBuilder{}
                           .git("demo/project", "main", repository.sha)
                           .script({"cat hello.txt", "echo mine > untracked"});
  const auto& first = run_job(builder);
  EXPECT_EQ(first.state, JobState::success);
  EXPECT_THAT(log_of(first.id),
              AllOf(HasSubstr("Created fresh repository."), HasSubstr("\nfrom git\n")));
  const auto& second = run_job(builder);
  EXPECT_EQ(second.state, JobState::success);
  EXPECT_THAT(log_of(second.id), AllOf(Not(HasSubstr("Created fresh repository.")),
                                       HasSubstr("Removing untracked"), HasSubstr("\nfrom git\n")));
  EXPECT_TRUE(fs::exists(project_dir() / "hello.txt"));
  std::ifstream config{project_dir() / ".git" / "config"};
  const std::string text{std::istreambuf_iterator<char>{config}, {}};
  EXPECT_THAT(text, Not(HasSubstr("gitlab-ci-token")));
}

TEST_F(ShellJobs, ArtifactsPassFromOneJobToTheNext) {
  const auto& made =
      run_job(JobBuilder{}.script({"mkdir -p out", "echo built > out/it"}).artifacts({"out"}));
  EXPECT_EQ(made.state, JobState::success);
  ASSERT_EQ(made.artifacts.size(), 1u);
  const auto& artifact = made.artifacts[0];
  const auto& used =
      run_job(JobBuilder{}
                  .variable("GIT_STRATEGY", "empty")
                  .dependency(made.id, made.token.reveal(), "build", artifact.filename,
                              static_cast<std::int64_t>(artifact.content.size()))
                  .script({"cat out/it"}));
  EXPECT_EQ(used.state, JobState::success);
  EXPECT_THAT(log_of(used.id), HasSubstr("\nbuilt\n"));
}

TEST_F(ShellJobs, AfterScriptIsAnotherShell) {
  const auto& job =
      run_job(JobBuilder{}
                  .script({"cd /", "export LOST=1", "echo KEPT=2 >> $GITLAB_ENV", "pwd", "exit 4"})
                  .after_script({"echo in=$PWD lost=$LOST kept=$KEPT", "echo status=$CI_JOB_STATUS",
                                 "false"}));
  EXPECT_EQ(job.exit_code, 4);
  const auto log = log_of(job.id);
  EXPECT_THAT(log, HasSubstr("in=" + project_dir().string() + " lost= kept=2\n"));  // cases 25, 27
  EXPECT_THAT(log, HasSubstr("status=failed\n"));
  EXPECT_THAT(log,  // case 10
              HasSubstr("after_script failed, but job will continue unaffected: exit status 1"));
}

TEST_F(ShellJobs, Case23FileVariablesAreExactPrivateAndGone) {
  const auto& job = run_job(JobBuilder{}
                                .variable("KEY_FILE", "no newline", {.file = true})
                                .variable("SECRET", "two\nlines\n", {.masked = false, .file = true})
                                .script({"wc -c < $KEY_FILE", "cat $SECRET",
                                         "stat -c mode=%a $(dirname $KEY_FILE)", "rm $KEY_FILE"})
                                .after_script({"cat $KEY_FILE"}));
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_THAT(log_of(job.id), AllOf(HasSubstr("\n10\n"), HasSubstr("two\nlines\n"),
                                    HasSubstr("mode=700\n"), HasSubstr("no newline")));
  EXPECT_THAT(temporary_files(), testing::IsEmpty());
}

TEST_F(ShellJobs, JobsSideBySideHaveDirectoriesOfTheirOwn) {
  concurrent = 2;
  const auto wait =
      "for i in $(seq 200); do [ -e ../../../{}/demo/project/here ] && break; sleep "
      "0.1; done; cat ../../../{}/demo/project/here";
  const auto script = [&](const char* other) {
    std::string text = wait;
    for (auto at = text.find("{}"); at != std::string::npos; at = text.find("{}"))
      text.replace(at, 2, other);
    return text;
  };
  // Each waits for what only the other, running at the same time, makes.
  const auto body =
      "echo slot $CI_CONCURRENT_PROJECT_ID > here; if [ $CI_CONCURRENT_PROJECT_ID = 0 ]; then " +
      script("1") + "; else " + script("0") + "; fi; sleep 1; rm here";
  const auto a = enqueue(JobBuilder{}.script({body}));
  const auto b = enqueue(JobBuilder{}.script({body}));
  start();
  EXPECT_EQ(wait_for_end(a).state, JobState::success);
  EXPECT_EQ(wait_for_end(b).state, JobState::success);
  EXPECT_NE(log_of(a).find("\nslot 1") == std::string::npos,
            log_of(b).find("\nslot 1") == std::string::npos);
}

TEST_F(ShellJobs, Case39StrategyNoneKeepsWhatEarlierJobsMade) {
  run_job(JobBuilder{}.script({"echo old > kept"}));
  EXPECT_THAT(log_of(run_job(JobBuilder{}.script({"cat kept"})).id), HasSubstr("\nold\n"));
}

TEST_F(ShellJobs, Case26AScriptThatReadsGetsTheEndOfTheFile) {
  const auto& job = run_job(JobBuilder{}.script({"cat", "echo went on"}));
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_THAT(log_of(job.id), HasSubstr("\nwent on\n"));
}

TEST_F(ShellJobs, Case29ABackgroundChildWithTheOutputDelaysTheEnd) {
  const auto& job = run_job(JobBuilder{}.script({"(sleep 2; echo late) &", "echo early"}));
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_THAT(log_of(job.id), ContainsRegex("\nearly\n(.*\n)*late\n"));
}

TEST_F(ShellJobs, WhatAScriptDetachedOutlivesTheJob) {
  const auto& job = run_job(JobBuilder{}.script({"setsid sleep 1000 </dev/null >/dev/null 2>&1 &",
                                                 "sleep 0.2; echo; echo child=$(pgrep -n "
                                                 "-f 'sleep 1000')"}));
  EXPECT_EQ(job.state, JobState::success);
  pump_until([this] { return journals() == 0; });
  const auto child = pid_behind(log_of(job.id), "child");
  EXPECT_TRUE(is_alive(child));
  ::kill(child, SIGKILL);
}

TEST_F(ShellJobs, TheConfiguredShellIsTaken) {
  runner_lines = "shell = \"sh\"";
  const auto& job = run_job(JobBuilder{}.script({"echo ${BASH_VERSION:-none}", "echo 'a  b'"}));
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_THAT(log_of(job.id),
              AllOf(HasSubstr("Using Shell (sh) executor..."), HasSubstr("\na  b\n")));
}

TEST_F(ShellJobs, Case1WithoutDirectoriesOnlyTheSummaryFollows) {
  runner_lines = "builds_dir = \"/proc/no-builds\"";
  const auto& job = run_job(JobBuilder{}.script({"echo x"}).after_script({"echo y"}));
  EXPECT_EQ(job.state, JobState::failed);
  const auto log = log_of(job.id);
  EXPECT_THAT(log, HasSubstr("must be able to write to `builds_dir`"));
  EXPECT_THAT(log, ContainsRegex("ERROR: Job failed: prepare environment: exit status 1. Check "
                                 "https://docs.gitlab.com/runner/shells/"));
  EXPECT_THAT(log, Not(HasSubstr("Cleaning up")));
}

TEST_F(ShellJobs, ServicesAreSaidToBeMissing) {
  const auto& job = run_job(JobBuilder{}.image("alpine").service("redis:7").script({"echo alive"}));
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_THAT(log_of(job.id), HasSubstr("WARNING: The shell executor has no services"));
}

TEST_F(ShellJobs, HooksRunAroundTheSources) {
  const auto repository = make_repository({{"hello.txt", "x\n"}});
  runner_lines =
      "pre_get_sources_script = \"echo before\"\npost_get_sources_script = \"ls\"\n"
      "pre_build_script = \"echo first\"";
  const auto& job =
      run_job(JobBuilder{}.git("demo/project", "main", repository.sha).script({"echo second"}));
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_THAT(log_of(job.id),
              ContainsRegex("\nbefore\n(.*\n)*hello.txt\n(.*\n)*first\n(.*\n)*second\n"));
}

}  // namespace
}  // namespace slipway::cmd
