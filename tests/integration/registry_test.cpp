// Images from a real registry, with and without a password: E16, E17, E19 and E20 of the executor's
// edge cases. Most need no job: an Engine that jobs share resolves the image.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "executors/docker/docker_executor.hpp"
#include "executors/docker/engine.hpp"
#include "executors/docker/job_images.hpp"
#include "job/failure.hpp"
#include "tests/fakes/run_test.hpp"
#include "tests/integration/engine_test.hpp"
#include "tests/integration/private_engine.hpp"
#include "tests/integration/registry_server.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::tests {
namespace {

using executors::docker::ImagePlan;
using executors::docker::JobImages;
using executors::docker::RegistryPlan;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;
using SharedEngine = executors::docker::Engine;
using Words = std::vector<std::string>;

constexpr auto password = "corr3ct+h0rse/=";

struct Log : executors::JobLog {
  void write(job::LogStream, job::LogKind, std::string_view bytes) override { text += bytes; }
  void flush(job::LogStream) override {}
  void add_masked_value(std::string value) override { masked.push_back(std::move(value)); }
  std::string text;
  Words masked;
};

/// One job's way to its image.
struct Outcome {
  Log log;
  std::string failure;
  job::FailureReason reason{};
  docker_api::ImageDetails image;
};

class RegistryTest : public EngineTest {
 protected:
  void TearDown() override {
    for (const auto& name : names_)
      shell(fmt::format("docker rmi '{}' >/dev/null 2>&1 || true", name));
    EngineTest::TearDown();
  }

  static RegistryServer::Options with_password() {
    RegistryServer::Options options;
    options.user = "user";
    options.password = password;
    return options;
  }

  ImagePlan image(const std::string& name, Words policies = {"always"}) {
    // By its id it would be gone under all its names.
    if (!name.starts_with("sha256:")) names_.insert(name);
    ImagePlan plan;
    plan.name = name;
    plan.policies = std::move(policies);
    return plan;
  }

  static SharedEngine::Settings settings() {
    SharedEngine::Settings settings;
    const char* bin = std::getenv("SLIPWAY_BIN_DIR");
    settings.helper_binary = std::string{bin == nullptr ? "." : bin} + "/slipway-helper";
    return settings;
  }

  static RegistryPlan variable(std::string config) {
    RegistryPlan plan;
    plan.auth_config = util::Secret{std::move(config)};
    return plan;
  }

  static asio::awaitable<void> try_one(SharedEngine& engine, ImagePlan plan, JobImages& images,
                                       Outcome& outcome) {
    try {
      outcome.image = co_await engine.resolve_image(std::move(plan), images, outcome.log);
    } catch (const job::Failure& failure) {
      outcome.failure = failure.what();
      outcome.reason = failure.reason();
    }
  }

  /// Resolves all at the same time, each as a job of its own.
  static std::vector<Outcome> resolve_all(std::vector<std::pair<ImagePlan, RegistryPlan>> jobs) {
    std::vector<Outcome> outcomes(jobs.size());
    const auto body = [&]() -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      SharedEngine engine{executor, settings()};
      co_await engine.connect();
      std::vector<std::unique_ptr<JobImages>> images;
      std::vector<asio::awaitable<void>> tasks;
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        images.push_back(std::make_unique<JobImages>(executor, jobs[i].second));
        tasks.push_back(try_one(engine, jobs[i].first, *images.back(), outcomes[i]));
      }
      co_await util::run_all(std::move(tasks));
    };
    run_test(body, 120s);
    return outcomes;
  }
  static Outcome resolve(ImagePlan plan, RegistryPlan registry = {}) {
    std::vector<std::pair<ImagePlan, RegistryPlan>> jobs;
    jobs.emplace_back(std::move(plan), std::move(registry));
    return resolve_all(std::move(jobs)).front();
  }

  /// A container of the image, which goes at once.
  static void create(const std::string& reference) {
    const Words command{"true"};
    auto spec = busybox(command);
    spec.image = reference;
    run([&](docker_api::Client& engine) {
      return
          [](docker_api::Client& client, docker_api::ContainerSpec made) -> asio::awaitable<void> {
            const auto id = co_await client.create_container(made);
            co_await client.remove_container(id, true, true);
          }(engine, spec);
    });
  }

  std::set<std::string> names_;
};

