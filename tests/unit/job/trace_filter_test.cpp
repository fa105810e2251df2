#include "job/trace_filter.hpp"

#include <gmock/gmock.h>

#include "splits.hpp"

namespace slipway::job {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

/// A filter that writes to a string, without timestamps unless wanted.
struct Trace {
  explicit Trace(TraceOptions options = {}, bool timestamps = false)
      : filter{prepared(std::move(options), timestamps),
               [this](std::string_view text) { log += text; }} {}
  static TraceOptions prepared(TraceOptions options, bool timestamps) {
    options.timestamps = timestamps;
    options.now = [] {
      return std::chrono::sys_days{std::chrono::year{2031} / 2 / 3} + 4h + 5min + 6s + 789us;
    };
    return options;
  }
  void out(std::string_view text) { filter.write(LogStream::script, LogKind::out, text); }
  void err(std::string_view text) { filter.write(LogStream::script, LogKind::err, text); }
  void runner(std::string_view text) { filter.write(LogStream::runner, LogKind::out, text); }

  std::string log;
  TraceFilter filter;
};

TraceOptions masking(std::vector<std::string> values) {
  TraceOptions options;
  options.masked_values = std::move(values);
  return options;
}

TEST(TraceFilter, Edge34StreamsInterleavedNeverShowTheSecret) {
  Trace trace{masking({"s3cret"})};
  const std::string secret = "s3cret";
  for (const char c : secret) {
    trace.out({&c, 1});
    trace.err({&c, 1});
    trace.runner({&c, 1});
  }
  trace.filter.close();
  EXPECT_EQ(trace.log, "[MASKED][MASKED][MASKED]");
}

TEST(TraceFilter, AllFiltersAtEveryBorder) {
  const std::string text =
      "a hunter2hunter2 b?private_token=hunter2hunter2&x=glpat-abc.d \xff \xc3\xa9 acme-1\n";
  const std::string want =
      "a [MASKED] b?private_token=[MASKED]&x=glpat-[MASKED] \xEF\xBF\xBD \xc3\xa9 "
      "acme-[MASKED]\n";
  auto options = masking({"hunter2hunter2", "2 b"});
  options.token_prefixes = {"acme-"};
  for (const auto& chunks : splits(text)) {
    Trace trace{options};
    for (const auto& chunk : chunks) trace.out(chunk);
    trace.filter.close();
    EXPECT_EQ(trace.log, "a [MASKED]?private_token" + want.substr(want.find('=')));
  }
}

TEST(TraceFilter, Edge38TimestampsOfInterleavedStreams) {
  Trace trace{{}, true};
  trace.out("compi");
  trace.err("warning: odd\n");
  trace.runner("Running\n");
  trace.out("ling...\n");
  trace.out("open");
  trace.filter.close();
  EXPECT_EQ(trace.log,
            "2031-02-03T04:05:06.000789Z 01E warning: odd\n"
            "2031-02-03T04:05:06.000789Z 00O Running\n"
            "2031-02-03T04:05:06.000789Z 01O compiling...\n"
            "2031-02-03T04:05:06.000789Z 01O open\n");
}

TEST(TraceFilter, Edge38OneWriteStaysOneWrite) {
  // A mask in the middle must not make two entries of it.
  Trace trace{masking({"s3cret"}), true};
  trace.out("a\rs3cret\rb");
  trace.out("c\n");
  EXPECT_EQ(trace.log,
            "2031-02-03T04:05:06.000789Z 01O a\r[MASKED]\rb\n"
            "2031-02-03T04:05:06.000789Z 01O+c\n");
}

TEST(TraceFilter, Edge37CharacterOverTwoWritesAndBrokenEnd) {
  Trace trace;
  trace.out("\xc3");
  trace.out(
      "\xa9 x\xff"
      "y");
  trace.runner("\xe2\x82");
  trace.filter.close();
  EXPECT_EQ(trace.log, "\xc3\xa9 x\xEF\xBF\xBDy\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(TraceFilter, FlushEndsWhatIsOpenInThatStreamOnly) {
  Trace trace{masking({"s3cret"})};
  trace.out("s3");
  trace.runner("s3c");
  trace.filter.flush(LogStream::script);
  EXPECT_EQ(trace.log, "s3");
  trace.out("cret?rss_token=");
  trace.runner("ret");
  EXPECT_EQ(trace.log, "s3cret?rss_token=[MASKED][MASKED]");
  trace.filter.flush(LogStream::script);
  trace.out("next");
  EXPECT_THAT(trace.log, HasSubstr("next"));
}

TEST(TraceFilter, FlushCompletesATimestampedLine) {
  Trace trace{masking({"s3cret"}), true};
  trace.out("open s3c");
  EXPECT_EQ(trace.log, "");
  trace.filter.flush(LogStream::script);
  EXPECT_EQ(trace.log, "2031-02-03T04:05:06.000789Z 01O open s3c\n");
  trace.filter.close();
  EXPECT_EQ(trace.log, "2031-02-03T04:05:06.000789Z 01O open s3c\n");
}

TEST(TraceFilter, CloseIsTheEnd) {
  Trace trace{masking({"s3cret"})};
  trace.out("s3c");
  trace.filter.close();
  trace.filter.close();
  trace.out("more");
  trace.filter.flush(LogStream::script);
  EXPECT_EQ(trace.log, "s3c");
}

TEST(TraceFilter, LearnsValuesWhileRunning) {
  Trace trace;
  trace.out("pa55word ");
  trace.filter.add_masked_value("");
  trace.filter.add_masked_value("pa55word");
  trace.out("pa55word ");
  trace.err("pa55");
  trace.filter.add_masked_value("other");
  trace.err("word other");
  trace.filter.close();
  EXPECT_EQ(trace.log, "pa55word [MASKED] [MASKED] [MASKED]");
}

TEST(TraceFilter, Edge33LimitAndTheRunnersLastLine) {
  TraceOptions options;
  options.limit_bytes = 128;
  Trace trace{options};
  for (int i = 0; i < 100; ++i) trace.out("line of the script\n");
  trace.runner("Job succeeded\n");
  trace.filter.close();
  EXPECT_EQ(trace.log.substr(0, 128), std::string("line of the script\nline of the script\n"
                                                  "line of the script\nline of the script\n"
                                                  "line of the script\nline of the script\n"
                                                  "line of the sc"));
  EXPECT_THAT(trace.log, HasSubstr("Job's log exceeded limit of 128 bytes."));
  EXPECT_THAT(trace.log, testing::EndsWith("its end follows.\x1b[0;m\nJob succeeded\n"));
}

TEST(TraceFilter, HugeWriteIsTheSameAsSmallOnes) {
  std::string text;
  for (int i = 0; i < 30'000; ++i) text += "line " + std::to_string(i) + " with s3cret\r\n";
  TraceOptions options = masking({"s3cret"});
  options.limit_bytes = 64u << 20;
  Trace whole{options, true};
  whole.out(text);
  whole.filter.close();
  Trace lines{options, true};
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at) + 1;
    lines.out(std::string_view{text}.substr(at, end - at));
    at = end;
  }
  lines.filter.close();
  EXPECT_EQ(whole.log, lines.log);
  EXPECT_THAT(whole.log, Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace slipway::job
