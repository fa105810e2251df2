// The documented ways to use registries and proxies from a job with Docker-in-Docker (S<number>).

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/forward_proxy.hpp"
#include "tests/integration/scenario_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::ServiceSpec;
using local::VariableFlags;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::vector<std::string> pull_from_hub{"docker pull busybox",
                                             "docker run --rm busybox echo mirrored"};

TEST_F(ScenarioJobs, S5_AProxyForTheJobTheServiceAndWhatTheyStart) {
  start_registry();
  ForwardProxy proxy{coordinator_address()};
  auto& runner = config.runners.front();
  runner.environment = {{"HTTP_PROXY", proxy.url()},
                        {"HTTPS_PROXY", proxy.url()},
                        {"NO_PROXY", "docker:2375,docker:2376"}};
  runner.pre_build_script = fmt::format(
      "mkdir -p $HOME/.docker/\n"
      "echo \"{{ \\\"proxies\\\": {{ \\\"default\\\": {{ \\\"httpProxy\\\": \\\"{0}\\\", "
      "\\\"httpsProxy\\\": \\\"{0}\\\", \\\"noProxy\\\": \\\"127.0.0.0/8\\\" }} }} }}\" "
      "> $HOME/.docker/config.json",
      proxy.url());
  const auto name = pushed("library/busybox:latest");
  const auto log = log_of_success(tls_job().service(dind()).script(
      {"docker pull -q " + name, "docker run --rm " + name + " env"}));
  EXPECT_THAT(log, HasSubstr("HTTP_PROXY=" + proxy.url()));
  EXPECT_THAT(proxy.log(), HasSubstr(registry()));
}

TEST_F(ScenarioJobs, S6a_AMirrorByTheJob) {
  start_registry();
  pushed("library/busybox:latest");
  ServiceSpec service;
  service.name = dind_image;
  service.command = {"--registry-mirror", "http://" + registry()};
  EXPECT_THAT(log_of_success(tls_job().service(service).script(pull_from_hub)),
              HasSubstr("mirrored"));
}

TEST_F(ScenarioJobs, S6b_AMirrorByTheRunner) {
  start_registry();
  pushed("library/busybox:latest");
  config::Service service;
  service.name = dind_image;
  service.command = {"--registry-mirror", "http://" + registry()};
  docker().services = {service};
  EXPECT_THAT(log_of_success(tls_job().script(pull_from_hub)), HasSubstr("mirrored"));
}

TEST_F(ScenarioJobs, S6c_AMirrorByAMountedFile) {
  start_registry();
  pushed("library/busybox:latest");
  const nlohmann::json content{{"registry-mirrors", {"http://" + registry()}}};
  docker().volumes.push_back(host_file("daemon.json", content.dump()) +
                             ":/etc/docker/daemon.json:ro");
  EXPECT_THAT(log_of_success(tls_job().service(dind_image).script(pull_from_hub)),
              HasSubstr("mirrored"));
}

TEST_F(ScenarioJobs, S7a_DockerLoginInTheJob) {
  start_registry(true);
  const auto name = pushed("group/project:1");
  const auto log = log_of_success(
      tls_job()
          .service(dind())
          .variable("REG", registry())
          .variable("REG_USER", user)
          .masked_variable("REG_PASS", password)
          .script({"if docker pull " + name + "; then echo pulled $((1 + 1)) early; fi",
                   "echo \"$REG_PASS\" | docker login $REG --username $REG_USER --password-stdin",
                   "docker pull -q " + name, "docker tag " + name + " $REG/group/project:2",
                   "docker push -q $REG/group/project:2"}));
  EXPECT_THAT(log, AllOf(HasSubstr("Login Succeeded"), Not(HasSubstr("pulled 2 early")),
                         HasSubstr("no basic auth credentials"), Not(HasSubstr(password))));
}

TEST_F(ScenarioJobs, S7b_MountedCredentials) {
  auto& closed = start_registry(true);
  const auto name = pushed("group/project:1");
  docker().volumes.push_back(host_file("config.json", closed.client_config(registry())) +
                             ":/root/.docker/config.json:ro");
  log_of_success(tls_job().service(dind()).script({"docker pull -q " + name}));
}

