#include "config/lint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace slipway::config {
namespace {

using Kind = Problem::Kind;

class Lint : public testing::Test {
 protected:
  Lint() {
    auto pattern = (std::filesystem::temp_directory_path() / "slipway-lint-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
    path = (directory / "c.toml").string();
  }
  ~Lint() override { std::filesystem::remove_all(directory); }
  std::vector<Problem> problems_of(const std::string& text) const {
    std::ofstream{path} << text;
    return lint(path, [](const std::string&) { return std::nullopt; });
  }

  std::filesystem::path directory;
  std::string path;
};

const std::string good =
    "concurrent = 2\n[[runners]]\nname = \"r\"\nurl = \"https://h/\"\ntoken = \"t\"\n"
    "executor = \"docker\"\n[runners.docker]\nimage = \"a\"\n";

TEST_F(Lint, AGoodFileHasNoProblems) {
  EXPECT_TRUE(problems_of(good).empty());
  EXPECT_TRUE(problems_of("").empty());
}

TEST_F(Lint, EveryKindOfProblem) {
  const auto problems = problems_of(good +
                                    "buids_dir = 1\npull_policy = \"sometimes\"\n[runners.cache]\n"
                                    "Insecure = false\n");
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].kind, Kind::unknown_key);
  EXPECT_EQ(problems[0].line, 9u);
  EXPECT_EQ(problems[0].text, "unknown key: runners.docker.buids_dir (line 9)");
  EXPECT_EQ(problems[1].kind, Kind::value);
  EXPECT_EQ(problems[1].text, path +
                                  ":10: key \"runners.docker.pull_policy\": \"sometimes\" is "
                                  "none of always, if-not-present, never");
  EXPECT_EQ(problems[2].kind, Kind::unknown_key);
  EXPECT_EQ(problems[2].text, "unknown key: runners.cache.Insecure (line 12, it has no effect)");
}

TEST_F(Lint, AFileThatCannotBeUsedHasOneProblemWithItsPlace) {
  const auto problems = problems_of("concurrent = \"x\"\nbuids = 1\n");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].kind, Kind::unusable);
  EXPECT_EQ(problems[0].line, 1u);
  EXPECT_EQ(problems[0].column, 14u);
  EXPECT_EQ(to_string(problems[0].kind), "unusable");
}

TEST_F(Lint, NoJobsAtAllIsAProblem) {
  const auto problems = problems_of("concurrent = 0\n");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].text, path + ": concurrent is 0, but must be at least 1");
}

TEST_F(Lint, TheNearestKeyIsNamed) {
  EXPECT_EQ(problems_of("conccurent = 1\n").at(0).text,
            "unknown key: conccurent (line 1, did you mean \"concurrent\"?)");
}

}  // namespace
}  // namespace slipway::config
