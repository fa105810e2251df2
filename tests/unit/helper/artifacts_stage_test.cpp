// The stages that exchange artifacts, in processes of their own, with a coordinator on loopback.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "archive_fixture.hpp"
#include "artifacts_fixture.hpp"

namespace slipway::helper {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

job::ArtifactUpload artifact(std::vector<std::string> paths) {
  job::ArtifactUpload result;
  result.paths = std::move(paths);
  result.type = "archive";
  result.format = "zip";
  return result;
}

class UploadStage : public ArtifactStageTest {
 protected:
  /// Names in the zip that a request carried, as Info-ZIP lists them.
  std::string listed(const SeenRequest& request) const {
    const auto path = root_ / "received.zip";
    write_file(path, file_of(request.body).content);
    return archive_run({"unzip", "-Z1", path.string()});
  }
  std::string archive_run(const std::vector<std::string>& arguments) const {
    struct Runner : archive::ArchiveTest {
      using archive::ArchiveTest::run;
      void TestBody() override {}
    };
    return Runner::run(arguments, root_);
  }
};

TEST_F(UploadStage, SendsWhatItFoundAndSaysSo) {
  write("out/a.txt", "a");
  write("out/b.o", "b");
  script({{201}});
  auto wanted = artifact({"$CI_JOB_NAME-none", "out"});
  wanted.exclude = {"**/*.o"};
  wanted.expire_in = "1 week";
  const auto result = upload(upload_of({wanted}));
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  const auto requests = seen();
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_EQ(requests[0].target,
            "/api/v4/jobs/7/artifacts?artifact_format=zip&artifact_type=archive&"
            "expire_in=1%20week");
  EXPECT_EQ(requests[0].token, "glcbt-64_jobtoken123");
  EXPECT_EQ(file_of(requests[0].body).name, "artifacts.zip");
  EXPECT_EQ(listed(requests[0]), "out/\nout/a.txt\n");
  const auto log = plain(result.out);
  EXPECT_EQ(result.err, "") << "all of it is in one stream, in order";
  EXPECT_THAT(log,
              AllOf(StartsWith("Uploading artifacts...\nWARNING: build-none: no matching"),
                    HasSubstr("out: found 2 matching artifact files and directories"),
                    HasSubstr("**/*.o: excluded 1 files"),
                    HasSubstr("Uploading artifacts as \"archive\" to coordinator... 201 "
                              "Created correlation_id="),
                    HasSubstr("id=7 status=201 token=64_jobtok\n"), Not(HasSubstr("jobtoken123"))));
}

TEST_F(UploadStage, Case55NothingToSendIsNoFailure) {
  const auto result = upload(upload_of({artifact({"missing"}), artifact({""})}));
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(seen(), SizeIs(0));
  EXPECT_THAT(plain(result.out), AllOf(HasSubstr("WARNING: missing: no matching files"),
                                       HasSubstr("WARNING: No matching files. Path is empty."),
                                       HasSubstr("ERROR: No files to upload")));
}

TEST_F(UploadStage, Case59NamesOfTheFile) {
  write("f", "f");
  const std::vector<std::pair<const char*, const char*>> cases{
      {"$CI_JOB_NAME-x/y", "y.zip"}, {"$CI_JOB_NAME", "build.zip"}, {"", "artifacts.zip"},
      {".", "default.zip"},          {"$UNSET", "default.zip"},     {"a\"b\nc", "a%22b%0Ac.zip"},
      {"$(id)", "$(id).zip"}};
  for (const auto& [name, expected] : cases) {
    script({{201}});
    auto wanted = artifact({"f"});
    wanted.name = name;
    EXPECT_EQ(upload(upload_of({wanted})).code, 0) << name;
    EXPECT_EQ(file_of(seen().back().body).name, expected) << name;
  }
}

TEST_F(UploadStage, Case60EveryTryCarriesTheWholeArchive) {
  write("large", archive::noise(3'000'000));
  script({{500}, {400}, {201}});
  // The HTTP layer repeats the 500 by itself, the upload the 400.
  const auto result = upload(upload_of({artifact({"large"})}));
  EXPECT_EQ(result.code, 0) << result.out;
  const auto requests = seen();
  ASSERT_THAT(requests, SizeIs(3));
  for (const auto& request : requests) {
    EXPECT_GT(request.body.size(), 3'000'000u);
    EXPECT_EQ(listed(request), "large\n");
  }
  EXPECT_THAT(plain(result.out),
              AllOf(HasSubstr("WARNING: Uploading artifacts as \"archive\" to coordinator... 400 "
                              "Bad Request"),
                    HasSubstr("WARNING: Retrying... context=artifacts-uploader error=")));
}

TEST_F(UploadStage, Case60RefusalsAreFinal) {
  write("f", "f");
  const std::vector<std::pair<int, const char*>> cases{{403, "FATAL: permission denied"},
                                                       {413, "FATAL: too large"}};
  for (const auto& [status, text] : cases) {
    const auto before = seen().size();
    script({{status,
             R"({"message":"Maximum file size exceeded"})",
             {{"Content-Type", "application/json"}}}});
    const auto result = upload(upload_of({artifact({"f"}), artifact({"f"})}));
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(plain(result.out),
                AllOf(HasSubstr(text), HasSubstr("(Maximum file size exceeded)")));
    EXPECT_EQ(seen().size(), before + 1) << "neither another try nor the next artifact";
  }
}

TEST_F(UploadStage, ACoordinatorThatIsAwayIsToldFromOneThatRefuses) {
  write("f", "f");
  script({{201, "", {}, true}, {201, "", {}, true}, {201, "", {}, true}});
  const auto dropped = upload(upload_of({artifact({"f"})}));
  EXPECT_EQ(dropped.code, job::coordinator_away_exit_code) << dropped.out;
  EXPECT_THAT(seen(), SizeIs(3));
  script({{400}, {400}, {400}});
  EXPECT_EQ(upload(upload_of({artifact({"f"})})).code, 1);
}

TEST_F(UploadStage, Case66GzipAndRaw) {
  write("a.xml", "first");
  write("b.xml", "second");
  script({{201}, {201}});
  auto reports = artifact({"*.xml"});
  reports.format = "gzip";
  reports.type = "junit";
  auto one = artifact({"a.xml"});
  one.format = "raw";
  one.type = "dotenv";
  EXPECT_EQ(upload(upload_of({reports, one})).code, 0);
  const auto requests = seen();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(file_of(requests[0].body).name, "artifacts.gz");
  write_file(root_ / "received.gz", file_of(requests[0].body).content);
  EXPECT_EQ(archive_run({"zcat", "received.gz"}), "firstsecond");
  EXPECT_EQ(file_of(requests[1].body).name, "artifacts");
  EXPECT_EQ(file_of(requests[1].body).content, "first");
  one.paths = {"*.xml"};
  const auto result = upload(upload_of({one}));
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(plain(result.out), HasSubstr("FATAL: only one file can be sent as raw"));
}

TEST_F(UploadStage, ArchivesPackedByZstd) {
  write("dir/file", "text");
  script({{201}, {201}});
  auto tar = artifact({"dir"});
  tar.format = "tarzstd";
  auto zip = artifact({"dir"});
  zip.format = "zipzstd";
  EXPECT_EQ(upload(upload_of({tar, zip})).code, 0);
  const auto requests = seen();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(file_of(requests[0].body).name, "artifacts.tar.zst");
  write_file(root_ / "received.tar.zst", file_of(requests[0].body).content);
  EXPECT_EQ(archive_run({"tar", "-tf", "received.tar.zst"}), "dir/\ndir/file\n");
  EXPECT_EQ(file_of(requests[1].body).name, "artifacts.zip");
  EXPECT_EQ(listed(requests[1]), "dir/\ndir/file\n");
}

TEST_F(UploadStage, SaysWhereTheFilesComeFrom) {
  write("out/a.txt", "abc");
  script({{201}});
  auto wanted = artifact({"out"});
  wanted.name = "dir/release";
  wanted.provenance = job::ArtifactProvenance{"12",
                                              "https://git.example.com/a.git",
                                              "5ca1ab1e",
                                              "compile",
                                              "docker",
                                              "box",
                                              "2026-01-02T03:04:05Z",
                                              "2026-01-02T03:05:00Z",
                                              "v2",
                                              {"CI", "DEPLOY_KEY"}};
  const auto result = upload(upload_of({wanted}));
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  EXPECT_THAT(plain(result.out),
              HasSubstr("WARNING: unknown SLSA provenance version \"v2\", using v1"));
  EXPECT_EQ(listed(seen().at(0)), "out/\nout/a.txt\nrelease-metadata.json\n");
  const auto json = nlohmann::json::parse(
      archive_run({"unzip", "-p", (root_ / "received.zip").string(), "release-metadata.json"}));
  EXPECT_EQ(json.at("_type"), "https://in-toto.io/Statement/v0.1");
  EXPECT_EQ(json.at("predicateType"), "https://slsa.dev/provenance/v1");
  EXPECT_EQ(
      json.at("subject"),
      nlohmann::json::array(
          {{{"name", "out/a.txt"},
            {"digest",
             {{"sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}}}}}));
  const auto& built = json.at("predicate").at("buildDefinition");
  EXPECT_EQ(built.at("externalParameters"),
            nlohmann::json({{"CI", ""},
                            {"DEPLOY_KEY", ""},
                            {"entryPoint", "compile"},
                            {"source", "https://git.example.com/a.git"}}));
  EXPECT_EQ(built.at("internalParameters").at("executor"), "docker");
  const auto& ran = json.at("predicate").at("runDetails");
  EXPECT_EQ(ran.at("builder").at("id"), url() + "/-/runners/12");
  EXPECT_EQ(ran.at("metadata").at("invocationID"), "7");
  EXPECT_EQ(ran.at("metadata").at("finishedOn"), "2026-01-02T03:05:00Z");
}

TEST_F(UploadStage, UntrackedFilesNeedARepository) {
  auto wanted = artifact({});
  wanted.untracked = true;
  EXPECT_THAT(plain(upload(upload_of({wanted})).out),
              AllOf(HasSubstr("WARNING: untracked: "), HasSubstr("No files to upload")));
  archive_run({"git", "init", "-q", project_.string()});
  write("new file", "x");
  script({{201}});
  const auto result = upload(upload_of({wanted}));
  EXPECT_EQ(result.code, 0) << result.out;
  ASSERT_THAT(seen(), SizeIs(1));
  EXPECT_EQ(listed(seen()[0]), "new file\n");
  EXPECT_THAT(plain(result.out), HasSubstr("untracked: found 1 files"));
}

TEST_F(UploadStage, BadInputIsSaidAndSendsNothing) {
  write("f", "f");
  auto parameters = upload_of({artifact({"f"})});
  parameters.token.clear();
  EXPECT_THAT(plain(upload(parameters).out), HasSubstr("FATAL: Missing runner credentials"));
  parameters = upload_of({artifact({"f"})});
  parameters.job = 0;
  EXPECT_THAT(plain(upload(parameters).out), HasSubstr("FATAL: Missing build ID"));
  parameters = upload_of({artifact({"f"})});
  parameters.artifacts[0].format = "rar";
  EXPECT_THAT(plain(upload(parameters).out), HasSubstr("unsupported archive format: \"rar\""));
  parameters = upload_of({artifact({"f"})});
  parameters.project_dir = (root_ / "nowhere").string();
  const auto result = upload(parameters);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out + result.err, HasSubstr("cannot enter the project directory"));
  parameters = upload_of({artifact({"f"})});
  parameters.variables.push_back({"ARTIFACT_COMPRESSION_LEVEL", "most"});
  script({{201}});
  EXPECT_THAT(plain(upload(parameters).out),
              HasSubstr("compression level \"most\" is invalid, falling back to default"));
  EXPECT_THAT(seen(), SizeIs(1));
}

class DownloadStage : public ArtifactStageTest {
 protected:
  /// A zip made by Info-ZIP of one file.
  std::string zip_of(const std::string& name, const std::string& text) {
    const auto directory = root_ / "made";
    std::filesystem::create_directories((directory / name).parent_path());
    write_file(directory / name, text);
    struct Runner : archive::ArchiveTest {
      using archive::ArchiveTest::run;
      void TestBody() override {}
    };
    std::filesystem::remove(root_ / "made.zip");
    Runner::run({"zip", "-q", "-r", "../made.zip", name}, directory);
    return read_file(root_ / "made.zip");
  }
};

TEST_F(DownloadStage, BringsTheFilesOfEachJobWithItsToken) {
  script({{200, zip_of("a/one", "1")}, {200, zip_of("a/two", "2")}});
  const auto result = download(download_of(
      {{11, "glcbt-64_firstjobstoken", "build"}, {12, "glcbt-64_secondjobstoken", "lint"}}));
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  EXPECT_EQ(read_file(project_ / "a/one"), "1");
  EXPECT_EQ(read_file(project_ / "a/two"), "2");
  const auto requests = seen();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(requests[0].target, "/api/v4/jobs/11/artifacts?direct_download=true");
  EXPECT_EQ(requests[0].token, "glcbt-64_firstjobstoken");
  EXPECT_EQ(requests[1].token, "glcbt-64_secondjobstoken");
  EXPECT_THAT(
      plain(result.out),
      AllOf(StartsWith("Downloading artifacts for build (11)...\nDownloading artifacts "
                       "from coordinator... ok"),
            HasSubstr("Downloading artifacts for lint (12)...\n"), Not(HasSubstr("jobstoken"))));
}

TEST_F(DownloadStage, Case62WhatCannotBeHad) {
  const std::vector<std::tuple<int, const char*, const char*>> cases{
      {404, "coordinator... not found", "FATAL: file does not exist"},
      {403, "coordinator... forbidden", "FATAL: permission denied"},
      {401, "coordinator... unauthorized", "FATAL: permission denied"}};
  for (const auto& [status, outcome, reason] : cases) {
    const auto before = seen().size();
    script({{status}});
    const auto result = download(download_of({{11, "token", "build"}, {12, "token", "next"}}));
    EXPECT_EQ(result.code, 1) << status;
    EXPECT_THAT(plain(result.out), AllOf(HasSubstr(outcome), HasSubstr(reason)));
    EXPECT_EQ(seen().size(), before + 1);
  }
  auto parameters = download_of({{11, "token", "build"}});
  parameters.variables = {{"FF_USE_DIRECT_DOWNLOAD", "false"}};
  script({{400}, {400}, {200, zip_of("f", "f")}});
  EXPECT_EQ(download(parameters).code, 0);
  for (std::size_t i = 3; i < 6; ++i) EXPECT_EQ(seen()[i].target, "/api/v4/jobs/11/artifacts");
}

TEST_F(DownloadStage, WhatIsNoArchiveIsSaid) {
  script({{200, "no archive at all"}, {200, zip_of("f", "f").substr(0, 30)}});
  for (int i = 0; i < 2; ++i) {
    const auto result = download(download_of({{11, "token", "build"}}));
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(plain(result.out), HasSubstr("FATAL: "));
  }
  EXPECT_TRUE(std::filesystem::is_empty(project_));
}

TEST_F(DownloadStage, TheFirstBytesSayWhatItIs) {
  const auto directory = root_ / "made";
  std::filesystem::create_directories(directory);
  write_file(directory / "f", "from a tar");
  struct Runner : archive::ArchiveTest {
    using archive::ArchiveTest::run;
    void TestBody() override {}
  };
  Runner::run({"tar", "--zstd", "-cf", "../made.tar.zst", "f"}, directory);
  Runner::run({"gzip", "-k", "f"}, directory);
  script({{200, read_file(root_ / "made.tar.zst")}, {200, read_file(directory / "f.gz")}});
  EXPECT_EQ(download(download_of({{11, "token", "build"}})).code, 0);
  EXPECT_EQ(read_file(project_ / "f"), "from a tar");
  const auto result = download(download_of({{11, "token", "build"}}));
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(plain(result.out), HasSubstr("\"gzip\" format: unsupported archive format"));
}

TEST_F(DownloadStage, NothingStaysInTheStagingDirectory) {
  const auto staging = root_ / "staging";
  std::filesystem::create_directory(staging);
  auto parameters = download_of({{11, "token", "build"}});
  parameters.variables = {{"ARCHIVER_STAGING_DIR", staging.string()}};
  script({{200, zip_of("f", "f")}});
  EXPECT_EQ(download(parameters).code, 0);
  EXPECT_TRUE(std::filesystem::is_empty(staging));
  parameters.variables = {{"ARCHIVER_STAGING_DIR", (root_ / "missing").string()}};
  script({{200, zip_of("f", "f")}});
  const auto result = download(parameters);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(plain(result.out), HasSubstr("cannot make a temporary file in"));
}

}  // namespace
}  // namespace slipway::helper
