// The documented commands of the helper.

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "cache_fixture.hpp"
#include "commands_fixture.hpp"

namespace slipway::helper {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class HelperCommands : public CommandTest {
 protected:
  void expect_failure(const std::vector<std::string>& words, const char* text) const {
    const auto result = call(words);
    EXPECT_EQ(result.code, 1) << text;
    EXPECT_THAT(plain(result.err), HasSubstr(text));
  }
};

TEST_F(HelperCommands, VersionIsAGuardOfScripts) {
  for (const auto* word : {"--version", "-v"}) {
    const auto result = call({word});
    EXPECT_EQ(result.code, 0);
    EXPECT_THAT(result.out, StartsWith("slipway-helper "));
  }
}

TEST_F(HelperCommands, WhatIsNoneIsFatal) {
  expect_failure({"--debug", "archive"}, "FATAL: Command archive not found.");
  expect_failure({"--debug"}, "FATAL: no command was given");
  expect_failure({"--dbug"}, "FATAL: flag provided but not defined: -dbug");
  expect_failure({"proxy-exec", "--bootstrap"}, "FATAL: proxy-exec is not supported");
  expect_failure({"steps", "serve"}, "FATAL: steps is not supported");
  expect_failure({"cache-archiver", "--files", "x"},
                 "FATAL: cache-archiver: flag provided but not defined: -files");
  expect_failure({"cache-archiver", "--file"}, "flag needs an argument: -file");
}

TEST_F(HelperCommands, UploadsArtifactsAsThePipelineDoes) {
  write("out/a", "a");
  script({{201}});
  environment_ = {{"CI_SERVER_URL", url()},
                  {"CI_JOB_TOKEN", "glcbt-64_jobtoken123"},
                  {"CI_JOB_ID", "7"},
                  {"WHERE", "out"}};
  const auto result =
      call({"artifacts-uploader", "--path", "$WHERE", "-path=missing", "--exclude", "out/b",
            "--name", "build", "--expire-in=1 week", "--artifact-format", "zip", "--artifact-type",
            "archive", "--timeout", "1h0m0s", "--response-header-timeout", "10m0s"});
  EXPECT_EQ(result.code, 0) << result.err;
  ASSERT_THAT(seen(), SizeIs(1));
  EXPECT_EQ(seen()[0].target,
            "/api/v4/jobs/7/artifacts?artifact_format=zip&artifact_type=archive&"
            "expire_in=1%20week");
  EXPECT_EQ(file_of(seen()[0].body).name, "build.zip");
  EXPECT_THAT(plain(result.err),
              AllOf(HasSubstr("out: found 2 matching artifact files and directories"),
                    HasSubstr("WARNING: missing: no matching files"),
                    HasSubstr("Uploading artifacts as \"archive\" to coordinator... 201 Created")));
}

TEST_F(HelperCommands, UploadsNeedCredentialsAndFiles) {
  expect_failure({"artifacts-uploader", "--path", "x"}, "FATAL: Missing runner credentials");
  expect_failure({"artifacts-uploader", "--url", url(), "--token", "t", "--id", "x7"},
                 "FATAL: Missing build ID");
  expect_failure({"artifacts-uploader", "--timeout", "10"},
                 "invalid value \"10\" for --timeout: expected a duration");
  expect_failure({"artifacts-uploader", "--untracked=perhaps"}, "expected true or false");
  const auto nothing =
      call({"artifacts-uploader", "--url", url(), "--token", "t", "--id", "7", "--path", "none"});
  EXPECT_EQ(nothing.code, 0);
  EXPECT_THAT(plain(nothing.err), HasSubstr("ERROR: No files to upload"));
}

TEST_F(HelperCommands, ACoordinatorThatIsAwayIsAFailureLikeAnyOther) {
  write("a", "a");
  const auto result = call({"artifacts-uploader", "--url", "http://127.0.0.1:1", "--token", "t",
                            "--id", "7", "--path", "a"});
  EXPECT_EQ(result.code, 1);
}

TEST_F(HelperCommands, DownloadsArtifacts) {
  write("a", "text");
  script({{201}});
  const std::vector<std::string> access{"--url", url(), "--token", "t", "--id", "7"};
  auto words = access;
  words.insert(words.begin(), "artifacts-uploader");
  words.insert(words.end(), {"--path", "a"});
  ASSERT_EQ(call(words).code, 0);
  EXPECT_EQ(file_of(seen()[0].body).name, "artifacts.zip");
  script({{200, file_of(seen()[0].body).content}});
  std::filesystem::remove(project_ / "a");
  words = access;
  words.insert(words.begin(), "artifacts-downloader");
  const auto result = call(words);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(read_file(project_ / "a"), "text");
  EXPECT_THAT(seen()[1].target, Not(HasSubstr("direct_download")));
  environment_["FF_USE_DIRECT_DOWNLOAD"] = "true";
  const auto missing = call(words);
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(seen()[2].target, HasSubstr("direct_download=true"));
  EXPECT_THAT(plain(missing.err), AllOf(HasSubstr("Downloading artifacts from coordinator... not "
                                                  "found"),
                                        HasSubstr("FATAL: file does not exist")));
}

TEST_F(HelperCommands, CachesGoToTheStoreAndBack) {
  write("deps/a", "dependency");
  write_file(root_ / "env", "CACHE_METADATA=\"{\\\"CacheKey\\\":\\\"main \\\\\\\\ 1\\\"}\"\n");
  const auto file = (root_ / "store/key/cache.zip").string();
  const auto saved = call({"cache-archiver", "--file", file, "--path", "deps", "--timeout", "10",
                           "--env-file", (root_ / "env").string()});
  EXPECT_EQ(saved.code, 0) << saved.err;
  EXPECT_THAT(plain(saved.err), HasSubstr("No URL provided, cache will not be uploaded"));
  EXPECT_EQ(nlohmann::json::parse(read_file(root_ / "store/key/metadata.json")),
            nlohmann::json({{"cachekey", "main \\ 1"}}));
  std::filesystem::remove_all(project_ / "deps");
  EXPECT_EQ(call({"cache-extractor", "--file", file}).code, 0);
  EXPECT_EQ(read_file(project_ / "deps/a"), "dependency");
  const auto missing = call({"cache-extractor", "--file", file + "x"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(plain(missing.err), HasSubstr("WARNING: Cache file does not exist"));
}

TEST_F(HelperCommands, CachesGoToAServerAndBack) {
  cache::ObjectServer server;
  write("deps/a", "dependency");
  const auto first = (root_ / "one/cache.zip").string();
  const auto saved =
      call({"cache-archiver", "--file", first, "--path", "deps", "--url", server.url("k"),
            "--check-url", server.url("k"), "--header", "X-Amz-Meta-Cachekey: main"});
  EXPECT_EQ(saved.code, 0) << saved.err;
  ASSERT_TRUE(server.has("k"));
  EXPECT_EQ(server.seen().back().headers.get("X-Amz-Meta-Cachekey"), "main");
  std::filesystem::remove_all(project_ / "deps");
  const auto second = (root_ / "two/cache.zip").string();
  const auto restored = call({"cache-extractor", "--file", second, "--url", server.url("k")});
  EXPECT_EQ(restored.code, 0) << restored.err;
  EXPECT_EQ(read_file(project_ / "deps/a"), "dependency");
  server.fail({"GET", 500});
  server.fail({"GET", 500});
  EXPECT_EQ(call({"cache-extractor", "--file", second + "x", "--url", server.url("k"), "--retry",
                  "1", "--retry-time", "10ms"})
                .code,
            1)
      << "two tries";
}

TEST_F(HelperCommands, CachesAreRefusedByName) {
  expect_failure({"cache-archiver", "--path", "x"}, "FATAL: Missing --file");
  expect_failure({"cache-extractor"}, "WARNING: Missing cache file");
  expect_failure({"cache-extractor", "--file", "x", "--gocloud-url", "azblob://c/o"},
                 "--gocloud-url is not supported");
  expect_failure({"cache-archiver", "--file", "x", "--header", "nonsense"},
                 "--header: expected `NAME: VALUE`");
  expect_failure({"cache-archiver", "--file", "x", "--metadata", "[]"},
                 "--metadata: expected a JSON object");
  expect_failure({"cache-archiver", "--file", "x", "--env-file", "/nowhere"},
                 "--env-file: cannot read /nowhere");
}

TEST_F(HelperCommands, CacheInitOpensDirectories) {
  std::filesystem::create_directory(root_ / "cache");
  std::filesystem::permissions(root_ / "cache", std::filesystem::perms::owner_all);
  const auto result = call({"cache-init", (root_ / "none").string(), (root_ / "cache").string()});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(plain(result.err), HasSubstr("ERROR: failed to chmod path"));
  EXPECT_EQ(std::filesystem::status(root_ / "cache").permissions(), std::filesystem::perms::all);
  EXPECT_EQ(call({"cache-init"}).code, 1);
}

/// A port on loopback, open from listen() on.
class Port {
 public:
  Port() : acceptor_{io_, {boost::asio::ip::make_address("127.0.0.1"), 0}, false} {}
  std::string text() const { return std::to_string(acceptor_.local_endpoint().port()); }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
};

TEST_F(HelperCommands, HealthCheckWaitsForAllItsPorts) {
  const Port one;
  const Port two;
  const auto result = call({"health-check", "--port", one.text(), "-p", two.text()});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out,
              AllOf(StartsWith("waiting for TCP connection to localhost on [" + one.text() + " " +
                               two.text() + "]...\ndialing localhost:" + one.text() + "...\n"),
                    HasSubstr("dial succeeded on localhost:" + two.text() + ". Exiting...\n")));
}

TEST_F(HelperCommands, HealthCheckIsContentWithOnePortOfALinkedService) {
  const Port open;
  environment_ = {{"SERVICE_TCP_ADDR", "127.0.0.1"},
                  {"SERVICE_PORT_1_TCP_PORT", "1"},
                  {"SERVICE_PORT_2_TCP_PORT", open.text()}};
  const auto result = call({"health-check"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, HasSubstr("dial succeeded on 127.0.0.1:" + open.text()));
  environment_.clear();
  expect_failure({"health-check"}, "FATAL: No HOST or PORT found");
}

TEST_F(HelperCommands, ReadLogsFollowsAFile) {
  const auto log = root_ / "log";
  write_file(log, "skipped\nfirst\nsec");
  const pid_t pid = start({"read-logs", "--path", log.string(), "--offset", "8"});
  const auto shown = [&](const std::string& text) {
    for (int i = 0; i < 1000; ++i) {
      if (read_file(home_ / "stage.out") == text) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  };
  EXPECT_TRUE(shown("14 first\n"));
  std::ofstream{log, std::ios::app} << "ond\n" << std::string(20'000, 'x') << "\n";
  EXPECT_TRUE(shown("14 first\n21 second\n16405 " + std::string(16'384, 'x') + "\n20022 " +
                    std::string(3'616, 'x') + "\n"))
      << read_file(home_ / "stage.out").substr(0, 60);
  std::filesystem::remove(log);
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 100);
}

TEST_F(HelperCommands, ReadLogsWaitsOnlySoLongForTheFile) {
  EXPECT_EQ(call({"read-logs", "--path", "/nowhere/log", "--wait-file-timeout", "10ms"}).code, 100);
  EXPECT_EQ(
      call({"read-logs", "--path", "log/" + std::string(300, 'n'), "--wait-file-timeout", "0"})
          .code,
      1);
}

TEST_F(HelperCommands, LogsAsTheyAreWanted) {
  const auto json = call({"--log-format", "json", "cache-init"});
  EXPECT_EQ(nlohmann::json::parse(json.err),
            nlohmann::json({{"level", "fatal"},
                            {"msg", "No arguments passed, at least one path is required."}}));
  environment_ = {{"LOG_FORMAT", "text"}};
  EXPECT_EQ(call({"cache-init", "/none"}).err,
            "level=error msg=\"failed to chmod path\" error=\"No such file or directory\" "
            "path=\"/none\"\n");
  EXPECT_EQ(call({"-l", "fatal", "cache-init", "/none"}).err, "");
}

}  // namespace
}  // namespace slipway::helper