TEST_F(ScenarioJobs, S7c_TheVariableDockerAuthConfig) {
  auto& closed = start_registry(true);
  closed.push(image, "group/project:1");
  const auto name = closed.host() + "/group/project:1";
  docker().pull_policy = {"always"};
  // As a file the variable is a path, for the job; the runner reads what is in it.
  VariableFlags file;
  file.file = true;
  for (const bool as_file : {false, true}) {
    const auto log = log_of_success(
        JobBuilder{}
            .image(name)
            .variable("DOCKER_AUTH_CONFIG", closed.client_config(),
                      as_file ? file : VariableFlags{})
            .script({as_file ? "cat $DOCKER_AUTH_CONFIG" : "echo \"$DOCKER_AUTH_CONFIG\""}));
    EXPECT_THAT(log, AllOf(HasSubstr("Authenticating with credentials from $DOCKER_AUTH_CONFIG"),
                           HasSubstr("\"auths\"")));
    shell(fmt::format("docker rmi '{}' || true", name));
  }
}

TEST_F(ScenarioJobs, S7d_TheRegistryOfGitLab) {
  start_registry(true);
  const auto name = pushed("group/project:1");
  const auto log = log_of_success(
      tls_job()
          .service(dind())
          .variable("CI_REGISTRY", registry())
          .variable("CI_REGISTRY_USER", user)
          .masked_variable("CI_REGISTRY_PASSWORD", password)
          .script({"docker login -u $CI_REGISTRY_USER -p $CI_REGISTRY_PASSWORD $CI_REGISTRY",
                   "docker pull -q " + name, "echo $CI_REGISTRY_PASSWORD"}));
  EXPECT_THAT(log, AllOf(HasSubstr("Login Succeeded"), HasSubstr("\n[MASKED]\n")));
}

TEST_F(ScenarioJobs, S8_AServiceImageBehindARegistryHost) {
  // Already there by its full name, so that nothing of 500 MB is pushed.
  shell(
      fmt::format("curl -sf -X POST --unix-socket '{}' 'http://engine/images/{}/tag?repo="
                  "registry.hub.docker.com/library/docker&tag=24.0.5-dind'",
                  engine_socket(), dind_image));
  ServiceSpec service;
  service.name = "registry.hub.docker.com/library/docker:24.0.5-dind";
  // Where no name server answers, the lookup takes longer than anybody waits.
  const auto& without = run_job(tls_job().service(service).script({"timeout 5 docker info"}),
                                std::chrono::seconds{180});
  EXPECT_EQ(without.state, local::JobState::failed) << plain_text(without.trace);
  service.alias = "docker";
  log_of_success(tls_job().service(service).script({"docker info"}));
  shell(
      fmt::format("curl -sf -X DELETE --unix-socket '{}' 'http://engine/images/"
                  "registry.hub.docker.com/library/docker:24.0.5-dind'",
                  engine_socket()));
}

TEST_F(ScenarioJobs, S10_LayersFromTheLastImage) {
  const auto sha = make_repository(
      {{"Dockerfile", "ARG BASE\nFROM $BASE\nCOPY file /file\nRUN cat /file >/built\n"},
       {"file", "content\n"}});
  start_registry();
  const auto base = pushed("library/busybox:latest");
  const auto name = registry() + "/group/project";
  for (int round = 0; round < 2; ++round) {
    const auto log = log_of_success(
        tls_job()
            .service(dind())
            .git("demo/project", "main", sha)
            .variable("IMG", name)
            .script({"docker pull $IMG:latest || true",
                     "docker build --build-arg BASE=" + base +
                         " --cache-from $IMG:latest --tag $IMG:$CI_COMMIT_SHA --tag $IMG:latest .",
                     "docker push $IMG:$CI_COMMIT_SHA", "docker push $IMG:latest"}));
    EXPECT_THAT(log, round == 0 ? testing::Matcher<std::string>{Not(HasSubstr("Using cache"))}
                                : testing::Matcher<std::string>{HasSubstr("Using cache")});
  }
}

}  // namespace
}  // namespace slipway::tests
