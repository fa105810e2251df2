#include "job/utf8_filter.hpp"

#include <gtest/gtest.h>

#include "splits.hpp"
#include "state_copy.hpp"

namespace slipway::job {
namespace {

const std::string bad = "\xEF\xBF\xBD";

TEST(Utf8Filter, Edge37Table) {
  const struct {
    const char* what;
    std::string text, want;
  } cases[] = {
      {"bad byte between letters",
       "a\xff"
       "b",
       "a" + bad + "b"},
      {"two-byte character", "\xc3\xa9", "\xc3\xa9"},
      {"three and four bytes", "\xe2\x82\xac\xf0\x9f\x9a\xa2", "\xe2\x82\xac\xf0\x9f\x9a\xa2"},
      {"lone lead byte at the end", "a\xc3", "a" + bad},
      {"cut character at the end", "a\xf0\x9f\x9a", "a" + bad + bad + bad},
      {"cut character before a letter",
       "\xe2\x82"
       "x",
       bad + bad + "x"},
      {"lone continuation", "\x80x\xbf", bad + "x" + bad},
      {"overlong", "\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf",
       bad + bad + bad + bad + bad + bad + bad + bad + bad},
      {"surrogate", "\xed\xa0\x80", bad + bad + bad},
      {"last before the surrogates", "\xed\x9f\xbf", "\xed\x9f\xbf"},
      {"highest", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
      {"above the highest", "\xf4\x90\x80\x80", bad + bad + bad + bad},
      {"lead after lead", "\xc3\xc3\xa9", bad + "\xc3\xa9"},
      {"NUL stays", std::string("a\0b", 3), std::string("a\0b", 3)},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(repair_utf8(c.text), c.want);
    for (const auto& chunks : splits(c.text)) {
      EXPECT_EQ(filtered(Utf8Filter{}, chunks), c.want);
      EXPECT_EQ(filtered_anew(Utf8Filter{}, chunks), c.want);
    }
  }
}

TEST(Utf8Filter, LongTextAtEveryAlignment) {
  for (std::size_t lead = 0; lead < 70; ++lead) {
    const std::string ascii(lead, 'x');
    EXPECT_EQ(repair_utf8(ascii + "\xff" + ascii + "\xc3\xa9" + ascii),
              ascii + bad + ascii + "\xc3\xa9" + ascii);
  }
}

TEST(Utf8Filter, PassesOnWholeCharactersOnly) {
  Utf8Filter filter;
  EXPECT_EQ(filter.write("a\xe2\x82"), "a");
  EXPECT_EQ(filter.write("\xac"), "\xe2\x82\xac");
  EXPECT_EQ(filter.flush(), "");
}

TEST(Utf8Filter, OnlyTheBeginningOfACharacterIsAState) {
  for (const std::string_view held : {"", "\xc3", "\xe2\x82", "\xf0\x9f\x9a"}) {
    Utf8Filter filter;
    load_from(filter, [&](StateWriter& state) { state.text(held); });
    EXPECT_EQ(filter.flush().size(), 3 * held.size());
  }
  for (const std::string_view held :
       {"a", "\xff", "\xc3\xa9", "\xc3x", "\xf0\x9f\x9a\xa2", "\x80"}) {
    Utf8Filter filter;
    EXPECT_THROW(load_from(filter, [&](StateWriter& state) { state.text(held); }),
                 std::invalid_argument);
  }
}

}  // namespace
}  // namespace slipway::job
