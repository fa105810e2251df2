#include "job/timestamp_filter.hpp"

#include <gtest/gtest.h>

#include "splits.hpp"
#include "state_copy.hpp"

namespace slipway::job {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::sys_days day{std::chrono::year{2031} / 2 / 3};
const std::string stamp = "2031-02-03T04:05:06.000789Z 01O";

TimestampFilter::Clock fixed() {
  return [] { return day + 4h + 5min + 6s + 789us; };
}

/// The entries without header; continued ones begin with `+`, others with a blank.
std::string entries(const Chunks& chunks) {
  const auto clock = fixed();
  const TimestampFilter fresh{LogStream::script, LogKind::out, clock};
  auto text = filtered(fresh, chunks);
  EXPECT_EQ(filtered_anew(fresh, chunks), text);
  for (std::size_t at; (at = text.find(stamp)) != std::string::npos;) text.erase(at, stamp.size());
  return text;
}

/// As a reader of the log puts it together: the newline before a `+` entry is dropped.
std::string rejoined(const Chunks& chunks) {
  const auto clock = fixed();
  const TimestampFilter fresh{LogStream::script, LogKind::out, clock};
  const auto text = filtered(fresh, chunks);
  EXPECT_EQ(filtered_anew(fresh, chunks), text);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    EXPECT_EQ(text.substr(at, stamp.size()), stamp);
    if (text[at + 31] == '+') out.pop_back();
    out += text.substr(at + 32, end + 1 - at - 32);
    at = end + 1;
  }
  return out;
}

TEST(TimestampFilter, Edge38Entries) {
  const struct {
    const char* what;
    Chunks chunks;
    std::string want;
  } cases[] = {
      {"one line", {"compiling...\n"}, " compiling...\n"},
      {"two lines", {"a\nb\n"}, " a\n b\n"},
      {"over writes", {"a", "b", "\nc\n"}, " ab\n c\n"},
      {"carriage returns", {"a\rb\rc", "d\n"}, " a\rb\rc\n+d\n"},
      {"\\r\\n is a full line", {"x\r\n", "y\n"}, " x\r\n y\n"},
      {"remainder with \\r", {"a\nb\r", "c\n"}, " a\n b\r\n+c\n"},
      {"buffered, then \\r", {"ab", "c\r", "\n"}, " abc\r\n+\n"},
      {"unterminated last line", {"a\nb"}, " a\n b\n"},
      {"empty lines", {"\n\n"}, " \n \n"},
      {"nothing", {""}, ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(entries(c.chunks), c.want);
  }
}

TEST(TimestampFilter, Edge38LongLines) {
  const std::string fits(8192 - 32, 'x');
  EXPECT_EQ(entries({fits, "\n"}), " " + fits + "\n");
  EXPECT_EQ(entries({fits, "y", "z\n"}), " " + fits + "y\n+z\n");
  EXPECT_EQ(entries({fits + "y", "z\n"}), " " + fits + "y\n+z\n");
  EXPECT_EQ(entries({fits + "yz\n"}), " " + fits + "yz\n");  // a whole line, however long
  const std::string rest(9000, 'y');
  EXPECT_EQ(entries({"x", rest, "z", "\n"}), " x" + rest + "\n+z\n");
}

TEST(TimestampFilter, Edge38RejoinsToTheSameTextAtAnyBorder) {
  const std::string text = "one\ntwo\rthree\r\n\nfour\r\r\nlast\n";
  for (const auto& chunks : splits(text)) EXPECT_EQ(rejoined(chunks), text);
}

TEST(TimestampFilter, HeaderOfEachStream) {
  const auto clock = fixed();
  const auto header = [&](LogStream stream, LogKind kind) {
    return std::string{TimestampFilter{stream, kind, clock}.write("\n")};
  };
  EXPECT_EQ(header(LogStream::runner, LogKind::out), "2031-02-03T04:05:06.000789Z 00O \n");
  EXPECT_EQ(header(LogStream::script, LogKind::err), "2031-02-03T04:05:06.000789Z 01E \n");
  EXPECT_EQ(header(LogStream::service, LogKind::out), "2031-02-03T04:05:06.000789Z 0fO \n");
}

TEST(TimestampFilter, ALineHasTheTimeOfItsBeginning) {
  auto now = day + 23h + 59min + 59s + 999'999us;
  const TimestampFilter::Clock clock = [&now] { return now; };
  TimestampFilter filter{LogStream::script, LogKind::out, clock};
  EXPECT_EQ(filter.write("a"), "");
  now += 1us;
  EXPECT_EQ(filter.write("b\nc\n"),
            "2031-02-03T23:59:59.999999Z 01O ab\n2031-02-04T00:00:00.000000Z 01O c\n");
}

TEST(TimestampFilter, FlushCompletesTheLineOnce) {
  const auto clock = fixed();
  TimestampFilter filter{LogStream::script, LogKind::out, clock};
  EXPECT_EQ(filter.write("a\r"), stamp + " a\r\n");
  EXPECT_EQ(filter.flush(), "");
  EXPECT_EQ(filter.write("b"), "");
  EXPECT_EQ(filter.flush(), stamp + " b\n");  // no `+`: a new stage
  EXPECT_EQ(filter.flush(), "");
}

TEST(TimestampFilter, ARestoredLineKeepsTheTimeOfItsBeginning) {
  auto now = day + 23h + 59min + 59s;
  const TimestampFilter::Clock clock = [&now] { return now; };
  const TimestampFilter fresh{LogStream::script, LogKind::out, clock};
  auto filter = fresh;
  EXPECT_EQ(filter.write("a\rb\r").substr(31), " a\rb\r\n");
  EXPECT_EQ(filter.write("c"), "");
  now += 24h;
  auto restored = fresh;
  copy_state(filter, restored);
  EXPECT_EQ(restored.write("d\ne\n"),
            "2031-02-03T23:59:59.000000Z 01O+cd\n2031-02-04T23:59:59.000000Z 01O e\n");
}

TEST(TimestampFilter, StatesThatDoNotExistAreRefused) {
  const auto clock = fixed();
  const auto load = [&](std::uint64_t continued, const std::string& open) {
    TimestampFilter filter{LogStream::script, LogKind::out, clock};
    load_from(filter, [&](StateWriter& state) {
      state.number(continued);
      state.text(open);
    });
    return std::string{filter.write("\n")};
  };
  EXPECT_EQ(load(1, ""), stamp + "+\n");
  EXPECT_EQ(load(0, stamp + " x"), stamp + " x\n");
  EXPECT_EQ(load(0, std::string(8192, 'x')).size(), 8193u);
  EXPECT_THROW(load(2, ""), std::invalid_argument);
  EXPECT_THROW(load(0, stamp + " "), std::invalid_argument);  // a line is begun by its first byte
  EXPECT_THROW(load(0, std::string(8193, 'x')), std::invalid_argument);
}

}  // namespace
}  // namespace slipway::job
