// What [runners.docker.dind] does for Docker-in-Docker services, with a real engine inside.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "executors/docker/labels.hpp"
#include "tests/integration/daemon_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr auto cli_image = "docker:24.0.5-cli";
constexpr auto dind_image = "docker:24.0.5-dind";

class DindFeatures : public DockerJobs {
 protected:
  void SetUp() override {
    DockerJobs::SetUp();
    docker().image = cli_image;
    docker().privileged = true;
    docker().volumes = {"/certs/client", "/cache"};
    // Machines that build beside are slow.
    docker().wait_for_services_timeout = 90s;
  }

  std::string log_of(const local::JobRecord& job) {
    const auto log = plain_text(job.trace);
    EXPECT_EQ(job.state, JobState::success) << log;
    EXPECT_THAT(log, Not(HasSubstr("probably didn't start properly")));
    return log;
  }

  /// Names of the kept volumes of layers.
  std::vector<std::string> layer_volumes() {
    std::vector<std::string> names;
    const auto filter =
        std::string{executors::docker::volume_label} + "=" + executors::docker::volume_of_layers;
    run([&](docker_api::Client& engine) -> asio::awaitable<void> {
      const std::vector<std::string> labels{filter};
      const auto volumes = co_await engine.list_volumes(labels);
      for (const auto& volume : volumes)
        if (volume.labels.at(executors::docker::state_label) == state_id_)
          names.push_back(volume.name);
    });
    return names;
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

JobBuilder plain_job() {
  JobBuilder job;
  job.image(cli_image)
      .service(dind_image)
      .variable("DOCKER_HOST", "tcp://docker:2375")
      .variable("DOCKER_TLS_CERTDIR", "");
  return job;
}

/// What follows `mark` on its line.
std::string after(const std::string& log, const std::string& mark) {
  const auto at = log.find(mark);
  if (at == std::string::npos) return "(nothing)";
  const auto from = at + mark.size();
  return log.substr(from, log.find('\n', from) - from);
}

TEST_F(DindFeatures, CertificatesAreMintedForEachJobAlone) {
  docker().volumes = {"/certs", "/cache"};
  const std::vector<std::string> script{
      "docker info >/dev/null",
      "test ! -e /certs/ca/key.pem",
      "openssl x509 -in /certs/server/cert.pem -noout -text | grep -E 'Issuer:|Key Algorithm'",
      "openssl verify -CAfile /certs/ca/cert.pem /certs/server/cert.pem /certs/client/cert.pem",
      "openssl verify -purpose sslserver -verify_hostname docker -CAfile /certs/ca/cert.pem "
      "/certs/server/cert.pem",
      "stat -c 'key %a' /certs/server/key.pem",
      "openssl x509 -in /certs/client/cert.pem -noout -fingerprint"};
  std::set<std::string> sums;
  for (int i = 0; i < 2; ++i) {
    auto payload = tls_job();
    auto lines = script;
    if (i == 1) {
      // Both engines of a job take the one client certificate.
      payload.service(dind_image, "second");
      lines.emplace_back("docker -H tcp://second:2376 info >/dev/null");
    }
    const auto log = log_of(run_job(payload.script(lines), 240s));
    EXPECT_THAT(log, HasSubstr("slipway dind CA"));
    EXPECT_THAT(log, HasSubstr("id-ecPublicKey"));
    EXPECT_THAT(log, HasSubstr("key 644"));
    EXPECT_THAT(log, HasSubstr("Docker-in-Docker: the certificates of docker:24.0.5-dind are made "
                               "by slipway (mint_certs)"));
    EXPECT_THAT(log, HasSubstr("/certs is a volume of this job alone (isolate_certs)"));
    sums.insert(after(log, " Fingerprint="));
  }
  EXPECT_THAT(sums, testing::SizeIs(2));
}

TEST_F(DindFeatures, JobsAtTheSameTimeShareNothing) {
  config.concurrent = 2;
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 4; ++i)
    ids.push_back(gitlab().enqueue(
        tls_job().script({"for i in 1 2 3; do docker version >/dev/null; sleep 1; done",
                          "openssl x509 -in /certs/client/cert.pem -noout -fingerprint"})));
  std::set<std::string> sums;
  for (const auto id : ids)
    sums.insert(after(log_of(run_until_finished(id, 400s)), " Fingerprint="));
  EXPECT_THAT(sums, testing::SizeIs(ids.size()));
}

TEST_F(DindFeatures, WithEverythingOffTheImageDoesItAll) {
  docker().volumes = {"/certs", "/cache"};
  auto& dind = docker().dind;
  dind.isolate_certs = dind.mint_certs = dind.plain_tls_flag = dind.mtu = dind.dns = false;
  const auto log = log_of(
      run_job(tls_job().script(
                  {"docker info >/dev/null", "test -s /certs/ca/key.pem",
                   "openssl x509 -in /certs/server/cert.pem -noout -text | grep 'Key Algorithm'"}),
              300s));
  EXPECT_THAT(log, HasSubstr("rsaEncryption"));
  EXPECT_THAT(log, Not(HasSubstr("Docker-in-Docker:")));
}

TEST_F(DindFeatures, PlainTcpIsTurnedOnByFlag) {
  docker().volumes = {"/cache"};
  const auto log = log_of(run_job(plain_job().script({"docker version"}), 240s));
  EXPECT_THAT(log, HasSubstr("docker:24.0.5-dind is started with --tls=false (plain_tls_flag)"));
  EXPECT_THAT(log, Not(HasSubstr("mint_certs")));
}

/// The plan is made anew by the next process, and must be the same.
class AdoptedDind : public DaemonJobs {};

TEST_F(AdoptedDind, KeepsItsEngineItsCertificatesAndItsVolumes) {
  docker().privileged = true;
  docker().volumes = {"/certs/client", "/cache"};
  start();
  const std::vector<std::string> script{
      "for i in $(seq 1 12); do docker version >/dev/null; echo \"round $i\"; sleep 1; done"};
  const auto id = gitlab().enqueue(tls_job().script(script).after_script({"docker info"}));
  wait_for_output(id, "round 2\n");
  kill();
  pump(1s);
  start();
  const auto& job = wait_for_end(id, 120s);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("\nround 12\n"));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("Server Version"));
  wait_until_settled();
}

