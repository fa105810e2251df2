#include "docker_api/dialect.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "docker_api/error.hpp"
#include "fake_engine.hpp"

namespace slipway::docker_api {
namespace {

using testing::HasSubstr;

TEST(Dialect, OtherEnginesRefusalsGetDockersStatus) {
  struct Case {
    const char* call;
    int status;
    const char* message;
    int want;
  };
  const Case cases[] = {
      {"POST /containers/{id}/exec", 500,
       "can only create exec sessions on running containers: container state improper", 409},
      {"POST /containers/{id}/kill", 500,
       "can only kill running containers. c1 is in state exited: container state improper", 409},
      {"POST /containers/create", 500,
       "container create: creating container storage: the container name \"x\" is already in use "
       "by 3f. You have to remove that container to be able to reuse that name: that name is "
       "already in use",
       409},
      {"DELETE /containers/{id}", 500,
       "no container with name or ID \"c1\" found: no such container", 404},
      {"GET /images/{name}/json", 500, "failed to find image busybox:1: image not known", 404},
      {"DELETE /volumes/{name}", 500, "volume v is being used by the following container(s): c1",
       409},
      {"DELETE /networks/{id}", 500, "\"n\" has associated containers with it. Use -f", 409},
      {"DELETE /networks/{id}", 500, "unable to find network with name or ID n: network not found",
       404},
      // What is missing must be what the call was about.
      {"POST /containers/{id}/start", 500, "network not found", 500},
      {"DELETE /volumes/{name}", 500, "no such container", 500},
      {"POST /containers/{id}/start", 500, "driver failed programming external connectivity", 500},
      {"POST /containers/create", 409, "is already in use", 409},
      {"POST /containers/{id}/start", 400, "no such container", 400},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.message);
    EXPECT_EQ(usual_status(c.call, c.status, c.message), c.want);
  }
}

TEST(Dialect, ARefusedVersionSaysWhatToDo) {
  const std::string old =
      "client version 1.55 is too old. Minimum supported API version is 1.60, please upgrade your "
      "client to a newer version";
  const std::string recent =
      "client version 1.55 is too new. Maximum supported API version is 1.41";
  EXPECT_THAT(version_advice(old, ""), HasSubstr("update slipway"));
  EXPECT_THAT(version_advice(old, "1.30"), HasSubstr("DOCKER_API_VERSION pins 1.30: unset it"));
  EXPECT_THAT(version_advice(recent, ""), HasSubstr("newer Docker Engine"));
  EXPECT_EQ(version_advice("invalid reference format", "1.30"), "");
}

TEST(Dialect, TheAdviceReachesTheErrorsText) {
  const Answer refusal{
      400,
      R"({"message":"client version 1.55 is too old. Minimum supported API version is 1.60, please upgrade your client to a newer version"})"};
  with_engine(
      {{"HEAD /_ping", {{200, "", {{"API-Version", "1.62"}}}}}, {"GET /v1.55/info", {refusal}}},
      [](Client& client, FakeEngine&) -> asio::awaitable<void> {
        co_await client.connect();
        const auto error = co_await engine_error(client.info());
        EXPECT_EQ(error.status(), 400);
        EXPECT_THAT(error.what(), HasSubstr("Minimum supported API version is 1.60"));
        EXPECT_THAT(error.what(), HasSubstr("update slipway"));
      });
}

}  // namespace
}  // namespace slipway::docker_api
