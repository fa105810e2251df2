#include "job/limit_filter.hpp"

#include <gmock/gmock.h>
#include <zlib.h>

#include <functional>

#include "splits.hpp"
#include "state_copy.hpp"

namespace slipway::job {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Piece {
  std::string text;
  bool own = false;
};

std::string limited(std::uint64_t limit, const std::vector<Piece>& pieces) {
  std::string log;
  LimitFilter filter{limit, [&](std::string_view text) { log += text; }};
  for (const auto& piece : pieces) filter.write(piece.text, piece.own);
  filter.close();

  std::string restored_log;
  const auto fresh = [&] {
    return LimitFilter{1, [&](std::string_view text) { restored_log += text; }};
  };
  auto restored = fresh();
  copy_state(LimitFilter{limit, nullptr}, restored);
  for (const auto& piece : pieces) {
    restored.write(piece.text, piece.own);
    auto next = fresh();
    copy_state(restored, next);
    restored = std::move(next);
  }
  restored.close();
  EXPECT_EQ(restored_log, log);
  return log;
}

std::string notice(int limit) {
  return "\n\x1b[33;1mJob's log exceeded limit of " + std::to_string(limit) +
         " bytes.\nJob execution will continue but no more output will be collected.\x1b[0;m\n";
}

std::string missing(int bytes) {
  return "\x1b[33;1m" + std::to_string(bytes) +
         " bytes of the job's log are missing here, its end follows.\x1b[0;m\n";
}

unsigned long crc(const std::string& text) {
  return crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
}

TEST(LimitFilter, Edge33Vectors) {
  const auto digits = limited(12, {{"0123456789ABCDEF"}, {"more\n"}, {"Job succeeded\n", true}});
  EXPECT_EQ(digits, "0123456789AB" + notice(12));
  EXPECT_EQ(digits.size(), 129u);
  EXPECT_EQ(crc(digits), 0x4f948a2au);
  const auto cut = limited(14, {{"aé€aé€aé€"}});
  EXPECT_EQ(cut, "aé€aé€a" + notice(14));
  EXPECT_EQ(cut.size(), 130u);
  EXPECT_EQ(crc(cut), 0x1284e057u);
}

TEST(LimitFilter, Edge33BelowExactAndAbove) {
  EXPECT_EQ(limited(12, {{"0123456789A"}}), "0123456789A");
  EXPECT_EQ(limited(12, {{"0123456789AB"}}), "0123456789AB" + notice(12));
  EXPECT_EQ(limited(12, {{"0123456"}, {"789AB"}}), "0123456789AB" + notice(12));
  EXPECT_EQ(limited(64, {{std::string(64, 'x')}}), std::string(64, 'x') + notice(64));
  EXPECT_EQ(limited(12, {{"0123456789A"}, {"€"}}), "0123456789A" + notice(12));
}

TEST(LimitFilter, ZeroIsFourMebibytes) {
  const auto log = limited(0, {{std::string((4 << 20) - 1, 'x')}, {"yz"}});
  EXPECT_THAT(log, HasSubstr("xy" + notice(4194304)));
}

TEST(LimitFilter, Edge33RunnersLinesFollowAtTheEnd) {
  const std::string head(63, 'x');
  const auto log = limited(64, {{head + "\n"}, {"script output\n"}, {"Job succeeded\n", true}});
  EXPECT_EQ(log, head + "\n" + notice(64) + missing(14) + "Job succeeded\n");
}

TEST(LimitFilter, NoEndBelow64) {
  const std::string head(62, 'x');
  EXPECT_EQ(limited(63, {{head + "\n"}, {"a\n"}, {"Job succeeded\n", true}}),
            head + "\n" + notice(63));
}

TEST(LimitFilter, KeepsTheLastWholeLines) {
  // limit/64 = 10 bytes.
  const std::string head(639, 'x');
  const auto log = limited(640, {{head + "\n"}, {"first\nsecond\n"}, {"abc\ndef\n"}});
  EXPECT_EQ(log, head + "\n" + notice(640) + missing(13) + "abc\ndef\n");
  const auto exact = limited(640, {{head + "\n"}, {"first\n"}, {"1234\n5678\n"}});
  EXPECT_EQ(exact, head + "\n" + notice(640) + missing(6) + "1234\n5678\n");
  const auto all = limited(640, {{head + "\n"}, {"1234\n"}});
  EXPECT_EQ(all, head + "\n" + notice(640) + missing(0) + "1234\n");
  const auto too_long = limited(640, {{head + "\n"}, {"ab\n0123456789ABCDEF\n"}});
  EXPECT_EQ(too_long, head + "\n" + notice(640) + missing(20));
  const auto open = limited(640, {{head + "\n"}, {"0123456789\nabc"}, {"end\n", true}});
  EXPECT_EQ(open, head + "\n" + notice(640) + missing(11) + "abc\nend\n");
}

TEST(LimitFilter, TheLineThatWasCutIsNotWhole) {
  const auto log = limited(640, {{std::string(642, 'x') + "\nabc\n"}});
  EXPECT_EQ(log, std::string(640, 'x') + notice(640) + missing(3) + "abc\n");
}

TEST(LimitFilter, ARunnersLineThatWasCutComesWhole) {
  const std::string head(630, 'x');
  const auto log = limited(640, {{head + "\n"}, {"one\nJob succeeded\n", true}});
  EXPECT_EQ(log, head + "\none\nJob s" + notice(640) + missing(0) + "Job succeeded\n");
}

TEST(LimitFilter, OrderOfRunnersLinesAmongTheScripts) {
  const std::string head(6399, 'x');  // 100 bytes are kept
  const auto log = limited(6400, {{head + "\n"},
                                  {std::string(200, 'y') + "\n"},
                                  {"early\n", true},
                                  {"one\n"},
                                  {"section", true},
                                  {"two\nhal"},
                                  {" title\n", true},
                                  {"f\nthree\n"},
                                  {"end", true}});
  EXPECT_EQ(log, head + "\n" + notice(6400) + missing(201) +
                     "early\none\ntwo\nhalf\nsection title\nthree\nend\n");
}

TEST(LimitFilter, SameEndAtAnyBorder) {
  const std::string head(639, 'x');
  const std::string text = head + "\nfirst\nsecond\nthird\n1\n2\n3\n";
  for (const auto& chunks : splits(text)) {
    std::vector<Piece> pieces;
    for (const auto& chunk : chunks) pieces.push_back({chunk});
    EXPECT_EQ(limited(640, pieces), head + "\n" + notice(640) + missing(19) + "1\n2\n3\n");
  }
}

TEST(LimitFilter, MemoryIsBoundedWhateverComes) {
  std::string log;
  LimitFilter filter{1u << 20, [&](std::string_view text) { log += text; }};
  const std::string block(100'000, 'x');
  for (int i = 0; i < 200; ++i) {
    filter.write(block, i % 2 == 0);
    filter.write("runner line " + std::to_string(i) + "\n", true);
  }
  filter.write("last\n", true);
  filter.close();
  filter.write("ignored", true);
  EXPECT_LT(log.size(), (1u << 20) + (64u << 10) + (1u << 14) + 400);
  EXPECT_THAT(log, EndsWith("runner line 199\nlast\n"));
  EXPECT_THAT(log, Not(HasSubstr("ignored")));
}

/// What save() writes of a log with limit 640, in its order.
struct Saved {
  std::uint64_t limit = 640, written = 640, last = '\n', exceeded = 1;
  std::uint64_t dropped = 20, dropped_script = 12, shown_twice = 0;
  std::string recent = "\nabcd\nefgh";
  std::string own_open;
  std::vector<std::pair<std::uint64_t, std::string>> own{{7, "line\n"}};
};

std::string end_of(const Saved& saved) {
  std::string log;
  LimitFilter filter{1, [&](std::string_view text) { log += text; }};
  load_from(filter, [&](StateWriter& state) {
    for (const auto number : {saved.limit, saved.written, saved.last, saved.exceeded})
      state.number(number);
    if (saved.exceeded == 0) return;
    for (const auto number : {saved.dropped, saved.dropped_script, saved.shown_twice})
      state.number(number);
    state.text(saved.recent);
    state.text(saved.own_open);
    state.number(saved.own.size());
    for (const auto& [at, text] : saved.own) {
      state.number(at);
      state.text(text);
    }
  });
  filter.close();
  return log;
}

TEST(LimitFilter, AStateIsReadAsItWasWritten) {
  Saved saved;
  EXPECT_EQ(end_of(saved), missing(6) + "abcd\nline\nefgh\n");
  saved.own_open = "open";
  EXPECT_EQ(end_of(saved), missing(2) + "abcd\nline\nefgh\nopen\n");
  saved.exceeded = 0;
  saved.written = 639;
  EXPECT_EQ(end_of(saved), "");
}

TEST(LimitFilter, StatesThatDoNotExistAreRefused) {
  const struct {
    const char* what;
    std::function<void(Saved&)> change;
  } cases[] = {
      {"no limit", [](Saved& s) { s.limit = s.written = 0; }},
      {"more than the limit", [](Saved& s) { s.written = 641; }},
      {"all of the limit, not exceeded", [](Saved& s) { s.exceeded = 0; }},
      {"a byte above 255", [](Saved& s) { s.last = 256; }},
      {"more of the script than of all", [](Saved& s) { s.dropped = 11; }},
      {"more than any log has", [](Saved& s) { s.dropped = std::uint64_t{1} << 61; }},
      {"more kept than the limit allows", [](Saved& s) { s.recent = std::string(12, 'x'); }},
      {"more kept than was dropped", [](Saved& s) { s.dropped_script = 8, s.own.clear(); }},
      {"a line after the end", [](Saved& s) { s.own[0].first = 13; }},
      {"a long line of the runner", [](Saved& s) { s.own[0].second.resize(65'537); }},
      {"many lines of the runner", [](Saved& s) { s.own.resize(65'537); }},
      {"a long open line", [](Saved& s) { s.own_open.resize(65'537); }},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    Saved saved;
    EXPECT_NO_THROW(end_of(saved));
    c.change(saved);
    EXPECT_THROW(end_of(saved), std::invalid_argument);
  }
}

}  // namespace
}  // namespace slipway::job
