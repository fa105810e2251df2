#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <filesystem>
#include <fstream>

#include "docker_api/error.hpp"
#include "fake_engine.hpp"
#include "net/http.hpp"
#include "util/async.hpp"

namespace slipway::docker_api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view progress_text =
    "{\"status\":\"Pulling from library/busybox\",\"id\":\"latest\"}\r\n"
    "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":9},\"id\":\"l{1}\"}"
    "\r\n"
    "{\"status\":\"Status: Downloaded newer image for busybox:latest\"}\r\n";

asio::awaitable<std::vector<std::string>> pull(Client& client, std::string auth = "") {
  std::vector<std::string> lines;
  std::function<void(const PullProgress&)> progress = [&lines](const PullProgress& line) {
    lines.push_back(line.id + ":" + line.status + ":" + std::to_string(line.total));
  };
  std::string repository = "docker.io/library/busybox";
  std::string tag = "latest";
  std::string platform;
  co_await client.pull_image(std::move(repository), std::move(tag), std::move(platform),
                             std::move(auth), std::move(progress));
  co_return lines;
}

TEST(PullImage, ReadsProgressCutAnywhere) {
  for (std::size_t cut = 1; cut < progress_text.size(); cut += 7) {
    Answer answer;
    answer.pieces = {std::string{progress_text.substr(0, cut)},
                     std::string{progress_text.substr(cut)}};
    with_engine({{"POST /images/create", {answer}}},
                [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                  const auto lines = co_await pull(client);
                  EXPECT_THAT(
                      lines,
                      ElementsAre("latest:Pulling from library/busybox:0", "l{1}:Downloading:9",
                                  ":Status: Downloaded newer image for busybox:latest:0"));
                });
  }
}

TEST(PullImage, E55_SendsWhatToPullAndForWhichPlatform) {
  with_engine({{"POST /images/create", {{200, std::string{progress_text}}}}},
              [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
                co_await pull(client);
                co_await pull(client, "dXNlcg==");
                std::string repository = "localhost:5000/a";
                std::string tag = "sha256:12";
                std::string platform = "linux/arm/v7";
                std::string auth;
                std::function<void(const PullProgress&)> none;
                co_await client.pull_image(repository, tag, platform, auth, none);
                const auto& requests = engine.requests();
                EXPECT_EQ(requests.at(0).headers.find("X-Registry-Auth"), std::nullopt);
                EXPECT_EQ(requests.at(1).headers.get("X-Registry-Auth"), "dXNlcg==");
                const auto& target = requests.at(2).target;
                EXPECT_EQ(net::query_parameter(target, "fromImage"), "localhost:5000/a");
                EXPECT_EQ(net::query_parameter(target, "tag"), "sha256:12");
                EXPECT_EQ(net::query_parameter(target, "platform"), "linux/arm/v7");
              });
}

TEST(PullImage, E18_FindsTheErrorInsideASuccess) {
  struct Case {
    const char* line;
    const char* message;
  };
  const Case cases[] = {
      {R"({"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"})",
       "manifest unknown"},
      {R"({"error":"disk full"})", "disk full"},
      {R"({"errorDetail":{"code":401,"message":"unauthorized"}})", "unauthorized"},
      {R"({"errorDetail":{}})", "unknown error"},
  };
  for (const auto& c : cases) {
    Answer answer;
    answer.pieces = {"{\"status\":\"Pulling\"}\r\n", c.line};
    const std::string message = c.message;
    with_engine({{"POST /images/create", {answer}}}, [&message](Client& client, FakeEngine&) {
      return [](Client& engine, const std::string& want) -> asio::awaitable<void> {
        const auto error = co_await engine_error(pull(engine));
        EXPECT_EQ(error.message(), want);
        EXPECT_EQ(error.status(), 200);
      }(client, message);
    });
  }
}

TEST(PullImage, RefusesAStreamThatIsNotProgress) {
  for (const auto* text : {"<html>", "{\"status\":", "{\"status\":7}", "{]"}) {
    SCOPED_TRACE(text);
    with_engine({{"POST /images/create", {{200, text}}}},
                [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                  const auto error = co_await engine_error(pull(client));
                  EXPECT_THAT(error.message(), HasSubstr("unexpected answer"));
                });
  }
}

