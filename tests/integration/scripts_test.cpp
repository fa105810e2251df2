// How scripts run in the build container, with an agent and without. The numbers are those of the
// edge cases, see docs/edge-cases.md.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/both_modes.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class Scripts : public BothModes {};
INSTANTIATE_TEST_SUITE_P(Modes, Scripts, both_modes, mode_name);

std::string numbers(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += std::to_string(i) + "\n";
  return text;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST_P(Scripts, E1_OneOfAMebibyteThatPrintsAMebibyteRunsWhole) {
  std::string big = "cat > /tmp/big <<'END'\n";
  std::string line(1023, 'x');
  line += '\n';
  for (int i = 0; i < 1024; ++i) big += line;
  big += "END";
  // Each line has its time beside it.
  config.runners.front().output_limit = 32 << 20;
  const auto& job =
      run_job(JobBuilder{}.image(image).script({"seq 1 170000", big, "wc -c < /tmp/big"}));
  EXPECT_EQ(job.state, JobState::success);
  const auto log = plain_text(job.trace);
  EXPECT_NE(log.find("\n1048576\n"), std::string::npos);
  EXPECT_NE(log.find("\n" + numbers(1, 170'000)), std::string::npos);
}

TEST_P(Scripts, E4_ExitCodes) {
  EXPECT_EQ(run_job(JobBuilder{}.image(image).script({"exit 0"})).state, JobState::success);
  EXPECT_EQ(run_job(JobBuilder{}.image(image).script({"exit 7"})).exit_code, 7);
  EXPECT_EQ(run_job(JobBuilder{}.image(image).script({"exit 255"})).exit_code, 255);
  // Beside no agent the shell is PID 1, which the kernel lets nobody in the container kill.
  const auto* killed = agent() ? "kill -9 $$; echo never" : "sh -c 'kill -9 $$'";
  EXPECT_EQ(run_job(JobBuilder{}.image(image).script({killed})).exit_code, 137);
}

// The entrypoint arranges the shells before the detection runs.
TEST_P(Scripts, E4_E5_TheFirstShellOfTheListRunsTheScript) {
  const auto with_entrypoint = [](const std::string& shell) {
    return JobBuilder{}.image(image).image_entrypoint({"sh", "-c", shell, "-"});
  };
  const auto& both = run_job(
      with_entrypoint("mkdir -p /usr/local/bin; for d in /usr/local/bin /bin; do printf '#!/bin/sh"
                      "\\necho this is '$d'\\nexec /bin/sh\\n' > $d/bash; chmod +x $d/bash; done; "
                      "exec \"$@\"")
          .script({"echo in the script"}));
  EXPECT_EQ(both.state, JobState::success) << plain_text(both.trace);
  EXPECT_THAT(plain_text(both.trace),
              AllOf(HasSubstr("this is /usr/local/bin\n"), Not(HasSubstr("this is /bin\n")),
                    HasSubstr("in the script\n")));
  const auto& busybox = run_job(
      with_entrypoint(
          "mkdir /busybox /other; cp /bin/busybox /busybox/sh; cp /bin/busybox /other; "
          "ln -s busybox /other/mv; /other/mv /bin /hidden; export PATH=/busybox; exec \"$@\"")
          .script({"echo in the script"}));
  EXPECT_EQ(busybox.state, JobState::success) << plain_text(busybox.trace);
  const auto& none = run_job(
      with_entrypoint("mkdir /other; cp /bin/busybox /other; ln -s busybox /other/mv; ln -s "
                      "busybox /other/sh; /other/mv /bin /hidden; export PATH=/other; exec \"$@\"")
          .script({"echo never"}));
  EXPECT_EQ(none.exit_code, 1) << plain_text(none.trace);
  EXPECT_THAT(plain_text(none.trace), HasSubstr("shell not found"));
}

TEST_P(Scripts, E6_EntrypointsThatAreAShellOrNone) {
  const auto& shell = run_job(
      JobBuilder{}.image(image).image_entrypoint({"/bin/sh", "-c"}).script({"echo ran in $0"}));
  EXPECT_EQ(shell.state, JobState::success) << plain_text(shell.trace);
  EXPECT_THAT(plain_text(shell.trace), HasSubstr("ran in"));
  docker().disable_entrypoint_overwrite = false;
  const auto& none =
      run_job(JobBuilder{}.image(image).image_entrypoint({""}).script({"echo without one"}));
  EXPECT_EQ(none.state, JobState::success) << plain_text(none.trace);
}

TEST_P(Scripts, E6_E7_TheEntrypointRunsOncePerStart) {
  const auto& job = run_job(
      JobBuilder{}
          .image(image)
          .image_entrypoint(
              {"sh", "-c", "echo x >> /starts; echo from the entrypoint >&2; exec \"$@\"", "-"})
          .script({"true"})
          .after_script({"echo starts: $(wc -l < /starts)"}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr(agent() ? "starts: 1" : "starts: 2"));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("from the entrypoint"));
}

TEST_P(Scripts, E8_E9_WhatAFailedScriptLeavesInAfterScript) {
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .script({"echo kept > /tmp/file", "sleep 1000 &",
                                         "(setsid sleep 1001 &)", "echo done; false"})
                                .after_script({"cat /tmp/file", "echo status $CI_JOB_STATUS",
                                               "ps | grep -c '[s]leep 100' || true"}));
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_THAT(plain_text(job.trace), AllOf(HasSubstr("kept\n"), HasSubstr("status failed"),
                                           HasSubstr("[s]leep 100' || true\n0\n")));
}

TEST_P(Scripts, E8_E10_E11_ACancelledScriptSaysGoodbyeAndItsTextIsNotPrinted) {
  const auto id = gitlab().enqueue(
      JobBuilder{}
          .image(image)
          .script({"touch /tmp/left; sh -c 'trap \"echo goodbye; exit 3\" TERM; echo running; "
                   "while :; do sleep 0.1; done'"})
          .after_script({"echo after $CI_JOB_STATUS", "ls /tmp/left || echo it is gone"}));
  run_until_text(id, "running\n");
  gitlab().cancel(id, true);
  const auto log = plain_text(run_until_finished(id, 60s).trace);
  EXPECT_THAT(log, AllOf(HasSubstr("goodbye\n"), HasSubstr("script canceled externally (UI, API)"),
                         HasSubstr("after canceled"), HasSubstr("Job failed: canceled")));
  EXPECT_THAT(log, HasSubstr(agent() ? "\n/tmp/left\n" : "\nit is gone\n"));
  EXPECT_EQ(count(log, "while :; do"), 1u) << log;
}

// Two jobs beside each other, since each takes the 10 s from TERM to KILL: one ignores TERM, of the
// other only the shell gets it, which waits for its child.
TEST_P(Scripts, E10_WhatTermDoesNotEndIsKilled) {
  config.concurrent = 2;
  const std::string child =
      "sh -c 'trap \"echo goodbye; exit 3\" TERM; echo running; while :; do sleep 0.1; done'";
  const auto native = gitlab().enqueue(
      JobBuilder{}.image(image).variable("FF_USE_NATIVE_CONTAINER_STOP", "true").script({child}));
  const auto deaf =
      gitlab().enqueue(JobBuilder{}
                           .image(image)
                           .script({"trap '' TERM; echo running; while :; do sleep 1; done"})
                           .after_script({"echo after $CI_JOB_STATUS"}));
  for (const auto id : {native, deaf}) run_until_text(id, " running\n");
  for (const auto id : {native, deaf}) gitlab().cancel(id, true);
  for (const auto id : {native, deaf}) {
    run_until_finished(id, 90s);
    EXPECT_THAT(log_of(id),
                AllOf(HasSubstr("script canceled externally"), HasSubstr("Job failed: canceled"),
                      Not(HasSubstr("\ngoodbye\n"))));
  }
  EXPECT_THAT(log_of(deaf), HasSubstr("after canceled"));
}

TEST_P(Scripts, E14_CommandsThatReadStdinDoNotEatTheScript) {
  const auto& job = run_job(JobBuilder{}.image(image).script({"cat", "echo still here"}));
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("still here"));
}

TEST_P(Scripts, E33_ANonRootUserCanWriteToProjectAndCache) {
  const auto sha = make_repository({{"file", "content\n"}});
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .image_user("1000")
                                .git("demo/project", "main", sha)
                                .script({"id -u", "echo changed > file", "touch new /cache/new",
                                         "stat -c 'of %u, mode %a' file new"}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), AllOf(HasSubstr("1000\n"), HasSubstr("of 0, mode 666\n"),
                                           HasSubstr("of 1000, mode 644\n")));
}

TEST_P(Scripts, E33_WithoutTheUmaskFilesBelongToTheImagesUser) {
  const auto sha = make_repository({{"file", "content\n"}});
  const auto& job =
      run_job(JobBuilder{}
                  .image(image)
                  .image_user("1000:1001")
                  .image_entrypoint({"sh", "-c", "seq 1 100000; exec \"$@\"", "-"})
                  .variable("FF_DISABLE_UMASK_FOR_DOCKER_EXECUTOR", "true")
                  .git("demo/project", "main", sha)
                  .script({"echo changed > file", "stat -c 'of %u:%g, mode %a' file"}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace).substr(0, 4000);
  EXPECT_THAT(
      plain_text(job.trace),
      AllOf(HasSubstr("Not using umask - FF_DISABLE_UMASK_FOR_DOCKER_EXECUTOR is set!"),
            HasSubstr("Changing ownership of files at \"/builds/demo/project\" to 1000:1001"),
            HasSubstr("of 1000:1001, mode 644\n")));
}

TEST_P(Scripts, E41_OneThatRunsOutOfMemoryIsToldSo) {
  docker().memory = "64m";
  docker().memory_swap = "64m";
  const auto& job = run_job(JobBuilder{}.image(image).script(
      {"echo allocating", "dd if=/dev/zero of=/dev/null bs=300M count=1"}));
  EXPECT_EQ(job.exit_code, 137) << plain_text(job.trace);
  EXPECT_EQ(job.failure_reason, "script_failure");
  EXPECT_THAT(plain_text(job.trace), HasSubstr("ran out of memory"));
}

TEST_P(Scripts, E44_OddVariablesArriveAsTheyAre) {
  const std::string large(100 << 10, 'v');
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .variable("TEXT", "one\n\"two\" 'three' \\four")
                                .variable("LARGE", large)
                                .script({"echo \"$TEXT\"", "echo ${#LARGE}"}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace).substr(0, 4000);
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("\none\n\"two\" 'three' \\four\n"), HasSubstr("\n102400\n")));
}

// S21
TEST_P(Scripts, S21_AnEntrypointThatIgnoresTheScriptGivesItsExitCode) {
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .image_entrypoint({"sh", "-c", "echo worked alone; exit 6"})
                                .script({"Dummy"}));
  EXPECT_EQ(job.exit_code, 6) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("worked alone"));
}

}  // namespace
}  // namespace slipway::tests
