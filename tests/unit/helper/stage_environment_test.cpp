#include "helper/stage_environment.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "artifacts_fixture.hpp"
#include "helper/sources/process.hpp"

namespace slipway::helper {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

TEST(JobEnvironment, Case25IsReadAsAShellWould) {
  EXPECT_THAT(parse_job_environment("A=1\n \tB= x y \t\nC=\nD\nE=a=b\\n\nA=2\nlast=lost"),
              ElementsAre(Pair("A", "1"), Pair("B", " x y"), Pair("C", ""), Pair("E", "a=b\\n"),
                          Pair("A", "2")));
}

TEST(JobEnvironment, Case25LinesWithoutAnEndAreLost) {
  EXPECT_THAT(parse_job_environment("A=1"), IsEmpty());
  EXPECT_THAT(parse_job_environment(""), IsEmpty());
}

TEST(JobEnvironment, WhatIsNoAssignmentFailsTheStage) {
  for (const auto* text : {"\n", "1A=x\n", "A-B=x\n", "=x\n", "A B=x\n", "\xff=x\n", "  \n"}) {
    try {
      parse_job_environment(text);
      ADD_FAILURE() << text;
    } catch (const StageFailure& failure) {
      EXPECT_EQ(failure.exit_code(), 1);
      EXPECT_THAT(failure.what(), HasSubstr("': not a valid identifier"));
    }
  }
}

class StageEnvironment : public ArtifactStageTest {
 protected:
  job::UploadArtifactsParameters upload_with_temp_dir() const {
    auto parameters = upload_of({{.name = "$NAME", .paths = {"$WHERE/*"}, .format = "zip"}});
    parameters.variables.emplace_back("RUNNER_TEMP_PROJECT_DIR", (root_ / "tmp").string());
    parameters.variables.emplace_back("NAME", "of the job");
    return parameters;
  }
};

TEST_F(StageEnvironment, Case25WhatAScriptWroteNamesArtifacts) {
  write("out/a", "a");
  std::filesystem::create_directory(root_ / "tmp");
  write_file(root_ / "tmp/gitlab_runner_env", "WHERE=out\nNAME=of the script\n");
  script({{201}});
  const auto result = upload(upload_with_temp_dir());
  EXPECT_EQ(result.code, 0) << result.out;
  ASSERT_EQ(seen().size(), 1u);
  EXPECT_EQ(file_of(seen()[0].body).name, "of the script.zip");
}

TEST_F(StageEnvironment, WhatIsNoFileIsNotRead) {
  write("out/a", "a");
  std::filesystem::create_directory(root_ / "tmp");
  ::mkfifo((root_ / "tmp/gitlab_runner_env").c_str(), 0600);
  EXPECT_EQ(upload(upload_with_temp_dir()).code, 0) << "and nobody waits for a writer";
  std::filesystem::remove(root_ / "tmp/gitlab_runner_env");
  write_file(root_ / "elsewhere", "not an assignment\n");
  std::filesystem::create_symlink(root_ / "elsewhere", root_ / "tmp/gitlab_runner_env");
  EXPECT_EQ(upload(upload_with_temp_dir()).code, 0);
}

TEST_F(StageEnvironment, ABrokenOneIsNamed) {
  std::filesystem::create_directory(root_ / "tmp");
  write_file(root_ / "tmp/gitlab_runner_env", "what is this\n");
  const auto result = upload(upload_with_temp_dir());
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err + result.out, HasSubstr("export: `what is this': not a valid identifier"));
}

}  // namespace
}  // namespace slipway::helper