class LayerCache : public DindFeatures {
 protected:
  void SetUp() override {
    DindFeatures::SetUp();
    docker().dind.layer_cache = config::Dind::LayerCache::slot;
    docker().volumes = {"/cache"};
  }

  std::string build(std::vector<std::string> more = {}) {
    std::vector<std::string> script{
        "echo \"containers=$(docker ps -aq | wc -l) volumes=$(docker volume ls -q | wc -l)\"",
        "mkdir context && cd context && echo one >a && echo two >b",
        "printf 'FROM scratch\\nCOPY a /a\\nCOPY b /b\\n' >Dockerfile", "touch -d 2001-01-01 a b",
        "DOCKER_BUILDKIT=0 docker build -t built ."};
    script.insert(script.end(), more.begin(), more.end());
    const auto log = log_of(run_job(plain_job().script(script), 300s));
    // Its number is the next job's only when it is all gone.
    let_jobs_settle();
    return log;
  }

  /// Runs a shell on the only kept volume, at /v.
  void on_volume(const std::string& script) {
    const auto volumes = layer_volumes();
    ASSERT_EQ(volumes.size(), 1u);
    auto spec = busybox({"sh", "-c", script});
    spec.binds = {volumes.front() + ":/v"};
    run([&](docker_api::Client& engine) -> asio::awaitable<void> {
      const auto finished = co_await run_container(engine, spec);
      EXPECT_EQ(finished.exit_code, 0) << finished.output;
    });
  }
};

/// An image of a shell and `sleep`, made from the job's own.
constexpr auto make_tiny =
    "tar ch /bin/sh /bin/sleep $(ldd /bin/sh /bin/sleep | grep -o '/lib[^ ]*' | sort -u) "
    "2>/dev/null | docker import - tiny >/dev/null";
constexpr auto kill_engine =
    "docker run --rm --pid=host tiny /bin/sh -c 'for p in /proc/[0-9]*; do read c <$p/comm; "
    "[ \"$c\" != dockerd ] || kill -9 ${p#/proc/}; done' || true";

TEST_F(LayerCache, KeepsLayersAndNothingThatRan) {
  const auto first = build({make_tiny, "docker volume create kept",
                            "docker run -d --restart=always --name ghost tiny /bin/sleep 1000",
                            "sleep 1", kill_engine});
  EXPECT_THAT(first, HasSubstr("stay for the next job of this slot (layer_cache = \"slot\")"));
  EXPECT_THAT(first, Not(HasSubstr("Using cache")));
  EXPECT_EQ(layer_volumes().size(), 1u);

  const auto second = build({"docker image inspect tiny >/dev/null", "sleep 3",
                             "echo \"ghosts=$(docker ps -aq | wc -l)\""});
  EXPECT_THAT(second, HasSubstr("\ncontainers=0 volumes=0\n"));
  EXPECT_THAT(second, HasSubstr("\nghosts=0\n"));
  EXPECT_THAT(second, HasSubstr("Using cache"));
}

TEST_F(LayerCache, IsNeverSharedAndDoesNotKeepAJobFromRunning) {
  build();
  const auto volumes = layer_volumes();
  ASSERT_EQ(volumes.size(), 1u);

  // A container that was left behind, as an engine of a job whose removal failed would be.
  std::string leftover;
  run([&](docker_api::Client& engine) -> asio::awaitable<void> {
    auto spec = busybox({"true"});
    spec.binds = {volumes.front() + ":/v"};
    leftover = co_await engine.create_container(spec);
  });
  const auto beside = build();
  EXPECT_THAT(beside, HasSubstr("starts without its layer cache"));
  EXPECT_THAT(beside, Not(HasSubstr("Using cache")));
  run([&](docker_api::Client& engine) -> asio::awaitable<void> {
    co_await engine.remove_container(leftover, true, true);
  });
  EXPECT_EQ(layer_volumes(), volumes);

  // A job may leave anything in it: the next one goes without.
  on_volume("rm -rf /v/containers && echo >/v/containers");
  const auto broken = build();
  EXPECT_THAT(broken, HasSubstr("its layer cache is removed"));
}

}  // namespace
}  // namespace slipway::tests
