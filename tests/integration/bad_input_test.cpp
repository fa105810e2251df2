// What users can write, in every place where they can: names and values of any bytes, very many
// variables, very long scripts. With an agent in the build container and without.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/both_modes.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using namespace std::chrono_literals;

class BadInput : public BothModes {};
INSTANTIATE_TEST_SUITE_P(Modes, BadInput, both_modes, mode_name);

TEST_P(BadInput, TenThousandVariables) {
  JobBuilder job;
  job.image(image).script({"echo \"$V0, $V9999\""});
  for (int i = 0; i < 10'000; ++i) job.variable(fmt::format("V{}", i), fmt::format("value {}", i));
  const auto& done = run_job(job, 120s);
  EXPECT_EQ(done.state, JobState::success) << plain_text(done.trace).substr(0, 4000);
  EXPECT_THAT(plain_text(done.trace), HasSubstr("\nvalue 0, value 9999\n"));
}

TEST_P(BadInput, AScriptOfTenMebibytes) {
  std::string document = "cat > /tmp/big <<'END'\n";
  const std::string line = "it's a \"line\" of $some \\length, one of very many\n";
  std::size_t size = 0;
  for (; size < 10u << 20; size += line.size()) document += line;
  const auto& done =
      run_job(JobBuilder{}.image(image).script({document + "END", "wc -c < /tmp/big"}), 180s);
  EXPECT_EQ(done.state, JobState::success) << plain_text(done.trace).substr(0, 4000);
  EXPECT_THAT(plain_text(done.trace), HasSubstr(fmt::format("\n{}\n", size)));
}

TEST_P(BadInput, NamesOfEveryKind) {
  const std::string odd = "it's $HOME `id` \"x\" \\n;&|<>*?[a]{b}~#";
  JobBuilder job;
  job.image(image)
      .name(odd)
      .variable("ODD", odd, {.raw = true})
      .variable("EXPANDED", "$$ $UNKNOWN ${")
      .variable("KEY", "file\n" + odd, {.raw = true, .file = true})
      .script({"printf '<%s>\\n' \"$ODD\" \"$EXPANDED\" \"$CI_JOB_NAME\"", "cat \"$KEY\""})
      .after_script({"echo '" + std::string{"# "} + "after'"});
  const auto& done = run_job(job);
  EXPECT_EQ(done.state, JobState::success) << plain_text(done.trace);
  EXPECT_THAT(plain_text(done.trace), AllOf(HasSubstr("\n<" + odd + ">\n"), HasSubstr("\n<$  >\n"),
                                            HasSubstr("\nfile\n" + odd), HasSubstr("\n# after\n")));
}

TEST_P(BadInput, FilesOfAnyNameGoFromJobToJob) {
  const auto& made = run_job(JobBuilder{}.image(image).artifacts({"out/"}).script(
      {"mkdir out && cd out", "echo 1 > \"$(printf 'a\\nb')\"", "echo 2 > \"$(printf 'caf\\351')\"",
       "echo 3 > ' $HOME \"x\" '", "echo 4 > '-rf'", "mkfifo pipe", "ln -s /etc/passwd link"}));
  ASSERT_EQ(made.state, JobState::success) << plain_text(made.trace);
  EXPECT_THAT(plain_text(made.trace), HasSubstr("out/pipe")) << "what is left out is named";
  ASSERT_EQ(made.artifacts.size(), 1u);
  const auto& used = run_job(
      JobBuilder{}
          .image(image)
          .dependency(made.id, made.token.reveal(), "build", "artifacts.zip", 1)
          .script({"cd out && ls | wc -l",
                   "cat \"$(printf 'a\\nb')\" \"$(printf 'caf\\351')\" ' $HOME \"x\" ' ./-rf",
                   "readlink link"}));
  EXPECT_EQ(used.state, JobState::success) << plain_text(used.trace);
  EXPECT_THAT(plain_text(used.trace),
              AllOf(HasSubstr("\n1\n2\n3\n4\n"), HasSubstr("\n/etc/passwd\n")));
}

TEST_P(BadInput, PathsOutsideOfTheProjectAreNamed) {
  const auto& done = run_job(JobBuilder{}
                                 .image(image)
                                 .artifacts({"../../../etc/passwd", "/etc/*", "kept", "$UNSET"})
                                 .script({"touch kept"}));
  EXPECT_EQ(done.state, JobState::success) << plain_text(done.trace);
  EXPECT_THAT(plain_text(done.trace),
              AllOf(HasSubstr("not a subpath of project directory: ../../../etc/passwd"),
                    HasSubstr("not a subpath of project directory: /etc/*"),
                    HasSubstr("No matching files. Path is empty."),
                    HasSubstr("kept: found 1 matching artifact files and directories")));
}

}  // namespace
}  // namespace slipway::tests
