// Artifacts: from a job to the coordinator, and on to the jobs that depend on it.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/fault_jobs.hpp"
#include "tests/integration/scenario_jobs.hpp"

namespace slipway::tests {
namespace {

using local::Endpoint;
using local::JobBuilder;
using local::JobRecord;
using local::JobState;
using local::Presence;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

json artifact(const char* path, const char* when, const char* name) {
  return {{"paths", {path}}, {"when", when}, {"name", name}, {"artifact_type", name}};
}

std::vector<std::string> names(const JobRecord& job) {
  std::vector<std::string> result;
  for (const auto& file : job.artifacts) result.push_back(file.filename);
  return result;
}

class ArtifactJobs : public FaultJobs {
 protected:
  /// A job that wants what `made` has uploaded.
  JobBuilder dependent_on(const JobRecord& made) {
    JobBuilder job;
    job.image(image).dependency(made.id, made.token.reveal(), "build: [x]",
                                made.artifacts.front().filename,
                                static_cast<std::int64_t>(made.artifacts.front().content.size()));
    return job;
  }
  static JobBuilder maker() { return JobBuilder{}.image(image); }
};

TEST_F(ArtifactJobs, GoFromOneJobToAnother) {
  const auto& made = run_job(
      maker()
          .variable("WHERE", "out")
          .artifacts({"$WHERE/", "$CI_PROJECT_DIR/absolute.txt", "missing", "/etc/passwd"},
                     "dir/$CI_JOB_NAME")
          .name("build")
          .script({"mkdir -p out/deep && echo text > out/deep/file && echo '#!' > out/run",
                   "chmod 750 out/run && ln -s deep/file out/link && echo abs > absolute.txt"}));
  ASSERT_EQ(made.state, JobState::success) << plain_text(made.trace);
  ASSERT_THAT(names(made), ElementsAre("build.zip"));
  EXPECT_THAT(plain_text(made.trace),
              AllOf(HasSubstr("Uploading artifacts for successful job\nUploading artifacts...\n"),
                    HasSubstr("out/: found 5 matching artifact files and directories"),
                    HasSubstr("WARNING: missing: no matching files. Ensure that the artifact path "
                              "is relative to the working directory"),
                    HasSubstr("artifact path is not a subpath of project directory: /etc/passwd"),
                    HasSubstr("Uploading artifacts as \"archive\" to coordinator... 201 Created"),
                    HasSubstr("Job succeeded")));
  EXPECT_THAT(made.trace, Not(HasSubstr(made.token.reveal())));

  const auto& used = run_job(dependent_on(made).script(
      {"cat out/deep/file absolute.txt", "readlink out/link", "stat -c %a out/run"}));
  ASSERT_EQ(used.state, JobState::success) << plain_text(used.trace);
  EXPECT_THAT(plain_text(used.trace),
              AllOf(HasSubstr(fmt::format("Downloading artifacts\nDownloading artifacts for build: "
                                          "[x] ({})...\n",
                                          made.id)),
                    HasSubstr("Downloading artifacts from coordinator... ok"),
                    HasSubstr("text\nabs\n"), HasSubstr("deep/file\n"), HasSubstr("750\n")));
}

TEST_F(ArtifactJobs, E57_WhichOnesAreUploadedAfterWhichEnd) {
  const auto job = [] {
    return maker()
        .field("artifacts", json::array({artifact("made", "on_success", "success"),
                                         artifact("made", "on_failure", "failure"),
                                         artifact("made", "always", "always"),
                                         artifact("none", "always", "nothing")}))
        .after_script({"echo after"});
  };
  const auto& succeeded = run_job(job().script({"touch made"}));
  EXPECT_EQ(succeeded.state, JobState::success) << plain_text(succeeded.trace);
  EXPECT_THAT(names(succeeded), ElementsAre("success.zip", "always.zip"));
  EXPECT_THAT(plain_text(succeeded.trace), HasSubstr("ERROR: No files to upload"));

  const auto& failed = run_job(job().script({"touch made", "exit 3"}));
  EXPECT_EQ(failed.exit_code, 3) << plain_text(failed.trace);
  EXPECT_THAT(names(failed), ElementsAre("failure.zip", "always.zip"));
  EXPECT_THAT(plain_text(failed.trace),
              AllOf(HasSubstr("after\n"), HasSubstr("Uploading artifacts for failed job")));

  const auto& late =
      run_job(job().variable("RUNNER_SCRIPT_TIMEOUT", "1s").script({"touch made; sleep 1000"}));
  EXPECT_EQ(late.failure_reason, "job_execution_timeout") << plain_text(late.trace);
  EXPECT_THAT(names(late), ElementsAre("failure.zip", "always.zip"));

  const auto& cut = run_job(job().timeout(3).script({"touch made; sleep 1000"}));
  EXPECT_EQ(cut.failure_reason, "job_execution_timeout") << plain_text(cut.trace);
  EXPECT_THAT(names(cut), ElementsAre());

  const auto id = gitlab().enqueue(job().script({"touch made; echo ready; sleep 1000"}));
  run_until_text(id, "ready");
  gitlab().cancel(id, true);
  const auto& cancelled = run_until_finished(id);
  EXPECT_THAT(names(cancelled), ElementsAre("failure.zip", "always.zip"))
      << plain_text(cancelled.trace);
}

TEST_F(ArtifactJobs, ReportsAndUntrackedFilesOfARepository) {
  const auto sha = make_repository({{"tracked", "t\n"}, {".gitignore", "*.log\n"}});
  const auto& job = run_job(
      maker()
          .git("demo/project", "main", sha)
          .field("artifacts", json::array({{{"untracked", true}, {"expire_in", "1 week"}},
                                           {{"paths", {"*.xml"}},
                                            {"artifact_type", "junit"},
                                            {"artifact_format", "gzip"},
                                            {"name", "reports"}},
                                           {{"paths", {"one.env"}},
                                            {"artifact_type", "dotenv"},
                                            {"artifact_format", "raw"}}}))
          .script({"echo a > a.xml; echo b > b.xml; echo K=V > one.env; echo l > ignored.log"}));
  ASSERT_EQ(job.state, JobState::success) << plain_text(job.trace);
  ASSERT_THAT(names(job), ElementsAre("artifacts.zip", "reports.gz", "artifacts"));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("untracked: found 4 files"));
  EXPECT_THAT(job.artifacts[0].content, AllOf(HasSubstr("ignored.log"), Not(HasSubstr("tracked"))));
  EXPECT_EQ(job.artifacts[0].expire_in, "1 week");
  EXPECT_EQ(job.artifacts[1].format, "gzip");
  EXPECT_EQ(job.artifacts[2].content, "K=V\n");
}

TEST_F(ArtifactJobs, OnesThatCannotBeHadOrGivenFailTheJob) {
  gitlab().faults().fail_next(Endpoint::upload_artifacts, 413);
  const auto& made = run_job(maker().artifacts({"f"}).script({"touch f"}));
  EXPECT_EQ(made.failure_reason, "script_failure");
  EXPECT_EQ(made.exit_code, 1);
  EXPECT_THAT(plain_text(made.trace), AllOf(HasSubstr("413"), HasSubstr("FATAL: too large"),
                                            HasSubstr("Job failed: exit code 1")));

  const auto& missing = run_job(maker()
                                    .dependency(made.id, made.token.reveal(), "made", "f.zip", 7)
                                    .artifacts({"f"}, "late", "always")
                                    .script({"echo never"})
                                    .after_script({"echo never"}));
  EXPECT_EQ(missing.failure_reason, "script_failure");
  EXPECT_THAT(plain_text(missing.trace),
              AllOf(HasSubstr("Downloading artifacts from coordinator... not found"),
                    HasSubstr("FATAL: file does not exist"),
                    HasSubstr("Uploading artifacts for failed job"), Not(HasSubstr("never"))));
}

TEST_F(ArtifactJobs, SurviveACoordinatorThatIsAwayOverTheirUpload) {
  const auto id = gitlab().enqueue(
      maker().artifacts({"f"}).script({"head -c 3000000 /dev/urandom > f; echo made; sleep 2"}));
  run_until_text(id, "made");
  gitlab().set_presence(Presence::refusing);
  // Longer than all tries of one upload together.
  pump_for(20s);
  gitlab().set_presence(Presence::there);
  const auto& job = run_until_finished(id, 120s);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(names(job), ElementsAre("artifacts.zip"));
  EXPECT_THAT(plain_text(job.trace),
              HasSubstr("WARNING: The coordinator did not answer. This is tried again when it "
                        "does."));
}

TEST_F(ArtifactJobs, AHelperThatAloneDoesNotReachTheCoordinatorFailsTheJobSoon) {
  // Two rounds of three tries: in the first it may have been away too shortly to be noticed.
  gitlab().faults().drop_next(Endpoint::upload_artifacts, local::FaultPoint::before_processing, 6);
  const auto& job = run_job(maker().artifacts({"f"}).script({"touch f"}));
  EXPECT_EQ(job.failure_reason, "script_failure") << plain_text(job.trace);
  EXPECT_EQ(job.exit_code, 1);
  EXPECT_EQ(gitlab().faults().pending(), 0u);
}

TEST_F(ScenarioJobs, S12_AnImageBetweenJobs) {
  start_registry();
  const auto base = pushed("library/busybox:latest");
  const auto& made = run_job(
      tls_job()
          .service(dind())
          .variable("T", registry() + "/acme/large:1")
          .field("artifacts", json::array({{{"paths", {"image.tar.gz"}},
                                            {"expire_in", "1 hour"},
                                            {"artifact_type", "archive"},
                                            {"artifact_format", "zip"}}}))
          .script({"echo 'FROM " + base +
                       "\nRUN head -c 210000000 /dev/urandom > /payload && sha1sum /payload > /sum'"
                       " | docker build -q -t $T -",
                   "docker save $T | gzip -1 > image.tar.gz"}),
      300s);
  ASSERT_EQ(made.state, JobState::success) << plain_text(made.trace);
  ASSERT_EQ(made.artifacts.size(), 1u);
  EXPECT_GT(made.artifacts.front().content.size(), 200u << 20);
  EXPECT_EQ(made.artifacts.front().expire_in, "1 hour");
  const auto& used =
      run_job(tls_job()
                  .service(dind())
                  .variable("T", registry() + "/acme/large:1")
                  .dependency(made.id, made.token.reveal(), "build", "artifacts.zip", 1)
                  .script({"docker images -q | wc -l", "docker load < image.tar.gz",
                           "docker run --rm $T sha1sum -c /sum", "docker push -q $T"}),
              300s);
  EXPECT_EQ(used.state, JobState::success) << plain_text(used.trace);
  EXPECT_THAT(plain_text(used.trace),
              AllOf(HasSubstr("\n0\n"), HasSubstr("Loaded image: "), HasSubstr("/payload: OK")));
}

}  // namespace
}  // namespace slipway::tests