TEST(PullImage, NeverTellsTheCredentials) {
  const Answer refusal{500, R"({"message":"cannot decode c2VjcmV0 in header: c2VjcmV0"})"};
  with_engine({{"POST /images/create", {refusal}}},
              [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                const auto error = co_await engine_error(pull(client, "c2VjcmV0"));
                EXPECT_THAT(error.what(), Not(HasSubstr("c2VjcmV0")));
                EXPECT_THAT(error.what(), HasSubstr("cannot decode [MASKED] in header"));
              });
}

TEST(PullImage, EndsWhenCancelled) {
  Answer answer;
  answer.pieces = {"{\"status\":\"Pulling\"}\r\n"};
  answer.end = Answer::End::hang;
  with_engine({{"POST /images/create", {answer}}},
              [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                bool timed_out = false;
                try {
                  auto work = pull(client);
                  co_await util::with_timeout(std::move(work), std::chrono::milliseconds{300});
                } catch (const util::TimeoutError&) {
                  timed_out = true;
                }
                EXPECT_TRUE(timed_out);
              });
}

TEST(PullImage, ReportsAConnectionLostInTheMiddle) {
  Answer answer;
  answer.pieces = {"{\"status\":\"Pulling\"}\r\n"};
  answer.end = Answer::End::drop;
  with_engine({{"POST /images/create", {answer}}},
              [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                bool lost = false;
                try {
                  co_await pull(client);
                } catch (const net::Error&) {
                  lost = true;
                }
                EXPECT_TRUE(lost);
              });
}

TEST(InspectImage, KeepsTheSlashesOfAName) {
  const FakeEngine::Script script{
      {"GET /v1.41/images/registry.example%3A5000/a/b%3A1/json", {{200, R"({"Id":"i"})"}}}};
  with_engine(script, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    co_await client.connect();
    const auto image = co_await client.inspect_image("registry.example:5000/a/b:1", "linux/arm64");
    EXPECT_EQ(image.id, "i");
    EXPECT_EQ(net::query_parameter(engine.requests().back().target, "platform"), std::nullopt);
  });
}

TEST(InspectImage, E55_SendsThePlatformFrom149On) {
  const FakeEngine::Script script{{"HEAD /_ping", {{200, "", {{"API-Version", "1.49"}}}}},
                                  {"GET /v1.49/images/a/json", {{200, R"({"Id":"i"})"}}}};
  with_engine(script, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    co_await client.connect();
    co_await client.inspect_image("a", "linux/arm64");
    EXPECT_EQ(net::query_parameter(engine.requests().back().target, "platform"),
              R"({"architecture":"arm64","os":"linux"})");
  });
}

TEST(ImportImage, SendsTheFile) {
  const auto path = (std::filesystem::temp_directory_path() /
                     ("slipway-import-" + std::to_string(::getpid()) + ".tar"))
                        .string();
  const std::string content(300'000, 't');
  std::ofstream{path, std::ios::binary} << content;
  const auto import = [](Client& client, std::string file) -> asio::awaitable<void> {
    std::vector<std::string> changes{"CMD [\"sh\"]", "ENV A=b c"};
    std::string repository = "slipway-helper";
    std::string tag = "1.0";
    co_await client.import_image(std::move(file), std::move(repository), std::move(tag),
                                 std::move(changes));
  };
  with_engine({{"POST /images/create", {{200, "{\"status\":\"sha256:1\"}\r\n"}}}},
              [&](Client& client, FakeEngine&) { return import(client, path); });
  with_engine({{"POST /images/create", {{200, "{\"status\":\"sha256:1\"}\r\n"}}}},
              [&](Client& client, FakeEngine& engine) {
                return [](asio::awaitable<void> done, FakeEngine& fake,
                          const std::string& want) -> asio::awaitable<void> {
                  co_await std::move(done);
                  const auto& request = fake.requests().at(0);
                  EXPECT_EQ(request.body, want);
                  EXPECT_EQ(net::query_parameter(request.target, "repo"), "slipway-helper:1.0");
                  EXPECT_THAT(request.target,
                              HasSubstr("changes=CMD%20%5B%22sh%22%5D&changes=ENV"));
                }(import(client, path), engine, content);
              });
  std::filesystem::remove(path);
  with_engine({}, [&](Client& client, FakeEngine&) {
    return [](asio::awaitable<void> done, const std::string& name) -> asio::awaitable<void> {
      std::string what;
      try {
        co_await std::move(done);
      } catch (const std::runtime_error& e) {
        what = e.what();
      }
      EXPECT_EQ(what, "read " + name + ": No such file or directory");
    }(import(client, path), path);
  });
}

}  // namespace
}  // namespace slipway::docker_api
