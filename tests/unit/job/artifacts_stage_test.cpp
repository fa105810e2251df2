#include "job/artifacts_stage.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::job {
namespace {

using nlohmann::json;

UploadArtifactsParameters upload() {
  UploadArtifactsParameters parameters;
  parameters.coordinator = {"https://gitlab.example.org", "ca", "certificate", "key"};
  parameters.job = 90125;
  parameters.token = "glcbt-64_job";
  parameters.project_dir = "/builds/group/project";
  parameters.variables = {{"CI", "true"}, {"EMPTY", ""}};
  parameters.artifacts = {{"name", true, {"a", "b c"}, {"a/*.o"}, "archive", "zip", "1 week"},
                          {"", false, {"junit.xml"}, {}, "junit", "gzip", ""}};
  parameters.artifacts[0].provenance = ArtifactProvenance{
      "12", "https://git", "5ca1ab1e", "job", "docker", "box", "then", "now", "v1", {"CI", "KEY"}};
  return parameters;
}

TEST(ArtifactsStage, AnUploadArrivesAsItWasSent) {
  const json sent = upload();
  const auto received = json::parse(sent.dump()).get<UploadArtifactsParameters>();
  EXPECT_EQ(json(received), sent);
  ASSERT_EQ(received.artifacts.size(), 2u);
  EXPECT_EQ(received.artifacts[0].exclude, std::vector<std::string>{"a/*.o"});
  EXPECT_TRUE(received.artifacts[0].untracked);
  EXPECT_EQ(received.artifacts[1].format, "gzip");
  EXPECT_EQ(received.artifacts[0].provenance, upload().artifacts[0].provenance);
  EXPECT_EQ(received.artifacts[1].provenance, std::nullopt);
  EXPECT_EQ(received.coordinator.key, "key");
  EXPECT_EQ(received.job, 90125);
  EXPECT_EQ(received.variables, upload().variables);
}

TEST(ArtifactsStage, ADownloadArrivesAsItWasSent) {
  DownloadArtifactsParameters parameters;
  parameters.coordinator.url = "http://gitlab.example.org/sub";
  parameters.project_dir = "/builds/group/project";
  parameters.sources = {{7, "glcbt-64_other", "build: [linux]"}, {8, "t", "lint"}};
  const json sent = parameters;
  const auto received = json::parse(sent.dump()).get<DownloadArtifactsParameters>();
  EXPECT_EQ(json(received), sent);
  ASSERT_EQ(received.sources.size(), 2u);
  EXPECT_EQ(received.sources[0].token, "glcbt-64_other");
  EXPECT_EQ(received.sources[1].job, 8);
}

TEST(ArtifactsStage, MissingMembersAreDefaultsAndWrongOnesErrors) {
  const auto empty = json::object().get<UploadArtifactsParameters>();
  EXPECT_EQ(empty.job, 0);
  EXPECT_TRUE(empty.artifacts.empty());
  for (const auto* text : {"[]", "7", R"({"artifacts":[7]})", R"({"artifacts":[{"paths":"a"}]})",
                           R"({"job":"7"})", R"({"coordinator":[]})"})
    EXPECT_THROW(json::parse(text).get<UploadArtifactsParameters>(), json::exception) << text;
  for (const auto* text : {"[]", R"({"sources":[[]]})", R"({"sources":[{"token":1}]})"})
    EXPECT_THROW(json::parse(text).get<DownloadArtifactsParameters>(), json::exception) << text;
}

}  // namespace
}  // namespace slipway::job
