#include "job/mask_filter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "splits.hpp"
#include "state_copy.hpp"

namespace slipway::job {
namespace {

std::string masked(const std::vector<std::string>& secrets, const Chunks& chunks) {
  const ValueMatcher values{secrets};
  const auto text = filtered(MaskFilter{values}, chunks);
  if (chunks.size() < 200) {
    EXPECT_EQ(filtered_anew(MaskFilter{values}, chunks), text);
  }
  return text;
}

/// What the filter must print, by trying every value at every position.
std::string expected(const std::vector<std::string>& secrets, const std::string& text) {
  struct Range {
    std::size_t begin, end;
  };
  std::vector<Range> ranges;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::size_t longest = 0;
    for (const auto& secret : secrets) {
      if (text.compare(i, secret.size(), secret) == 0) longest = std::max(longest, secret.size());
    }
    if (longest == 0) continue;
    if (!ranges.empty() && i < ranges.back().end) {
      ranges.back().end = std::max(ranges.back().end, i + longest);
    } else {
      ranges.push_back({i, i + longest});
    }
  }
  std::string out;
  std::size_t at = 0;
  for (const auto& range : ranges) {
    out += text.substr(at, range.begin - at) + "[MASKED]";
    at = range.end;
  }
  return out + text.substr(at);
}

struct MaskCase {
  const char* what;
  std::vector<std::string> secrets;
  Chunks chunks;
  const char* want;
};

TEST(MaskFilter, Edge34Table) {
  const MaskCase cases[] = {
      {"split over two chunks", {"s3cret"}, {"a s3c", "ret b"}, "a [MASKED] b"},
      {"split over many chunks", {"s3cret"}, {"s", "3", "c", "r", "e", "t"}, "[MASKED]"},
      {"one holds the other", {"abc", "abcdef"}, {"abc", "def."}, "[MASKED]."},
      {"one is within the other", {"cd", "abcdef"}, {"abcd", "ef."}, "[MASKED]."},
      {"only the one within", {"cd", "abcdef"}, {"abcd", "eg."}, "ab[MASKED]eg."},
      {"overlapping", {"abc", "cde"}, {"ab", "cd", "e!"}, "[MASKED]!"},
      {"three overlap", {"abc", "cde", "efg"}, {"abcd", "efg!"}, "[MASKED]!"},
      {"overlaps itself", {"aa"}, {"aaaaa."}, "[MASKED]."},
      {"prefix only", {"s3cret"}, {"s3c"}, "s3c"},
      {"adjacent twice", {"s3cret"}, {"s3crets3", "cret"}, "[MASKED][MASKED]"},
      {"at the end of the stream", {"s3cret"}, {"x s3cret"}, "x [MASKED]"},
      {"retry within a failed match", {"aab"}, {"aa", "ab"}, "a[MASKED]"},
      {"with a newline", {"a\nb"}, {"xa", "\nby"}, "x[MASKED]y"},
      {"one character", {"x"}, {"axbx", "x"}, "a[MASKED]b[MASKED][MASKED]"},
      {"two characters", {"xy", "yz"}, {"axy", "zyz"}, "a[MASKED][MASKED]"},
      {"case counts", {"Secret"}, {"secret SECRET"}, "secret SECRET"},
      {"no values", {}, {"text"}, "text"},
      {"empty value", {""}, {"text"}, "text"},
      {"the same twice", {"abc", "abc"}, {"abc"}, "[MASKED]"},
      {"bytes above 127", {"\xc3\xa9\xff"}, {"\xc3", "\xa9\xff!"}, "[MASKED]!"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(masked(c.secrets, c.chunks), c.want);
    std::string whole;
    for (const auto& chunk : c.chunks) whole += chunk;
    for (const auto& chunks : splits(whole)) EXPECT_EQ(masked(c.secrets, chunks), c.want);
  }
}

TEST(MaskFilter, Edge34LongValueOverManyWrites) {
  std::string secret;
  for (int i = 0; i < 16'000; ++i) secret += static_cast<char>('a' + i * i % 26);
  const auto text = "<" + secret + ">" + secret.substr(0, 15'000) + "|";
  Chunks chunks;
  for (std::size_t i = 0; i < text.size(); i += 4096) chunks.push_back(text.substr(i, 4096));
  const auto want = "<[MASKED]>" + secret.substr(0, 15'000) + "|";
  EXPECT_EQ(masked({secret}, chunks), want);
  Chunks bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  EXPECT_EQ(masked({secret}, bytes), want);
}

TEST(MaskFilter, HoldsBackNoMoreThanTheLongestValue) {
  const ValueMatcher values{{"aa", "aaaa"}};
  MaskFilter filter{values};
  std::string out;
  for (int i = 0; i < 100'000; ++i) out += filter.write("a");
  EXPECT_EQ(out, "[MASKED]");  // emitted long ago, and only once
  out += filter.write("b");
  EXPECT_EQ(out, "[MASKED]b");
}

TEST(MaskFilter, PassesOnWhatCannotBecomeASecretAtOnce) {
  const ValueMatcher values{{"s3cret"}};
  MaskFilter filter{values};
  EXPECT_EQ(filter.write("hello s3c"), "hello ");
  EXPECT_EQ(filter.write("x"), "s3cx");
  EXPECT_EQ(filter.write("s"), "");
  EXPECT_EQ(filter.flush(), "s");
  EXPECT_EQ(filter.write("3cret"), "3cret");  // a flush ends a partial match
}

TEST(MaskFilter, LearnsAValueWhileTextIsHeldBack) {
  const ValueMatcher one{{"s3cret"}};
  const ValueMatcher two{{"s3cret", "3cx"}};
  MaskFilter filter{one};
  EXPECT_EQ(filter.write("a s3c"), "a ");
  filter.use(two);
  EXPECT_EQ(filter.write("x.s3cret"), "s[MASKED].[MASKED]");
}

TEST(MaskFilter, LearnsAValueThatAMaskIsPartOf) {
  const ValueMatcher two{{"abcd", "cdef"}};
  const ValueMatcher three{{"abcd", "cdef", "efgh"}};
  MaskFilter filter{two};
  EXPECT_EQ(filter.write("abcd"), "[MASKED]");
  filter.use(three);
  EXPECT_EQ(filter.write("ef"), "");  // was masked with the first
  filter.use(two);
  EXPECT_EQ(filter.write("ghcdef"), "gh[MASKED]");
}

TEST(MaskFilter, AStateKeepsWhatWasMaskedOnlyIfAValueMayBeginInIt) {
  const ValueMatcher values{{"abcd", "cdef"}};
  const auto saved = [&](std::string_view text) {
    MaskFilter filter{values};
    filter.write(text);
    StateWriter writer;
    filter.save(writer);
    return std::move(writer).finish().substr(5);
  };
  EXPECT_EQ(saved(""), std::string(2, '\0'));
  EXPECT_EQ(saved("abcde."), std::string(2, '\0'));
  EXPECT_EQ(saved("abcd"),
            "\x02\x02"
            "cd");
  EXPECT_EQ(saved("abcde"),
            "\x02\x03"
            "cde");
  EXPECT_EQ(saved("abcdef"), std::string(2, '\0'));
  EXPECT_EQ(saved("xabc"), std::string("\0\x03"
                                       "abc",
                                       5));
}

TEST(MaskFilter, AStateIsReadWithOtherValues) {
  const ValueMatcher before{{"abcdef", "xyz"}};
  const auto continued = [&](std::vector<std::string> values, std::string_view rest) {
    MaskFilter filter{before};
    EXPECT_EQ(filter.write("abcde"), "");
    const ValueMatcher after{std::move(values)};
    MaskFilter restored{after};
    copy_state(filter, restored);
    std::string text{restored.write(rest)};
    return text += restored.flush();
  };
  EXPECT_EQ(continued({"abcdef"}, "f!"), "[MASKED]!");
  EXPECT_EQ(continued({}, "f!"), "abcdef!");
  EXPECT_EQ(continued({"cd", "ef"}, "f!"), "ab[MASKED][MASKED]!");
  EXPECT_EQ(continued({"bc", "defg"}, "fg"), "a[MASKED][MASKED]");
}

TEST(MaskFilter, AStateThatCoversMoreThanItHoldsIsRefused) {
  const ValueMatcher values{{"abcd"}};
  MaskFilter filter{values};
  const auto load = [&](std::uint64_t covered, std::string_view text) {
    load_from(filter, [&](StateWriter& state) {
      state.number(covered);
      state.text(text);
    });
  };
  EXPECT_NO_THROW(load(3, "abc"));
  EXPECT_EQ(filter.write("d!"), "!");
  EXPECT_THROW(load(4, "abc"), std::invalid_argument);
}

TEST(MaskFilter, TheOpenTextOfEveryState) {
  const std::vector<std::string> values{"abcd", "cdef", "cd", "fabcab", "aaaa", "\xff\x80z"};
  const ValueMatcher matcher{values};
  std::mt19937 random{11};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (auto n = random() % 20; n > 0; --n) text += "abcdef\xff\x80"[random() % 8];
    ValueMatcher::State state = 0;
    std::size_t at = 0;
    while (matcher.next(text, at, state) != 0) {
    }
    const auto open = matcher.open_text(state);
    ASSERT_EQ(open.size(), matcher.open_bytes(state));
    EXPECT_TRUE(text.ends_with(open));
    EXPECT_TRUE(std::any_of(values.begin(), values.end(), [&](const std::string& value) {
      return value.starts_with(open) && value.size() > open.size();
    }));
  }
}

// How a text is skipped depends on the length of the shortest value.
TEST(MaskFilter, Edge34LongValuesAgreeWithTryingEverything) {
  std::mt19937 random{815};
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (std::size_t shortest = 5; shortest < 40; ++shortest) {
    for (int round = 0; round < 40; ++round) {
      const auto letters = 1 + below(4);
      std::vector<std::string> secrets(1 + below(4));
      for (auto& secret : secrets)
        for (auto n = shortest + below(4); n > 0; --n)
          secret += static_cast<char>('a' + below(letters));
      std::string text;
      while (text.size() < 300) {
        const auto& secret = secrets[below(secrets.size())];
        if (below(3) == 0)
          text += secret;
        else if (below(2) == 0)
          text += secret.substr(below(secret.size()), 1 + below(secret.size()));
        else
          text += std::string(below(20), static_cast<char>('a' + below(letters)));
      }
      Chunks chunks;
      for (std::size_t at = 0; at < text.size();) {
        chunks.push_back(text.substr(at, 1 + below(70)));
        at += chunks.back().size();
      }
      ASSERT_EQ(masked(secrets, chunks), expected(secrets, text)) << text;
      ASSERT_EQ(masked(secrets, {text}), expected(secrets, text)) << text;
    }
  }
}

TEST(MaskFilter, Edge34AgreesWithTryingEverything) {
  std::mt19937 random{4711};
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const auto word = [&](std::size_t letters, std::size_t least, std::size_t most) {
    std::string text;
    for (auto n = least + below(most - least + 1); n > 0; --n) {
      text += static_cast<char>('a' + below(letters));
    }
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    const auto letters = 2 + below(3);
    const auto least = 1 + below(5);
    std::vector<std::string> secrets;
    for (auto n = 1 + below(6); n > 0; --n) secrets.push_back(word(letters, least, least + 6));
    const auto text = word(letters, 0, 120);
    Chunks chunks;
    for (std::size_t at = 0; at < text.size();) {
      chunks.push_back(text.substr(at, 1 + below(30)));
      at += chunks.back().size();
    }
    ASSERT_EQ(masked(secrets, chunks), expected(secrets, text)) << text << " round " << round;
  }
}

TEST(MaskFilter, ManyValuesOfDifferentLengths) {
  std::mt19937 random{42};
  std::vector<std::string> secrets;
  for (int i = 0; i < 150; ++i) {
    std::string secret;
    for (auto n = 8 + random() % 100; n > 0; --n) secret += static_cast<char>('!' + random() % 90);
    secrets.push_back(secret);
  }
  std::string text;
  for (const auto& secret : secrets) text += "-- " + secret + " --\n" + secret.substr(0, 7) + "\n";
  const auto want = expected(secrets, text);
  EXPECT_EQ(masked(secrets, {text}), want);
  Chunks chunks;
  for (std::size_t at = 0; at < text.size(); at += 61) chunks.push_back(text.substr(at, 61));
  EXPECT_EQ(masked(secrets, chunks), want);
}

}  // namespace
}  // namespace slipway::job
