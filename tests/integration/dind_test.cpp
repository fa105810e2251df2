// Docker-in-Docker: the documented jobs with a real engine inside.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/docker_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr auto cli_image = "docker:24.0.5-cli";
constexpr auto dind_image = "docker:24.0.5-dind";

class DindJobs : public DockerJobs {
 protected:
  void SetUp() override {
    DockerJobs::SetUp();
    docker().image = cli_image;
    docker().privileged = true;
    docker().volumes = {"/certs/client", "/cache"};
  }
};

JobBuilder tls_job() {
  JobBuilder job;
  job.image(cli_image)
      .service(dind_image)
      .variable("DOCKER_HOST", "tcp://docker:2376")
      .variable("DOCKER_TLS_CERTDIR", "/certs")
      .variable("DOCKER_TLS_VERIFY", "1")
      .variable("DOCKER_CERT_PATH", "$DOCKER_TLS_CERTDIR/client");
  return job;
}

// S1b
TEST_F(DindJobs, S1bTlsWithExplicitVariables) {
  const auto& job = run_job(tls_job().script({"docker info", "docker version"}), 120s);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  const auto log = plain_text(job.trace);
  EXPECT_THAT(log, HasSubstr("Starting service docker:24.0.5-dind..."));
  EXPECT_THAT(log, HasSubstr("Waiting for services to be up and running (timeout 30 seconds)..."));
  EXPECT_THAT(log, Not(HasSubstr("probably didn't start properly")));
  EXPECT_THAT(log, HasSubstr("Server Version"));
}

// S1: the image's entrypoint finds the engine by itself.
TEST_F(DindJobs, S1TlsWithCertdirOnly) {
  JobBuilder payload;
  payload.image(cli_image)
      .service(dind_image)
      .variable("DOCKER_TLS_CERTDIR", "/certs")
      .script({"docker info"});
  const auto& job = run_job(payload, 120s);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
}

// S2
TEST_F(DindJobs, S2WithoutTls) {
  docker().volumes = {"/cache"};
  JobBuilder payload;
  payload.image(cli_image)
      .service(dind_image)
      .variable("DOCKER_HOST", "tcp://docker:2375")
      .variable("DOCKER_TLS_CERTDIR", "")
      .script({"docker info"});
  const auto& job = run_job(payload, 120s);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), Not(HasSubstr("probably didn't start properly")));
}

// S3
TEST_F(DindJobs, S3UnixSocketOnASharedVolume) {
  docker().volumes = {"/runner/services/docker"};
  JobBuilder payload;
  payload.image(cli_image)
      .service(dind_image)
      .variable("DOCKER_HOST", "unix:///runner/services/docker/docker.sock")
      .script({"docker version"});
  const auto& job = run_job(payload, 120s);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
}

// S13: the builds volume is at the same path in the service, so inner binds work.
TEST_F(DindJobs, S13BuildsAndSourcesInOneJob) {
  const auto sha = make_repository(
      {{"Dockerfile", "FROM scratch\nCOPY hello /hello\n"}, {"hello", "hello from an image\n"}});
  const auto& job =
      run_job(tls_job()
                  .git("demo/project", "main", sha)
                  .script({"docker build -t image .", "docker create --name made image /hello",
                           "docker cp made:/hello - | tar x -O", "docker image ls"}),
              120s);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("hello from an image"));
}

TEST_F(DindJobs, E39_AnUnprivilegedServiceIsReportedWithItsLastLinesAndAHint) {
  docker().services_privileged = false;
  const auto& job = run_job(tls_job().script({"echo the script still runs"}), 120s);
  const auto log = plain_text(job.trace);
  EXPECT_EQ(job.state, JobState::success) << log;
  EXPECT_THAT(log, HasSubstr("probably didn't start properly"));
  EXPECT_THAT(log, HasSubstr("privileged = true"));
  EXPECT_THAT(log, HasSubstr("the script still runs"));
}

TEST_F(DindJobs, AServiceThatExitsAtOnceShowsItsLastLines) {
  JobBuilder payload;
  local::ServiceSpec service;
  service.name = image;
  service.alias = "broken";
  service.entrypoint = {"sh", "-c", "echo cannot start: no disk >&2; exit 4"};
  payload.image(image).service(service).script({"echo on"});
  const auto& job = run_job(payload);
  const auto log = plain_text(job.trace);
  EXPECT_EQ(job.state, JobState::success) << log;
  EXPECT_THAT(log, HasSubstr("ended with exit code 4"));
  EXPECT_THAT(log, HasSubstr("cannot start: no disk"));
}

}  // namespace
}  // namespace slipway::tests