TEST_F(RegistryTest, E19_EveryFormOfAReferenceIsPulledInspectedAndCreated) {
  RegistryServer registry;
  const auto digest = registry.push(EngineTest::image, "busybox");
  registry.push(EngineTest::image, "deep/path/of/app:1.2");
  const auto host = registry.host();
  const auto id = resolve(image(host + "/busybox")).image.id;
  const Words forms{host + "/busybox", host + "/deep/path/of/app:1.2", host + "/busybox@" + digest,
                    host + "/busybox:latest@" + digest, id};
  for (const auto& form : forms) {
    SCOPED_TRACE(form);
    const auto outcome = resolve(image(form));
    EXPECT_EQ(outcome.failure, "");
    EXPECT_EQ(outcome.image.id, id);
    if (form != id) {
      EXPECT_THAT(outcome.log.text, HasSubstr("Pulling docker image " + form + " ..."));
      EXPECT_THAT(outcome.log.text,
                  HasSubstr(fmt::format("Using docker image {} for {} with digest ", id, form)));
    }
    create(executors::docker::image_reference(outcome.image));
  }
  const auto wrong = resolve(image(host + "/busybox:other"));
  EXPECT_EQ(wrong.reason, job::FailureReason::runner_configuration_error);
  EXPECT_THAT(wrong.failure, HasSubstr("manifest unknown"));
}

TEST_F(RegistryTest, E20_OnlyTheRightCredentialsOpenAPrivateRegistry) {
  RegistryServer registry{with_password()};
  const auto name = registry.host() + "/group/app:1";
  registry.push(EngineTest::image, "group/app:1");
  const auto refused = job::FailureReason::runner_configuration_error;

  const auto nobody = resolve(image(name));
  EXPECT_THAT(nobody.failure, HasSubstr("no basic auth credentials"));
  EXPECT_EQ(nobody.reason, refused);
  EXPECT_THAT(nobody.log.text, Not(HasSubstr("Authenticating")));

  const auto wrong_auth = docker_api::encode_base64("user:wr0ng-password");
  const auto wrong_config =
      fmt::format(R"({{"auths":{{"{}":{{"auth":"{}"}}}}}})", registry.host(), wrong_auth);
  const auto wrong = resolve(image(name), variable(wrong_config));
  EXPECT_THAT(wrong.failure, HasSubstr("unauthorized: authentication required"));
  EXPECT_EQ(wrong.reason, refused);
  EXPECT_THAT(wrong.log.text,
              AllOf(HasSubstr("Authenticating with credentials from $DOCKER_AUTH_CONFIG"),
                    Not(HasSubstr("retrying"))));

  const auto right = resolve(image(name), variable(registry.client_config()));
  EXPECT_EQ(right.failure, "");
  EXPECT_THAT(right.log.text, AllOf(HasSubstr("Authenticating with credentials from "
                                              "$DOCKER_AUTH_CONFIG"),
                                    Not(HasSubstr(password))));
  EXPECT_THAT(right.log.masked, testing::Contains(password));

  // The longest path wins over another source and a wrong password for the host.
  auto longest = variable(wrong_config);
  longest.credentials.push_back(
      {"registry", registry.host() + "/group", "user", util::Secret{password}});
  const auto payload = resolve(image(name), longest);
  EXPECT_EQ(payload.failure, "");
  EXPECT_THAT(payload.log.text,
              HasSubstr("Authenticating with credentials from job payload (GitLab Registry)"));
}

TEST_F(RegistryTest, E20_AFileAndItsHelpersOpenAPrivateRegistry) {
  RegistryServer registry{with_password()};
  const auto name = registry.host() + "/app:1";
  registry.push(EngineTest::image, "app:1");
  char directory[] = "/tmp/slipway-helpers-XXXXXX";
  const std::string home = ::mkdtemp(directory);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (home + ":" + path).c_str(), 1);
  const auto program = home + "/docker-credential-stand-in";
  std::ofstream{program} << "#!/bin/sh\n[ $1 = list ] && echo '{\"" << registry.host()
                         << "\":\"user\"}' && exit\ncat >/dev/null\n"
                         << R"(echo '{"ServerURL":"","Username":"user","Secret":")" << password
                         << "\"}'\n";
  ::chmod(program.c_str(), 0755);
  std::filesystem::create_directories(home + "/.docker");
  RegistryPlan plan;
  plan.homes = {home};
  const Words configurations{
      registry.client_config(), R"({"credsStore": "stand-in"})",
      fmt::format(R"({{"credHelpers": {{"{}": "stand-in"}}}})", registry.host())};
  for (const auto& configuration : configurations) {
    std::ofstream{home + "/.docker/config.json"} << configuration;
    const auto outcome = resolve(image(name), plan);
    EXPECT_EQ(outcome.failure, "") << configuration;
    EXPECT_THAT(outcome.log.text,
                HasSubstr("Authenticating with credentials from " + home + "/.docker/config.json"));
  }
  ::setenv("PATH", path.c_str(), 1);
  std::filesystem::remove_all(home);
}

