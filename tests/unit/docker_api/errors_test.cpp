#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "docker_api/error.hpp"
#include "fake_engine.hpp"

namespace slipway::docker_api {
namespace {

using testing::HasSubstr;

TEST(Connect, NegotiatesOnce) {
  with_engine({}, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    EXPECT_EQ(client.api_version(), "");
    EXPECT_FALSE(client.supports(1, 24));
    co_await client.connect();
    co_await client.connect();
    EXPECT_EQ(client.api_version(), "1.41");
    EXPECT_TRUE(client.supports(1, 41));
    EXPECT_FALSE(client.supports(1, 42));
    EXPECT_EQ(engine.requests().size(), 1u);
    EXPECT_EQ(client.calls(), 1u);
  });
}

TEST(Connect, FallsBackToGet) {
  FakeEngine::Script script{{"HEAD /_ping", {{404}}},
                            {"GET /_ping", {{200, "OK", {{"API-Version", "1.44"}}}}}};
  with_engine(script, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    co_await client.connect();
    EXPECT_EQ(client.api_version(), "1.44");
  });
}

TEST(Connect, PutsTheVersionIntoEveryPath) {
  FakeEngine::Script script{{"GET /v1.41/info", {{200, R"({"Name":"host","OSType":"linux"})"}}}};
  with_engine(script, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    co_await client.connect();
    const auto info = co_await client.info();
    EXPECT_EQ(info.name, "host");
    EXPECT_EQ(info.os_type, "linux");
    EXPECT_TRUE(info.security_options.empty());
  });
}

TEST(Connect, E49_ObeysThePinOfTheEnvironment) {
  ::setenv("DOCKER_API_VERSION", "1.40", 1);
  with_engine({}, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    co_await client.connect();
    EXPECT_EQ(client.api_version(), "1.40");
  });
  ::unsetenv("DOCKER_API_VERSION");
}

TEST(Connect, E49_RefusesOldEnginesAndRedirects) {
  FakeEngine::Script old{{"HEAD /_ping", {{200, "", {{"API-Version", "1.24"}}}}}};
  with_engine(old, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    const auto error = co_await engine_error(client.connect());
    EXPECT_THAT(error.what(), HasSubstr("too old: it speaks API version 1.24"));
  });
  FakeEngine::Script moved{{"HEAD /_ping", {{301, "", {{"Location", "http://else/_ping"}}}}}};
  with_engine(moved, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    const auto error = co_await engine_error(client.connect());
    EXPECT_EQ(error.message(), "redirects disallowed");
    EXPECT_EQ(error.status(), 301);
  });
}

TEST(Errors, CarryTheEnginesMessage) {
  struct Case {
    Answer answer;
    const char* message;
  };
  const Case cases[] = {
      {{404, R"({"message":"No such container: c1"})"}, "No such container: c1"},
      {{409, "{\"message\":\"conflict\\n\"}"}, "conflict"},
      {{500, "<html>bad gateway</html>\n"}, "<html>bad gateway</html>"},
      {{503, ""}, "Service Unavailable"},
      {{500, R"({"message":7})"}, R"({"message":7})"},
      {{400, R"(["message"])"}, R"(["message"])"},
      {{302, "go away", {{"Location", "http://else/"}}}, "redirects disallowed"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.message);
    FakeEngine::Script script{{"GET /containers/c1/json", {c.answer}}};
    with_engine(script, [&c](Client& client, FakeEngine&) {
      return [](const Case& expected, Client& engine) -> asio::awaitable<void> {
        const auto error = co_await engine_error(engine.inspect_container("c1"));
        EXPECT_EQ(error.status(), expected.answer.status);
        EXPECT_EQ(error.message(), expected.message);
        EXPECT_EQ(error.call(), "GET /containers/{id}/json");
        EXPECT_STREQ(error.what(), ("Error response from daemon: " + error.message() +
                                    " (GET /containers/{id}/json)")
                                       .c_str());
      }(c, client);
    });
  }
}

TEST(Errors, AreBounded) {
  FakeEngine::Script script{{"GET /containers/c1/json", {{500, std::string(1u << 20, 'x')}}}};
  with_engine(script, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    const auto error = co_await engine_error(client.inspect_container("c1"));
    EXPECT_LT(error.message().size(), 10'000u);
  });
}

TEST(Errors, OddAnswersAreEngineErrors) {
  for (const auto* body : {"", "no JSON", "[]", "{}", R"({"Id":["x"]})"}) {
    SCOPED_TRACE(body);
    FakeEngine::Script script{{"GET /containers/c1/json", {{200, body}}},
                              {"POST /containers/create", {{201, body}}},
                              {"POST /networks/create", {{201, body}}},
                              {"POST /containers/c1/wait", {{200, body}}}};
    with_engine(script, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
      std::vector<EngineError> errors;
      errors.push_back(co_await engine_error(client.inspect_container("c1")));
      ContainerSpec container;
      errors.push_back(co_await engine_error(client.create_container(container)));
      NetworkSpec network;
      errors.push_back(co_await engine_error(client.create_network(network)));
      errors.push_back(co_await engine_error(client.wait_container("c1")));
      for (const auto& error : errors) {
        EXPECT_EQ(error.status(), 0);
        EXPECT_THAT(error.message(), HasSubstr("unexpected answer to " + error.call()));
      }
    });
  }
}

TEST(Errors, NamesThatWouldAddressSomethingElseAreRefused) {
  with_engine({}, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    for (const auto* name : {"", "..", "."}) {
      const auto error = co_await engine_error(client.inspect_container(name));
      EXPECT_EQ(error.status(), 400);
    }
    for (const auto* name : {"", "../containers/c1", "a//b", "a/", "/a", "a/../b"}) {
      const auto error = co_await engine_error(client.inspect_image(name));
      EXPECT_EQ(error.status(), 400) << name;
    }
    EXPECT_TRUE(engine.requests().empty());
  });
}

TEST(Errors, ConnectionsThatEndAreNetErrors) {
  FakeEngine::Script script{{"GET /containers/c1/json", {{200, "", {}, {}, Answer::End::drop}}}};
  with_engine(script, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    bool failed = false;
    try {
      co_await client.inspect_container("c1");
    } catch (const net::Error&) {
      failed = true;
    }
    EXPECT_TRUE(failed);
  });
}

}  // namespace
}  // namespace slipway::docker_api
