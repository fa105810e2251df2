#include "job/log_lines.hpp"

#include <gtest/gtest.h>

namespace slipway::job {
namespace {

using namespace std::chrono_literals;

TEST(LogLines, Jobs4_1Kinds) {
  EXPECT_EQ(plain_line("text"), "\x1b[0Ktext\x1b[0;m\n");
  EXPECT_EQ(info_line("Job succeeded"), "\x1b[32;1mJob succeeded\x1b[0;m\n");
  EXPECT_EQ(warning_line("odd"), "\x1b[0;33mWARNING: odd\x1b[0;m\n");
  EXPECT_EQ(error_line("Job failed: exit code 1"),
            "\x1b[31;1mERROR: Job failed: exit code 1\x1b[0;m\n");
  EXPECT_EQ(title_line("Getting source from Git repository"),
            "\x1b[0K\x1b[36;1mGetting source from Git repository\x1b[0;m\x1b[0;m\n");
}

TEST(LogLines, Jobs4_2Sections) {
  const std::chrono::system_clock::time_point at{1927000000s + 900ms};
  EXPECT_EQ(section_start("get_sources", at), "section_start:1927000000:get_sources\r\x1b[0K");
  EXPECT_EQ(section_end("get_sources", at), "section_end:1927000000:get_sources\r\x1b[0K");
}

TEST(LogLines, Jobs2StageTitles) {
  const struct {
    const char *stage, *title;
  } cases[] = {
      {"resolve_secrets", "Resolving secrets"},
      {"prepare_executor", "Preparing the \"docker\" executor"},
      {"prepare_script", "Preparing environment"},
      {"get_sources", "Getting source from Git repository"},
      {"clear_worktree", "Deleting all tracked and untracked files due to source fetch failure"},
      {"restore_cache", "Restoring cache"},
      {"download_artifacts", "Downloading artifacts"},
      {"step_script", "Executing \"step_script\" stage of the job script"},
      {"step_release", "Executing \"step_release\" stage of the job script"},
      {"after_script", "Running after_script"},
      {"archive_cache", "Saving cache for successful job"},
      {"archive_cache_on_failure", "Saving cache for failed job"},
      {"upload_artifacts_on_success", "Uploading artifacts for successful job"},
      {"upload_artifacts_on_failure", "Uploading artifacts for failed job"},
      {"cleanup_file_variables", "Cleaning up project directory and file based variables"},
      {"whatever", "Executing \"whatever\" stage of the job script"},
  };
  for (const auto& c : cases) EXPECT_EQ(stage_title(c.stage), c.title);
  EXPECT_EQ(stage_title("prepare_executor", "shell"), "Preparing the \"shell\" executor");
}

TEST(LogLines, Jobs1DurationText) {
  EXPECT_EQ(duration_text(0ms), "0s");
  EXPECT_EQ(duration_text(1ms), "1ms");
  EXPECT_EQ(duration_text(500ms), "500ms");
  EXPECT_EQ(duration_text(1s), "1s");
  EXPECT_EQ(duration_text(1500ms), "1.5s");
  EXPECT_EQ(duration_text(1050ms), "1.05s");
  EXPECT_EQ(duration_text(59'999ms), "59.999s");
  EXPECT_EQ(duration_text(90s), "1m30s");
  EXPECT_EQ(duration_text(10min), "10m0s");
  EXPECT_EQ(duration_text(1h), "1h0m0s");
  EXPECT_EQ(duration_text(26h + 3min + 4s), "26h3m4s");
  EXPECT_EQ(duration_text(-90s), "-1m30s");
  EXPECT_EQ(duration_text(-1ms), "-1ms");
  EXPECT_FALSE(duration_text(std::chrono::milliseconds::min()).empty());
}

}  // namespace
}  // namespace slipway::job
