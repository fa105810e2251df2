#include <gmock/gmock.h>

#include "support.hpp"

namespace slipway::local {
namespace {

CoordinatorOptions small_artifacts() {
  CoordinatorOptions options;
  options.max_artifact = 256u << 10;
  return options;
}

class ArtifactsTest : public CoordinatorTest {
 public:
  ArtifactsTest() : CoordinatorTest{small_artifacts()} {}

  asio::awaitable<net::Response> upload(std::int64_t id, std::string token, std::string body,
                                        std::string query = {},
                                        std::string type = "multipart/form-data; boundary=b0") {
    net::Headers headers{{"JOB-TOKEN", token}, {"Content-Type", type}};
    auto target = "/api/v4/jobs/" + std::to_string(id) + "/artifacts" + query;
    co_return co_await call("POST", std::move(target), std::move(headers), std::move(body));
  }

  asio::awaitable<net::Response> download(std::int64_t id, std::string token) {
    net::Headers headers{{"JOB-TOKEN", token}};
    auto target = "/api/v4/jobs/" + std::to_string(id) + "/artifacts?direct_download=true";
    co_return co_await call("GET", std::move(target), std::move(headers));
  }
};

std::string multipart(const std::string& disposition, const std::string& content) {
  return "--b0\r\nContent-Disposition: form-data; " + disposition +
         "\r\nContent-Type: application/octet-stream\r\n\r\n" + content + "\r\n--b0--\r\n";
}

TEST_F(ArtifactsTest, WhatWasUploadedComesBack) {
  run<ArtifactsTest>([](ArtifactsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    const auto token = t.job_token(id);
    std::string content = "PK\x03\x04 with \r\n--b lines\r\n";
    for (int i = 0; i < 1000; ++i) content += static_cast<char>(i);
    const auto missing = co_await t.download(id, token);
    EXPECT_EQ(missing.status, 404);
    auto body = multipart(R"(name="file"; filename="logs.zip")", content);
    const auto stored = co_await t.upload(
        id, token, body, "?artifact_format=zip&artifact_type=archive&expire_in=1+week");
    EXPECT_EQ(stored.status, 201);
    // A report beside it is kept, but is not what a dependent job downloads.
    auto report = multipart(R"(name="file"; filename="junit.xml.gz")", "report");
    const auto second = co_await t.upload(id, token, report, "?artifact_type=junit");
    EXPECT_EQ(second.status, 201);

    const auto& files = t.gitlab.job(id).artifacts;
    EXPECT_EQ(files.size(), 2u);
    EXPECT_EQ(files.at(0).filename, "logs.zip");
    EXPECT_EQ(files.at(0).format, "zip");
    EXPECT_EQ(files.at(0).expire_in, "1 week");
    const auto ended = co_await t.put_state(id, token, "success");
    EXPECT_EQ(ended.status, 200);

    const auto fetched = co_await t.download(id, token);
    EXPECT_EQ(fetched.status, 200);
    EXPECT_EQ(fetched.body, content);
    EXPECT_EQ(fetched.headers.get("Content-Disposition"), "attachment; filename=\"logs.zip\"");
    const auto stranger = co_await t.download(id, "glcbt-64_other");
    EXPECT_EQ(stranger.status, 403);
    const auto late = co_await t.upload(id, token, body);
    EXPECT_EQ(late.status, 403);
  });
}

TEST_F(ArtifactsTest, BrokenUploadsAreRefused) {
  run<ArtifactsTest>([](ArtifactsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    const auto good = multipart("name=\"file\"; filename=\"a\"", "x");
    struct Case {
      const char* what;
      std::string body;
      const char* type;
    };
    const Case cases[] = {
        {"no boundary", good, "multipart/form-data"},
        {"empty boundary", good, "multipart/form-data; boundary=\"\""},
        {"other boundary", good, "multipart/form-data; boundary=b1"},
        {"other type", good, "application/zip; boundary=b0"},
        {"empty", "", "multipart/form-data; boundary=b0"},
        {"no end", good.substr(0, good.size() - 10), "multipart/form-data; boundary=b0"},
        {"no header end", "--b0\r\nContent-Disposition: form-data; name=\"file\"",
         "multipart/form-data; boundary=b0"},
        {"other name", multipart("name=\"other\"; filename=\"name=file\"", "x"),
         "multipart/form-data; boundary=b0"},
        {"only a filename", multipart("filename=\"file\"", "x"),
         "multipart/form-data; boundary=b0"},
    };
    for (const auto& c : cases) {
      SCOPED_TRACE(c.what);
      const auto reply = co_await t.upload(id, t.job_token(id), c.body, "", c.type);
      EXPECT_EQ(reply.status, 400);
    }
    EXPECT_TRUE(t.gitlab.job(id).artifacts.empty());
  });
}

TEST_F(ArtifactsTest, FileNamesAreMadeHarmless) {
  run<ArtifactsTest>([](ArtifactsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    const std::pair<const char*, const char*> cases[] = {
        {"../../etc/passwd", "passwd"}, {"..", "artifacts"},        {"", "artifacts"},
        {"C:\\x\\y.zip", "y.zip"},      {"a\tb\x7f.zip", "ab.zip"},
    };
    for (const auto& [given, want] : cases) {
      auto body = multipart("name=\"file\"; filename=\"" + std::string{given} + "\"", "x");
      const auto reply = co_await t.upload(id, t.job_token(id), body);
      EXPECT_EQ(reply.status, 201) << given;
      EXPECT_EQ(t.gitlab.job(id).artifacts.back().filename, want);
    }
  });
}

TEST_F(ArtifactsTest, TooLargeAnUploadIsRefused) {
  run<ArtifactsTest>([](ArtifactsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    const std::pair<std::string, int> cases[] = {{t.job_token(id), 413}, {"glcbt-wrong", 403}};
    for (const auto& [token, want] : cases) {
      auto body = multipart("name=\"file\"; filename=\"a\"", std::string((256u << 10) + 1, 'x'));
      int status = 0;
      try {
        const auto reply = co_await t.upload(id, token, std::move(body));
        status = reply.status;
      } catch (const net::Error&) {
        // The server may close before everything is sent.
        status = want;
      }
      EXPECT_EQ(status, want);
    }
    EXPECT_TRUE(t.gitlab.job(id).artifacts.empty());
  });
}

}  // namespace
}  // namespace slipway::local
