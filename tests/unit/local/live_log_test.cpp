#include "local/live_log.hpp"

#include <gmock/gmock.h>

namespace slipway::local {
namespace {

/// The log of `trace` when it arrives in pieces of `step` bytes.
std::string shown(std::string_view trace, bool colours, std::size_t step) {
  std::string text;
  LiveLog log{colours, [&text](std::string_view piece) { text += piece; }};
  for (; !trace.empty(); trace.remove_prefix(std::min(step, trace.size())))
    log.write(trace.substr(0, step));
  log.close();
  return text;
}

#define AT "2031-02-03T04:05:06.000789Z "
#define CLEAR "\x1b[0K"

struct LogCase {
  const char* what;
  std::string trace;
  const char* plain;
  const char* coloured;
};

const LogCase cases[] = {
    {"nothing", "", "", ""},
    {"lines", AT "00O one\n" AT "01O two\n", "one\ntwo\n", "one\ntwo\n"},
    {"without timestamps", "one\ntwo", "one\ntwo\n", "one\ntwo\n"},
    {"an empty line", AT "01O one\n" AT "01O \n" AT "01O two\n", "one\n\ntwo\n", "one\n\ntwo\n"},
    {"a continued line", AT "01O one\n" AT "01O+ and\n" AT "01O+ a half\n", "one and a half\n",
     "one and a half\n"},
    {"continued after another stream", AT "01O one\n" AT "01E two\n" AT "01O+three\n",
     "one\ntwo\nthree\n", "one\ntwo\nthree\n"},
    {"a section and its title",
     AT "00O section_start:1927000000:get_sources\r" CLEAR "\n" AT "00O+" CLEAR
        "\x1b[36;1mGetting source\x1b[0;m\n",
     "Getting source\n", CLEAR "\x1b[36;1mGetting source\x1b[0;m\n"},
    {"a section's end before a new line",
     AT "00O section_end:1927000004:get_sources\r" CLEAR "\n" AT "01O next\n", "next\n", "next\n"},
    {"a section's end before another",
     AT "00O section_end:1:a\r" CLEAR "\n" AT "00O+section_start:1:b\r" CLEAR "\n" AT "00O+Title\n",
     "Title\n", "Title\n"},
    {"a section with options", "section_start:1:a[collapsed=true]\r" CLEAR "Title\n", "Title\n",
     "Title\n"},
    {"words like a section", "my section_start:abc and section_end:\n",
     "my section_start:abc and section_end:\n", "my section_start:abc and section_end:\n"},
    {"a mark that was cut off", "section_start:1:a", "section_start:1:a\n", "section_start:1:a\n"},
    {"progress", AT "01O 10%\r\n" AT "01O+20%\n", "10%20%\n", "10%\r20%\n"},
    {"nearly a header", "2031-02-03T04:05:06.000789Z 01X one\n",
     "2031-02-03T04:05:06.000789Z 01X one\n", "2031-02-03T04:05:06.000789Z 01X one\n"},
    {"what drives a terminal",
     "\x1b]0;title\x07\x1b[2J\x1b[5;5H\x1b"
     "7a\x08\x7f\tb\n",
     "]0;title7a\tb\n", "]0;title7a\tb\n"},
    {"an escape at the end", "a\x1b[\n\x1b\n", "a\n\n", "a\n\n"},
    {"UTF-8",
     "gr\xc3\xbc\xc3\x9f"
     "e\n",
     "gr\xc3\xbc\xc3\x9f"
     "e\n",
     "gr\xc3\xbc\xc3\x9f"
     "e\n"},
};

TEST(LiveLog, ShowsWhatAPersonReads) {
  for (const auto& c : cases)
    for (const std::size_t step : {1u, 7u, 1000u}) {
      SCOPED_TRACE(c.what);
      EXPECT_EQ(shown(c.trace, false, step), c.plain) << "pieces of " << step;
      EXPECT_EQ(shown(c.trace, true, step), c.coloured) << "pieces of " << step;
    }
}

TEST(LiveLog, ShowsALineAtOnceAndItsEndWithTheNext) {
  std::string text;
  LiveLog log{false, [&text](std::string_view piece) { text += piece; }};
  log.write(AT "01O one\n");
  EXPECT_EQ(text, "one");
  log.write(AT "01O tw");
  EXPECT_EQ(text, "one");
  log.write("o\n");
  EXPECT_EQ(text, "one\ntwo");
  log.close();
  log.close();
  EXPECT_EQ(text, "one\ntwo\n");
}

TEST(LiveLog, HoldsBackNoMoreThanALine) {
  const std::string endless(200'000, 'x');
  std::string text;
  LiveLog log{false, [&text](std::string_view piece) { text += piece; }};
  log.write(endless);
  EXPECT_EQ(text, endless);
}

}  // namespace
}  // namespace slipway::local
