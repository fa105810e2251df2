#include "gitlab_api/artifacts.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "fake_coordinator.hpp"
#include "util/async.hpp"

namespace slipway::gitlab_api {
namespace {

using ::testing::AllOf;
using testing::FakeCoordinator;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Reply;
using testing::run_with_coordinator;
using Task = asio::awaitable<void>;
using Kind = ArtifactsResult::Kind;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Bytes of a length that is not known beforehand, in pieces, as an archive comes.
class Stream final : public net::BodySource {
 public:
  explicit Stream(std::string bytes) : bytes_{std::move(bytes)} {}
  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  asio::awaitable<std::size_t> read(std::span<char> buffer) override {
    const auto count = std::min({buffer.size(), bytes_.size() - at_, std::size_t{1000}});
    std::copy_n(bytes_.data() + at_, count, buffer.data());
    at_ += count;
    co_return count;
  }
  void rewind() override {
    at_ = 0;
    ++rewound;
  }
  int rewound = 0;

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

class Text final : public BodySink {
 public:
  void begin() override {
    text.clear();
    ++begun;
  }
  asio::awaitable<void> write(std::string_view bytes) override {
    text += bytes;
    co_return;
  }
  std::string text;
  int begun = 0;
};

ArtifactsUpload logs() {
  ArtifactsUpload upload;
  upload.job = 90125;
  upload.job_token = util::Secret{"glcbt-64_job"};
  upload.file_name = "logs.zip";
  upload.format = "zip";
  upload.type = "archive";
  upload.expire_in = "1 week";
  return upload;
}

ArtifactsDownload compiled() {
  return {90120, util::Secret{"glcbt-64_dep"}, true};
}

/// The file within the form.
std::string file_of(const net::Request& request) {
  const auto type = request.headers.get("Content-Type");
  const auto boundary = "--" + type.substr(type.find("boundary=") + 9);
  const auto begin = request.body.find("\r\n\r\n") + 4;
  const auto end = request.body.rfind("\r\n" + boundary + "--");
  return request.body.substr(begin, end - begin);
}

TEST(ArtifactsUpload, Edge48OnePartAndOnlyTheParametersThatAreThere) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Artifacts artifacts{fake.executor(), fake.options()};
    fake.script({{201, {}, ""}, {201, {}, ""}});
    Stream content{std::string(200'000, 'z')};
    auto upload = logs();
    const auto result = co_await artifacts.upload(upload, content);
    EXPECT_EQ(result.kind, Kind::succeeded);
    EXPECT_EQ(result.tries, 1);
    const auto& request = fake.seen.at(0);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target,
              "/api/v4/jobs/90125/"
              "artifacts?artifact_format=zip&artifact_type=archive&expire_in=1%20week");
    EXPECT_EQ(request.headers.get("JOB-TOKEN"), "glcbt-64_job");
    EXPECT_EQ(request.headers.get("Transfer-Encoding"), "chunked");
    EXPECT_THAT(request.headers.get("Content-Type"), HasSubstr("multipart/form-data; boundary="));
    EXPECT_THAT(request.body,
                HasSubstr("Content-Disposition: form-data; name=\"file\"; filename=\"logs.zip\"\r\n"
                          "Content-Type: application/octet-stream\r\n\r\nzzz"));
    EXPECT_EQ(file_of(request), std::string(200'000, 'z'));
    ArtifactsUpload plain;
    plain.job = 1;
    plain.job_token = util::Secret{"t"};
    plain.file_name = "a\"b\r\nX: y";
    Stream empty{""};
    co_await artifacts.upload(plain, empty);
    EXPECT_EQ(fake.seen.at(1).target, "/api/v4/jobs/1/artifacts");
    EXPECT_THAT(fake.seen.at(1).body, HasSubstr("filename=\"a%22b%0D%0AX: y\"\r\n"));
    EXPECT_EQ(file_of(fake.seen.at(1)), "");
  });
}

TEST(ArtifactsFileName, Edge48HasTheSuffixOfItsFormat) {
  const struct {
    const char* name;
    const char* format;
    const char* want;
  } cases[] = {
      {"", "", "artifacts.zip"},
      {"", "zip", "artifacts.zip"},
      {"logs", "zip", "logs.zip"},
      {"logs", "zipzstd", "logs.zip"},
      {"logs", "gzip", "logs.gz"},
      {"logs", "raw", "logs"},
      {"a/b/logs", "tarzstd", "logs.tar.zst"},
      {"a/", "zip", "default.zip"},
      {".", "zip", "default.zip"},
  };
  for (const auto& c : cases) EXPECT_EQ(artifacts_file_name(c.name, c.format), c.want) << c.name;
}

struct Refusal {
  int status;
  Kind kind;
  int tries;     ///< of the upload
  int requests;  ///< of each try
};

TEST(ArtifactsUpload, Fault17Edge47HowOftenWhichRefusalIsTriedAgain) {
  for (const auto& refusal :
       {Refusal{403, Kind::forbidden, 1, 1}, Refusal{413, Kind::too_large, 1, 1},
        Refusal{400, Kind::failed, 3, 1}, Refusal{404, Kind::failed, 3, 1},
        Refusal{503, Kind::unavailable, 6, 5}, Refusal{500, Kind::failed, 3, 5}}) {
    SCOPED_TRACE(refusal.status);
    run_with_coordinator([&refusal](FakeCoordinator& fake) {
      return [](FakeCoordinator& server, Refusal want) -> Task {
        int told = 0;
        Artifacts artifacts{server.executor(), server.options(),
                            [&told](const ArtifactsResult&) { ++told; }};
        const auto requests = want.tries * want.requests;
        server.script(
            std::vector<Reply>(static_cast<std::size_t>(requests), {want.status, {}, ""}));
        Stream content{"the whole archive"};
        auto upload = logs();
        const auto result = co_await artifacts.upload(upload, content);
        EXPECT_EQ(result.kind, want.kind);
        EXPECT_EQ(result.tries, want.tries);
        EXPECT_EQ(told, want.tries - 1);
        EXPECT_EQ(server.seen.size(), static_cast<std::size_t>(requests));
        for (const auto& seen : server.seen) EXPECT_EQ(file_of(seen), "the whole archive");
        EXPECT_THAT(result.text, Not(HasSubstr("glcbt")));
      }(fake, refusal);
    });
  }
}

TEST(ArtifactsUpload, Edge47PausesBetweenTheTries) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Artifacts artifacts{fake.executor(), fake.options()};
    // Neither a new connection that is closed nor a 400 is repeated by the HTTP layer.
    fake.script({{200, {}, "", Reply::How::close}, {400, {}, ""}, {201, {}, ""}});
    Stream content{"x"};
    auto upload = logs();
    const auto result = co_await artifacts.upload(upload, content);
    EXPECT_EQ(result.kind, Kind::succeeded);
    EXPECT_EQ(result.tries, 3);
    EXPECT_THAT(fake.sleeps, ElementsAre(1s, 2s));
  });
}

