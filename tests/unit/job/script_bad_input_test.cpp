// Scripts of jobs that nobody means well, in real shells.

#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>

#include "job/script.hpp"
#include "shell_run.hpp"

namespace slipway::job {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;

struct Shell {
  std::string name;
  std::vector<std::string> command;
};

std::ostream& operator<<(std::ostream& out, const Shell& shell) {
  return out << shell.name;
}

/// A name with everything in it that a shell could take for something else.
const std::string odd_name = "it's $HOME `id` \"x\" \\n;&|<>*?[a]{b}~#\n\xff\xc3 \x01-end";

class BadInput : public testing::TestWithParam<Shell> {
 protected:
  ShellResult run() { return run_shell(GetParam().command, generate_script(options_)); }
  void add(std::string key, std::string value, bool file = false) {
    options_.variables.add({.key = std::move(key), .value = std::move(value), .file = file});
  }

  TempDir dir_;
  ScriptOptions options_;
};

TEST_P(BadInput, DirectoriesOfAnyName) {
  const auto project = dir_.path(odd_name);
  std::filesystem::create_directory(project);
  options_.project_dir = project;
  options_.temp_dir = project + ".tmp";
  add("KEY_FILE", "secret", true);
  options_.commands = {"printf %s \"$PWD\" > pwd", "cp \"$KEY_FILE\" copy",
                       "echo A=b >> \"$GITLAB_ENV\""};
  const auto result = run();
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(dir_.read(odd_name + "/pwd"), project);
  EXPECT_EQ(dir_.read(odd_name + "/copy"), "secret");
  EXPECT_EQ(dir_.read(odd_name + ".tmp/gitlab_runner_env"), "A=b\n");
}

TEST_P(BadInput, ValuesAndCommandsOfAnyBytes) {
  options_.project_dir = dir_.path();
  options_.temp_dir = dir_.path("t.tmp");
  add("ODD", odd_name);
  options_.first_notice = odd_name;
  options_.commands = {"printf %s \"$ODD\" > value", "# " + odd_name};
  const auto result = run();
  EXPECT_EQ(dir_.read("value"), odd_name);
  EXPECT_THAT(result.output, HasSubstr(odd_name));
}

TEST_P(BadInput, TenThousandVariables) {
  options_.project_dir = dir_.path();
  for (int i = 0; i < 10'000; ++i) add("V" + std::to_string(i), "value " + std::to_string(i));
  options_.commands = {"echo \"$V0, $V9999\""};
  const auto begin = std::chrono::steady_clock::now();
  const auto result = run();
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, EndsWith("\nvalue 0, value 9999\n"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 60s);
}

TEST_P(BadInput, AScriptOfTenMebibytes) {
  options_.project_dir = dir_.path();
  std::string document = "cat > big <<'END'\n";
  const std::string line = "it's a \"line\" of $some \\length, one of very many\n";
  std::size_t size = 0;
  while (size < 10u << 20) {
    document += line;
    size += line.size();
  }
  options_.commands = {document + "END", "wc -c < big", "echo done"};
  const auto begin = std::chrono::steady_clock::now();
  const auto result = run();
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr(std::to_string(size) + "\n"));
  EXPECT_THAT(result.output, EndsWith("\ndone\n"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 60s);
}

INSTANTIATE_TEST_SUITE_P(Shells, BadInput,
                         testing::Values(Shell{"bash", {"/bin/bash"}}, Shell{"dash", {"dash"}},
                                         Shell{"busybox", {"busybox", "sh"}}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace slipway::job