TEST_F(RegistryTest, E16_PoliciesAndTheirListsWithARegistryThatIsThereAndThatIsNot) {
  RegistryServer registry;
  const auto name = registry.host() + "/app:1";
  registry.push(EngineTest::image, "app:1");
  const auto never = resolve(image(name, {"never"}));
  EXPECT_EQ(never.reason, job::FailureReason::runner_system_failure);
  EXPECT_THAT(never.failure, HasSubstr("specified policies [never]"));

  const auto first = resolve(image(name, {"never", "if-not-present"}));
  EXPECT_EQ(first.failure, "");
  EXPECT_THAT(first.log.text,
              AllOf(HasSubstr("Using effective pull policy of [never if-not-present]"),
                    HasSubstr("Failed to pull image with policy \"never\": "),
                    HasSubstr("Attempt #2: Trying \"if-not-present\" pull policy"),
                    HasSubstr("Pulling docker image " + name)));

  auto asked = registry.requests().size();
  const auto present = resolve(image(name, {"if-not-present"}));
  EXPECT_THAT(present.log.text,
              HasSubstr("Using locally found image version due to \"if-not-present\""));
  EXPECT_EQ(registry.requests().size(), asked);

  // `always` asks, and downloads nothing that is there already.
  asked = registry.requests().size();
  const auto again = resolve(image(name));
  EXPECT_EQ(again.image.id, first.image.id);
  EXPECT_GE(registry.count("HEAD", "/manifests/", asked), 1);
  EXPECT_EQ(registry.count("GET", "/blobs/", asked), 0);

  registry.stop();
  const auto fallback = resolve(image(name, {"always", "if-not-present"}));
  EXPECT_EQ(fallback.failure, "");
  EXPECT_THAT(fallback.log.text, AllOf(HasSubstr("(attempt #2), retrying: "),
                                       HasSubstr("Failed to pull image with policy \"always\": "),
                                       HasSubstr("Using locally found image version")));
  registry.start();
  const auto back = resolve(image(name));
  EXPECT_EQ(back.failure, "");
}

TEST_F(RegistryTest, TheSameImageOfOneJobIsAskedForOnce) {
  RegistryServer registry;
  registry.push(EngineTest::image, "app:1");
  const auto plan = image(registry.host() + "/app:1");
  const auto body = [&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    SharedEngine engine{executor, settings()};
    co_await engine.connect();
    const RegistryPlan nothing;
    JobImages images{executor, nothing};
    Outcome first;
    co_await try_one(engine, plan, images, first);
    const auto asked = registry.requests().size();
    Outcome second;
    co_await try_one(engine, plan, images, second);
    EXPECT_EQ(second.image.id, first.image.id);
    EXPECT_THAT(second.log.text, AllOf(HasSubstr("Using docker image " + first.image.id),
                                       Not(HasSubstr("Pulling"))));
    EXPECT_EQ(registry.requests().size(), asked);
  };
  run_test(body, 60s);
}

TEST_F(RegistryTest, ManyJobsAtOncePullOnceAndEachProvesItsOwnAccess) {
  RegistryServer registry{with_password()};
  // An image whose layer the Engine does not have.
  const auto directory = shell("mktemp -d");
  const auto place = directory.substr(0, directory.find('\n'));
  shell(
      fmt::format("cd '{0}' && head -c 1000000 /dev/urandom >data && tar cf root.tar data && "
                  "docker import root.tar slipway-test/alone:1 && rm -r '{0}'",
                  place));
  registry.push("slipway-test/alone:1", "app:1");
  shell("docker rmi slipway-test/alone:1");
  const auto plan = image(registry.host() + "/app:1");
  const auto asked = registry.requests().size();
  std::vector<std::pair<ImagePlan, RegistryPlan>> jobs;
  for (int i = 0; i < 8; ++i) jobs.emplace_back(plan, variable(registry.client_config()));
  jobs.emplace_back(plan, RegistryPlan{});
  const auto outcomes = resolve_all(std::move(jobs));
  for (int i = 0; i < 8; ++i) EXPECT_EQ(outcomes[i].failure, "");
  EXPECT_THAT(outcomes[8].failure, HasSubstr("no basic auth credentials"));
  // The configuration and the one layer.
  EXPECT_EQ(registry.count("GET", "/blobs/", asked), 2);
  // One for the first job, one for all the others, and that of the one who was refused.
  EXPECT_LE(registry.count("HEAD", "/manifests/", asked), 4);
}

}  // namespace
}  // namespace slipway::tests