TEST(ArtifactsUpload, Fault17Edge47IsSentAgainWhereARedirectLeads) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Artifacts artifacts{fake.executor(), fake.options()};
    fake.script(
        {{307, {{"Location", "/storage"}}, ""}, {201, {}, ""}, {301, {}, ""}, {201, {}, ""}});
    Stream content{"the whole archive"};
    auto upload = logs();
    auto result = co_await artifacts.upload(upload, content);
    EXPECT_EQ(result.kind, Kind::succeeded);
    EXPECT_EQ(result.tries, 1);
    EXPECT_EQ(fake.seen.at(1).target, "/storage");
    EXPECT_EQ(fake.seen.at(1).method, "POST");
    EXPECT_EQ(file_of(fake.seen.at(1)), "the whole archive");
    // Without a Location it is a failure, and tried again.
    result = co_await artifacts.upload(upload, content);
    EXPECT_EQ(result.kind, Kind::succeeded);
    EXPECT_EQ(result.tries, 2);
  });
}

TEST(ArtifactsDownload, Fault17Edge49AsksDirectlyOnceAndThenTheCoordinator) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Artifacts artifacts{fake.executor(), fake.options()};
    std::vector<Reply> script(5, {500, {}, ""});
    script.push_back({200, {}, "half", Reply::How::cut});
    script.push_back({200, {}, "the whole file"});
    fake.script(std::move(script));
    Text sink;
    auto download = compiled();
    const auto result = co_await artifacts.download(download, sink);
    EXPECT_EQ(result.kind, Kind::succeeded);
    EXPECT_EQ(result.tries, 3);
    EXPECT_EQ(sink.text, "the whole file");
    EXPECT_EQ(sink.begun, 2);
    EXPECT_EQ(fake.seen.at(0).target, "/api/v4/jobs/90120/artifacts?direct_download=true");
    EXPECT_EQ(fake.seen.at(4).target, "/api/v4/jobs/90120/artifacts?direct_download=true");
    EXPECT_EQ(fake.seen.at(5).target, "/api/v4/jobs/90120/artifacts");
    EXPECT_EQ(fake.seen.at(6).headers.get("JOB-TOKEN"), "glcbt-64_dep");
  });
}

