#include "cmd/slipway/log_format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::cmd {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;
using std::chrono::system_clock;

TEST(LogText, IsSplitIntoMessageAndFields) {
  const struct {
    const char* what;
    const char* text;
    const char* message;
    Fields fields;
  } cases[] = {
      {"none", "Running in system-mode.", "Running in system-mode.", {}},
      {"sorted", "job finished job=12 a=b", "job finished", {{"a", "b"}, {"job", "12"}}},
      {"quoted",
       R"(failed error="a \"b\" c" id=1)",
       "failed",
       {{"error", "a \"b\" c"}, {"id", "1"}}},
      {"several spaces",
       "Runtime platform  arch=amd64  os=linux",
       "Runtime platform",
       {{"arch", "amd64"}, {"os", "linux"}}},
      {"in the middle", "set a=b in the file", "set a=b in the file", {}},
      {"value with =", "x url=http://h/?a=b", "x", {{"url", "http://h/?a=b"}}},
      {"unfinished quote", "x a=\"b c", "x a=\"b c", {}},
      {"empty value", "x a= b=1", "x", {{"a", ""}, {"b", "1"}}},
      {"fields alone", "a=b", "", {{"a", "b"}}},
      {"empty", "", "", {}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const auto line = parse_log_text(c.text);
    EXPECT_EQ(line.message, c.message);
    EXPECT_EQ(line.fields, c.fields);
  }
}

TEST(LogText, ValuesSurviveTheRoundTrip) {
  for (const std::string value : {"plain", "", "two words", "a\"b\\c", "a=b", "x,y", "ümlaut"}) {
    SCOPED_TRACE(value);
    const auto line = parse_log_text("text key=" + log_value(value));
    EXPECT_EQ(line.fields, (Fields{{"key", value}}));
  }
}

LogLine line_of(Severity severity, const char* text) {
  auto line = parse_log_text(text);
  line.severity = severity;
  line.at =
      system_clock::time_point{std::chrono::seconds{1767225600}} + std::chrono::microseconds{1500};
  line.uptime = std::chrono::seconds{7};
  return line;
}

TEST(RunnerFormat, PadsAndPrefixes) {
  const auto format = [](Severity severity, const char* text, bool colour) {
    return format_log_line(line_of(severity, text), LogFormat::runner, colour);
  };
  EXPECT_EQ(format(Severity::info, "Hello a=1 b=\"two words\"", false),
            "Hello" + std::string(45, ' ') + "  a=1 b=two words\n");
  EXPECT_EQ(format(Severity::warning, "Hello", false),
            "WARNING: Hello" + std::string(36, ' ') + " \n");
  EXPECT_EQ(format(Severity::error, "Hello", true),
            "\033[31;1mERROR: Hello" + std::string(38, ' ') + "\033[0;m \n");
  EXPECT_EQ(format(Severity::info, "H\xC3\xA9 a=1", true),
            "H\xC3\xA9" + std::string(48, ' ') + "\033[0;m  a\033[0;m=1\n");
  EXPECT_TRUE(format(Severity::fatal, "x", false).starts_with("FATAL: x"));
  EXPECT_TRUE(format(Severity::panic, "x", false).starts_with("PANIC: x"));
  EXPECT_EQ(format(Severity::info, "", false), "\n");
}

TEST(RunnerFormat, ValuesCannotMakeLines) {
  LogLine line;
  line.message = "x";
  line.fields = {{"name", "a\nFATAL: b\033[2J"}};
  const auto text = format_log_line(line, LogFormat::runner, false);
  EXPECT_THAT(text, testing::HasSubstr("name=a\\nFATAL: b\\x1b[2J\n"));
}

TEST(TextFormat, DependsOnTheTerminal) {
  const auto line = line_of(Severity::warning, "two words a=1 b=\"x y\"");
  EXPECT_EQ(
      format_log_line(line, LogFormat::text, false),
      "time=\"2026-01-01T00:00:00.001500000Z\" level=warning msg=\"two words\" a=1 b=\"x y\"\n");
  EXPECT_EQ(format_log_line(line, LogFormat::text, true),
            "\033[33mWARN\033[0m[0007] two words" + std::string(35, ' ') +
                "  \033[33ma\033[0m=1 \033[33mb\033[0m=\"x y\"\n");
}

TEST(JsonFormat, IsOneSortedObjectPerLine) {
  const auto text =
      format_log_line(line_of(Severity::panic, "a <b> & \xff z=1 a=2"), LogFormat::json, false);
  EXPECT_THAT(text, testing::StartsWith("{\"a\":\"2\",\"level\":\"panic\",\"msg\":"));
  EXPECT_THAT(text, testing::HasSubstr("a \\u003cb\\u003e \\u0026 "));
  EXPECT_EQ(nlohmann::json::parse(text)["time"], "2026-01-01T00:00:00.001500000Z");
  EXPECT_EQ(nlohmann::json::parse(text)["msg"], "a <b> & \xEF\xBF\xBD");
}

}  // namespace
}  // namespace slipway::cmd
