#include <fmt/format.h>
#include <gmock/gmock.h>

#include "engine_double.hpp"
#include "executors/docker/engine.hpp"
#include "job/failure.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/task_group.hpp"

namespace slipway::executors::docker {
namespace {

using job::FailureReason;
using ::testing::Contains;
using ::testing::HasSubstr;
using Answer = EngineDouble::Answer;

constexpr auto info = R"({"ID":"e","OSType":"linux","Architecture":"x86_64","Name":"n"})";
const Answer absent{404, "No such image: x"};
const Answer pulled{200, R"({"status":"Status: Downloaded newer image"})"};
const std::string pull_call = "POST /images/create";

Answer image_of(const std::string& architecture) {
  return {200, fmt::format(R"({{"Id":"sha256:{0}","Os":"linux","Architecture":"{0}",)"
                           R"("RepoDigests":["app@sha256:1"],"Config":{{}}}})",
                           architecture)};
}

struct Log : JobLog {
  void write(job::LogStream, job::LogKind, std::string_view bytes) override { text += bytes; }
  void flush(job::LogStream) override {}
  std::string text;
};

/// An Engine on a double, and one job's view of its images.
struct Scene {
  explicit Scene(asio::any_io_executor executor)
      : fake{executor}, engine{executor, settings()}, images{executor, nobody}, serving{executor} {
    fake.on("GET /info", {{200, info}});
    serving.start(fake.run());
  }
  Engine::Settings settings() {
    Engine::Settings settings;
    settings.host = "unix://" + fake.endpoint().host;
    settings.helper_binary = "/bin/true";
    settings.helper_image_archive = "/nonexistent/archive";
    settings.helper_image_name = "slipway-helper:1";
    return settings;
  }
  EngineDouble fake;
  Engine engine;
  RegistryPlan nobody;
  JobImages images;
  Log log;
  util::TaskGroup serving;
};

void with_scene(asio::awaitable<void> (*test)(Scene&)) {
  const auto whole = [test]() {
    return [](asio::awaitable<void> (*body)(Scene&)) -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      Scene scene{executor};
      co_await scene.engine.connect();
      co_await body(scene);
      scene.serving.cancel();
      co_await scene.serving.join();
      EXPECT_THAT(scene.fake.unknown, ::testing::IsEmpty());
    }(test);
  };
  tests::run_test(whole);
}

/// "" or why there is no image.
asio::awaitable<std::string> resolve(Scene& scene, std::string policy, std::string platform,
                                     FailureReason& reason) {
  ImagePlan image;
  image.name = "app";
  image.policies.push_back(policy);
  image.platform = platform;
  try {
    co_await scene.engine.resolve_image(image, scene.images, scene.log);
  } catch (const job::Failure& failure) {
    reason = failure.reason();
    co_return failure.what();
  }
  co_return "";
}

asio::awaitable<void> classify(Scene& scene) {
  const std::pair<Answer, FailureReason> cases[] = {
      {{404, "manifest for app:x not found: manifest unknown"},
       FailureReason::runner_configuration_error},
      {{404, "pull access denied for app, repository does not exist or may require"},
       FailureReason::runner_configuration_error},
      {{500, "Head \"http://r/v2/\": no basic auth credentials"},
       FailureReason::runner_configuration_error},
      {{500, "unauthorized: Authentication Required"}, FailureReason::runner_configuration_error},
      {{500, "toomanyrequests: You have reached your pull rate limit"},
       FailureReason::image_pull_failure},
      {{200, R"({"status":"Pulling"}{"errorDetail":{"message":"filesystem layer verification"}})"},
       FailureReason::image_pull_failure},
  };
  scene.fake.on("GET /images/app/json", {absent});
  for (const auto& [answer, want] : cases) {
    scene.fake.on(pull_call, {answer});
    FailureReason reason{};
    const auto failure = co_await resolve(scene, "always", "", reason);
    EXPECT_THAT(failure,
                HasSubstr("failed to pull image \"app\" with specified policies [always]"));
    EXPECT_EQ(reason, want) << failure;
  }
}
TEST(ResolveImage, E18_FailuresOfAPullByTheRegistrysWords) {
  with_scene(classify);
}

asio::awaitable<void> other_platform(Scene& scene) {
  scene.fake.on("GET /images/app/json", {image_of("amd64"), image_of("arm64")});
  scene.fake.on(pull_call, {pulled});
  FailureReason reason{};
  auto failure = co_await resolve(scene, "if-not-present", "linux/arm64", reason);
  EXPECT_EQ(failure, "");
  EXPECT_THAT(scene.fake.calls(), Contains(pull_call).Times(1));
  EXPECT_THAT(scene.log.text, HasSubstr("Pulling docker image app for platform linux/arm64 ..."));
  // What is there for it is used, in the same job without another word of policies.
  failure = co_await resolve(scene, "if-not-present", "linux/arm64", reason);
  EXPECT_EQ(failure, "");
  EXPECT_THAT(scene.fake.calls(), Contains(pull_call).Times(1));
}
TEST(ResolveImage, E55_AnImageForAnotherPlatformIsNotTheOneThatIsPresent) {
  with_scene(other_platform);
}

asio::awaitable<void> documented_helper(Scene& scene) {
  const std::string name =
      "registry.gitlab.com/gitlab-org/gitlab-runner/gitlab-runner-helper:ubuntu-x86_64-v19.4.0";
  const auto path = "GET /images/" + name.substr(0, name.find(':')) + "%3A" +
                    name.substr(name.find(':') + 1) + "/json";
  scene.fake.on("GET /images/slipway-helper%3A1/json", {absent});
  scene.fake.on(path, {absent, absent, image_of("amd64")});
  scene.fake.on(pull_call, {pulled});
  Plan plan;
  plan.helper_flavor = "ubuntu";
  auto id = co_await scene.engine.helper_image(plan, scene.images, scene.log);
  EXPECT_EQ(id, "sha256:amd64");
  EXPECT_THAT(scene.log.text, HasSubstr("Using helper image:  " + name));
  // Once there it is never pulled again, nor spoken of.
  scene.log.text.clear();
  id = co_await scene.engine.helper_image(plan, scene.images, scene.log);
  EXPECT_EQ(id, "sha256:amd64");
  EXPECT_EQ(scene.log.text, "");
  EXPECT_THAT(scene.fake.calls(), Contains(pull_call).Times(1));
}
TEST(HelperImage, WithoutOurOwnItIsGitLabRunners) {
  with_scene(documented_helper);
}

asio::awaitable<std::string> reason_of_connect(Engine& engine) {
  try {
    co_await engine.connect();
  } catch (const job::Failure& failure) {
    EXPECT_EQ(failure.reason(), FailureReason::runner_system_failure);
    co_return failure.what();
  }
  co_return "";
}

TEST(Engine, WhatFailsInConnectingIsSaid) {
  const auto body = []() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Scene scene{executor};
    ::setenv("DOCKER_API_VERSION", "latest", 1);
    auto reason = co_await reason_of_connect(scene.engine);
    ::unsetenv("DOCKER_API_VERSION");
    EXPECT_THAT(reason, ::testing::StartsWith("creating docker connection: "));
    EXPECT_THAT(reason, HasSubstr("DOCKER_API_VERSION: `latest` is not a version such as 1.55"));
    scene.fake.on("GET /info", {{500, "layer store is broken"}});
    reason = co_await reason_of_connect(scene.engine);
    EXPECT_THAT(reason, ::testing::StartsWith("getting docker info: Error response from daemon: "
                                              "layer store is broken"));
    scene.fake.on("GET /info", {{200, R"({"ID":"e","OSType":"plan9"})"}});
    reason = co_await reason_of_connect(scene.engine);
    EXPECT_EQ(reason, "unsupported os type: plan9");
    scene.serving.cancel();
    co_await scene.serving.join();
  };
  tests::run_test(body);
}

TEST(Engine, AnAddressThatIsNoneIsAConnectionThatFails) {
  const auto body = []() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Engine::Settings settings;
    settings.helper_binary = "/bin/true";
    for (const char* host : {"unix:/var/run/docker.sock", "docker:2375", "ssh://docker"}) {
      settings.host = host;
      try {
        const Engine engine{executor, settings};
        ADD_FAILURE() << host;
      } catch (const job::Failure& failure) {
        EXPECT_THAT(failure.what(),
                    HasSubstr("creating docker connection: unable to parse docker host"));
        EXPECT_EQ(failure.reason(), FailureReason::runner_system_failure);
      }
    }
  };
  tests::run_test(body);
}

}  // namespace
}  // namespace slipway::executors::docker
