// The documented ways to run Docker in a job, as users write them (S<number>). The plainest are in
// dind_test.cpp, those with a registry in registry_scenarios_test.cpp.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/integration/scenario_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using local::ServiceSpec;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

TEST_F(ScenarioJobs, S1c_TheCertificateDirectoryOnJobAndService) {
  auto service = dind();
  service.variables = {{"DOCKER_TLS_CERTDIR", "/certs"}, {"ONLY_FOR_THE_SERVICE", "yes"}};
  const auto log = log_of_success(
      tls_job().service(service).script({"docker info", "echo \"[$ONLY_FOR_THE_SERVICE]\""}));
  EXPECT_THAT(log, AllOf(HasSubstr("Server Version"), HasSubstr("\n[]\n")));
}

TEST_F(ScenarioJobs, S3_AStaleSocketOfAnEarlierJobDoesNoHarm) {
  docker().volumes = {"/runner/services/docker"};
  for (int round = 0; round < 2; ++round)
    log_of_success(JobBuilder{}
                       .image(cli_image)
                       .service(dind_image)
                       .variable("DOCKER_HOST", "unix:///runner/services/docker/docker.sock")
                       .script({"docker version"}));
}

TEST_F(ScenarioJobs, S4_TheHostsSocket) {
  docker().privileged = false;
  docker().volumes = {engine_socket() + ":/var/run/docker.sock", "/cache"};
  const auto log = log_of_success(JobBuilder{}.image(cli_image).script(
      {"docker version",
       "docker ps --filter label=com.gitlab.gitlab-runner.job.id=$CI_JOB_ID "
       "--format 'own container {{.Names}}'",
       "docker run --rm busybox:latest echo a sibling speaks"}));
  EXPECT_THAT(log, AllOf(HasSubstr("own container runner-"), HasSubstr("a sibling speaks")));
}

TEST_F(ScenarioJobs, S9_AnExplicitPortForTheHealthCheck) {
  auto service = dind();
  service.variables = {{"HEALTHCHECK_TCP_PORT", "2376"}};
  EXPECT_THAT(log_of_success(tls_job().service(service).script({"docker info"})),
              Not(HasSubstr("probably didn't start properly")));
}

TEST_F(ScenarioJobs, S11_S14_TheStorageDriverAndAReadinessLoop) {
  // The stand-in's engine chooses overlay2 itself.
  const auto log = log_of_success(tls_job()
                                      .service(dind_image)
                                      .variable("DOCKER_DRIVER", "vfs")
                                      .script({"until docker info; do sleep 1; done"}));
  EXPECT_THAT(log, HasSubstr("Storage Driver: vfs"));
}

TEST_F(ScenarioJobs, S16_FourDindJobsAtOnce) {
  config.concurrent = 4;
  config.runners.front().request_concurrency = 4;
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 4; ++i)
    ids.push_back(gitlab().enqueue(
        tls_job()
            .service(dind_image)
            .script({"docker info --format 'engine {{.ID}}'", "sleep 2",
                     "docker info --format 'still {{.ID}}'", "md5sum /certs/client/key.pem"})));
  std::set<std::string> engines;
  std::set<std::string> keys;
  for (const auto id : ids) {
    const auto& job = run_until_finished(id, 300s);
    EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
    const auto log = plain_text(job.trace);
    const auto line = [&](const std::string& start) {
      const auto at = log.find("\n" + start);
      return at == std::string::npos ? "" : log.substr(at + 1, log.find('\n', at + 1) - at - 1);
    };
    const auto engine = line("engine ");
    EXPECT_EQ("engine" + line("still ").substr(5), engine) << log;
    engines.insert(engine);
    keys.insert(log.substr(log.rfind("  /certs/client/key.pem") - 32, 32));
  }
  EXPECT_EQ(engines.size(), ids.size());
  EXPECT_EQ(keys.size(), ids.size());
}

TEST_F(ScenarioJobs, S18_InTheJobsOwnNetwork) {
  config.runners.front().feature_flags["FF_NETWORK_PER_BUILD"] = true;
  docker().network_mtu = 1402;
  const auto log = log_of_success(
      tls_job()
          .service(dind({"--mtu=1360", "--dns=127.0.0.11"}))
          .script({"docker info", "nslookup docker", "cat /sys/class/net/eth0/mtu"}));
  EXPECT_THAT(log, AllOf(HasSubstr("127.0.0.11"), HasSubstr("\n1402\n")));
}

TEST_F(ScenarioJobs, S15_BuildahWithoutADaemon) {
  start_registry();
  docker().privileged = false;
  docker().volumes = {"/cache"};
  // It makes a user namespace, which the Engine's default profile refuses to all but the
  // privileged.
  docker().security_opt = {"seccomp=unconfined"};
  const auto sha =
      make_repository({{"Dockerfile", "FROM scratch\nCOPY file /file\n"}, {"file", "content\n"}});
  log_of_success(JobBuilder{}
                     .image("quay.io/buildah/stable:latest")
                     .git("demo/project", "main", sha)
                     .variable("STORAGE_DRIVER", "vfs")
                     .variable("BUILDAH_FORMAT", "docker")
                     .variable("IMG", registry() + "/group/project:1")
                     .script({"buildah build -t $IMG .", "buildah push --tls-verify=false $IMG"}));
}

// The machine cannot run rootless engines: which container would be privileged is what counts.
TEST_F(ScenarioJobs, S17_OnlyTheRootlessServiceIsPrivileged) {
  docker().privileged = false;
  docker().services_privileged = true;
  docker().allowed_privileged_services = {"docker:*-dind-rootless", "docker:dind-rootless"};
  docker().network_mode = "bridge";
  const auto tag = [](const char* method, const std::string& target) {
    shell(fmt::format("curl -sf -X {} --unix-socket '{}' 'http://engine/images/{}'", method,
                      engine_socket(), target));
  };
  tag("POST", "busybox:latest/tag?repo=docker&tag=24-dind-rootless");
  const auto capabilities = "grep CapEff /proc/self/status >/caps/";
  docker().volumes = {"/caps"};
  ServiceSpec rootless;
  rootless.name = "docker:24-dind-rootless";
  rootless.entrypoint = {"sh", "-c", std::string{capabilities} + "rootless; exec sleep 600"};
  ServiceSpec other;
  other.name = "busybox:latest";
  other.alias = "other";
  other.entrypoint = {"sh", "-c", std::string{capabilities} + "other; exec sleep 600"};
  docker().wait_for_services_timeout = -1s;
  const auto log = log_of_success(JobBuilder{}.image(image).service(rootless).service(other).script(
      {"sleep 1; grep . /caps/rootless /caps/other",
       "grep CapEff /proc/self/status | sed s/^/job:/"}));
  tag("DELETE", "docker:24-dind-rootless");
  constexpr auto usual = "00000000a80425fb";
  EXPECT_THAT(log, AllOf(HasSubstr(fmt::format("other:CapEff:\t{}", usual)),
                         HasSubstr(fmt::format("job:CapEff:\t{}", usual)),
                         Not(HasSubstr(fmt::format("rootless:CapEff:\t{}", usual)))));
}

}  // namespace
}  // namespace slipway::tests