TEST(ArtifactsDownload, Edge49TheFileOfAnotherHostWithoutTheToken) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    FakeCoordinator storage{fake.executor()};
    auto serving = storage.serve();
    const auto fetch = [](FakeCoordinator& from, FakeCoordinator& to) -> Task {
      Artifacts artifacts{from.executor(), from.options()};
      from.script({{302, {{"Location", to.url() + "/bucket/file?signature=s"}}, "moved"}});
      to.script({{200, {}, "stored"}});
      Text sink;
      auto download = compiled();
      const auto result = co_await artifacts.download(download, sink);
      EXPECT_EQ(result.kind, Kind::succeeded);
      EXPECT_EQ(sink.text, "stored");
      EXPECT_EQ(to.seen.at(0).target, "/bucket/file?signature=s");
      EXPECT_FALSE(to.seen.at(0).headers.find("JOB-TOKEN"));
    };
    auto fetching = fetch(fake, storage);
    co_await util::first_of(std::move(serving), std::move(fetching));
  });
}

TEST(ArtifactsDownload, Edge49TheObjectStoresWordsAreTold) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Artifacts artifacts{fake.executor(), fake.options()};
    const auto* body =
        "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    fake.script({{403, {{"Content-Type", "application/xml"}}, body}});
    Text sink;
    auto download = compiled();
    const auto result = co_await artifacts.download(download, sink);
    EXPECT_EQ(result.kind, Kind::forbidden);
    EXPECT_THAT(result.text, HasSubstr("403 Forbidden (AccessDenied: Request has expired)"));
  });
}

TEST(ArtifactsDownload, Edge49RefusalsAreFinal) {
  for (const auto& [status, kind] :
       {std::pair{401, Kind::forbidden}, std::pair{403, Kind::forbidden},
        std::pair{404, Kind::not_found}}) {
    SCOPED_TRACE(status);
    run_with_coordinator([&](FakeCoordinator& fake) {
      return [](FakeCoordinator& server, int code, Kind want) -> Task {
        Artifacts artifacts{server.executor(), server.options()};
        server.script({testing::json_reply(code, R"({"message":"not for you"})")});
        Text sink;
        auto download = compiled();
        const auto result = co_await artifacts.download(download, sink);
        EXPECT_EQ(result.kind, want);
        EXPECT_EQ(result.tries, 1);
        EXPECT_THAT(result.text, AllOf(HasSubstr("not for you"), Not(HasSubstr("glcbt"))));
        EXPECT_EQ(sink.begun, 0);
        EXPECT_THAT(server.sleeps, IsEmpty());
      }(fake, status, kind);
    });
  }
}

}  // namespace
}  // namespace slipway::gitlab_api
