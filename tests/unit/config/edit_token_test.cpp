#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/edit.hpp"
#include "config/load.hpp"
#include "config/section_values.hpp"

namespace slipway::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const TokenChange change{util::Secret{"glrt-new"}, "2026-01-02T03:04:05Z", "2026-02-03T04:05:06Z"};

TEST(TokenChange, EveryOtherByteStays) {
  const struct {
    const char* what;
    std::string before;
    std::string after;
  } cases[] = {
      {"as register writes it",
       "concurrent = 1\n\n[[runners]]\n  url = \"http://h\"\n  id = 1\n  token = \"old\"\n"
       "  token_obtained_at = 2025-01-01T00:00:00Z\n  token_expires_at = 0001-01-01T00:00:00Z\n"
       "  executor = \"docker\"\n",
       "concurrent = 1\n\n[[runners]]\n  url = \"http://h\"\n  id = 1\n  token = \"glrt-new\"\n"
       "  token_obtained_at = 2026-01-02T03:04:05Z\n  token_expires_at = 2026-02-03T04:05:06Z\n"
       "  executor = \"docker\"\n"},
      {"comments, references, odd order and keys",
       "# mine\n[[runners]] # one\n\ttoken_expires_at=2025-01-01T00:00:00Z # soon\n"
       "\t'Token' = '$RUNNER_TOKEN'\t# from the environment\r\n# token = \"no\"\n"
       "\tpre_build_script = '''\ntoken = \"no\"\n[[runners]]\n'''\n  odd = [ # list\n  \"]\", "
       "1\n]\n"
       "[runners.docker]\n  token = \"no\"\n",
       "# mine\n[[runners]] # one\n\ttoken_expires_at=2026-02-03T04:05:06Z # soon\n"
       "\t'Token' = \"glrt-new\"\t# from the environment\r\n"
       "\ttoken_obtained_at = 2026-01-02T03:04:05Z\r\n# token = \"no\"\n"
       "\tpre_build_script = '''\ntoken = \"no\"\n[[runners]]\n'''\n  odd = [ # list\n  \"]\", "
       "1\n]\n"
       "[runners.docker]\n  token = \"no\"\n"},
      {"the last line without its end", "[[runners]]\nurl = \"http://h\"\ntoken = \"old\"",
       "[[runners]]\nurl = \"http://h\"\ntoken = \"glrt-new\"\n"
       "token_obtained_at = 2026-01-02T03:04:05Z\ntoken_expires_at = 2026-02-03T04:05:06Z\n"},
      {"no token yet", "[[runners]]\n  executor = \"docker\"\n",
       "[[runners]]\n  token = \"glrt-new\"\n  token_obtained_at = 2026-01-02T03:04:05Z\n"
       "  token_expires_at = 2026-02-03T04:05:06Z\n  executor = \"docker\"\n"},
      {"no such runner", "concurrent = 1\n", "concurrent = 1\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(with_token_changed(c.before, 0, change), c.after);
  }
}

TEST(TokenChange, IsOfTheRunnerMeant) {
  const std::string text =
      "[[runners]]\n  token = \"a\"\n  [runners.docker]\n    image = \"i\"\n"
      "[[runners]]\n  token = \"b\"\n[[runners]]\n  token = \"c\"\n";
  const auto changed = with_token_changed(text, 1, change);
  const auto config = parse(changed, "config.toml", process_environment());
  ASSERT_EQ(config.runners.size(), 3u);
  EXPECT_EQ(config.runners[0].token.reveal(), "a");
  EXPECT_EQ(config.runners[1].token.reveal(), "glrt-new");
  EXPECT_EQ(config.runners[1].token_expires_at, "2026-02-03T04:05:06Z");
  EXPECT_EQ(config.runners[2].token.reveal(), "c");
}

TEST(TokenChange, ValuesOfAServerCannotWriteOtherKeys) {
  const TokenChange hostile{util::Secret{"a\"\n[x]\nb=\"$HOME"}, "", "2026-01-01\nlimit = 1"};
  const auto changed = with_token_changed("[[runners]]\n  token = \"old\"\n", 0, hostile);
  EXPECT_THAT(changed, HasSubstr("token_expires_at = 0001-01-01T00:00:00Z\n"));
  EXPECT_THAT(changed, HasSubstr("token_obtained_at = 0001-01-01T00:00:00Z\n"));
  EXPECT_THAT(changed, HasSubstr(R"(token = "a\"\n[x]\nb=\"$HOME")"));
  EXPECT_THAT(changed, Not(HasSubstr("limit")));
}

class TokenFile : public ::testing::Test {
 protected:
  TokenFile() {
    std::string name = ::testing::TempDir() + "token-file-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~TokenFile() override { std::filesystem::remove_all(directory_); }
  std::string path() const { return directory_ / "config.toml"; }
  void write(const std::string& text) { std::ofstream{path()} << text; }
  std::string read() const {
    std::stringstream text;
    text << std::ifstream{path()}.rdbuf();
    return text.str();
  }
  static bool any(const Runner&) { return true; }

 private:
  std::filesystem::path directory_;
};

TEST_F(TokenFile, IsChangedInPlace) {
  write(
      "# mine\n[[runners]]\n  url = \"http://a\"\n  token = \"a\"\n"
      "[[runners]]\n  url = \"http://b\"\n  token = \"b\"\n");
  const auto second = [](const Runner& runner) { return runner.token.reveal() == "b"; };
  EXPECT_TRUE(change_token(path(), second, change));
  EXPECT_EQ(read(),
            "# mine\n[[runners]]\n  url = \"http://a\"\n  token = \"a\"\n"
            "[[runners]]\n  url = \"http://b\"\n  token = \"glrt-new\"\n"
            "  token_obtained_at = 2026-01-02T03:04:05Z\n"
            "  token_expires_at = 2026-02-03T04:05:06Z\n");
  EXPECT_FALSE(change_token(path(), second, change)) << "not there any more";
}

TEST_F(TokenFile, WithoutOneNothingIsMade) {
  EXPECT_FALSE(change_token(path(), any, change));
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(TokenFile, WhatCannotBeChangedSafelyIsLeftAlone) {
  const std::string texts[] = {
      "runners = [ { url = \"http://a\", token = \"a\" } ]\n",
      "[[runners]]\n  url = \"http://a\"\n  token = \"a\nbroken",
  };
  for (const auto& text : texts) {
    write(text);
    EXPECT_THROW(change_token(path(), any, change), ConfigError);
    EXPECT_EQ(read(), text);
  }
  // What looks like a reference would be expanded at the next load.
  write("[[runners]]\n  token = \"a\"\n");
  const TokenChange reference{util::Secret{"glrt-$HOME"}, "", ""};
  EXPECT_THROW(change_token(path(), any, reference), ConfigError);
}

}  // namespace
}  // namespace slipway::config
