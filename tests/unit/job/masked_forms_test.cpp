#include "job/masked_forms.hpp"

#include <gmock/gmock.h>

#include <random>

#include "job/trace_filter.hpp"
#include "util/base64.hpp"

namespace slipway::job {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(MaskedForms, ShortValuesAreHiddenAsTheyAreOnly) {
  EXPECT_EQ(masked_forms("s3c\"t =").size(), 1u);
  EXPECT_EQ(masked_forms("").size(), 1u);
  EXPECT_GT(masked_forms("s3c\"t = ").size(), 4u);
  EXPECT_EQ(masked_forms(std::string(longest_encoded + 1, 'x')).size(), 1u);
  EXPECT_EQ(masked_forms("s3cret-value").front(), "s3cret-value");
}

TEST(MaskedForms, AreThoseThatProgramsMake) {
  const std::string value = "p\"a\\s s/w\xc3\xb6rd<\n\x01\xf0\x9f\x9a\xa2+~";
  const auto forms = masked_forms(value);
  for (const auto* want : {
           "p%22a%5Cs%20s%2Fw%C3%B6rd%3C%0A%01%F0%9F%9A%A2%2B~",
           "p%22a%5cs%20s%2fw%c3%b6rd%3c%0a%01%f0%9f%9a%a2%2b~",
           "p%22a%5Cs+s%2Fw%C3%B6rd%3C%0A%01%F0%9F%9A%A2%2B~",
           "p\\\"a\\\\s s/w\xc3\xb6rd<\\n\\u0001\xf0\x9f\x9a\xa2+~",
           "p\\\"a\\\\s s/w\\u00f6rd<\\n\\u0001\\ud83d\\udea2+~",
           "p\\\"a\\\\s s/w\xc3\xb6rd\\u003c\\n\\u0001\xf0\x9f\x9a\xa2+~",
       })
    EXPECT_THAT(forms, Contains(std::string{want}));
  // Broken UTF-8 stays as it is.
  EXPECT_THAT(masked_forms("12345678\xff\xc3"), Not(Contains(HasSubstr("\\u"))));
}

TEST(MaskedForms, OneOfThemIsInEveryBase64TextThatHoldsTheValue) {
  std::minstd_rand random{5};
  for (int round = 0; round < 2000; ++round) {
    const auto bytes = [&](std::size_t size) {
      std::string text;
      while (text.size() < size) text += static_cast<char>(random() >> 7);
      return text;
    };
    const auto value = bytes(8 + random() % 30);
    const auto forms = masked_forms(value);
    const auto text = bytes(random() % 7) + value + bytes(random() % 7);
    for (const bool url_safe : {false, true}) {
      const auto encoded = util::encode_base64(text, url_safe);
      EXPECT_TRUE(std::any_of(forms.begin(), forms.end(), [&](const std::string& form) {
        return encoded.find(form) != std::string::npos;
      })) << round;
    }
  }
}

/// A job's log of these writes, without timestamps.
std::string log_of(std::vector<std::string> values, const std::vector<std::string>& writes) {
  TraceOptions options;
  options.masked_values = std::move(values);
  options.timestamps = false;
  std::string log;
  TraceFilter filter{options, [&](std::string_view text) { log += text; }};
  for (const auto& text : writes) filter.write(LogStream::script, LogKind::out, text);
  filter.close();
  return log;
}

TEST(MaskedForms, Edge34NoneOfThemReachesALog) {
  const std::string value = "s3cret value/1";
  const auto encoded = util::encode_base64("user:" + value + "\n");
  for (const auto& text : {std::string{"s3cret%20value%2F1"}, std::string{"s3cret+value%2F1"},
                           std::string{"{\"key\": \"s3cret value/1\"}"}, encoded}) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      const auto log = log_of({value}, {"> " + text.substr(0, cut), text.substr(cut) + " <"});
      EXPECT_THAT(log, HasSubstr("[MASKED]")) << text;
      EXPECT_THAT(log, Not(HasSubstr("3cret")));
      EXPECT_THAT(log, Not(HasSubstr(encoded.substr(8, 8))));
    }
  }
}

/// What a log must show: every form of every value, tried at every position.
std::string expected(const std::vector<std::string>& values, const std::string& text) {
  std::vector<bool> hidden(text.size());
  std::vector<bool> begins(text.size() + 1);
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::size_t longest = 0;
    for (const auto& value : values)
      for (const auto& form : masked_forms(value))
        if (text.compare(at, form.size(), form) == 0) longest = std::max(longest, form.size());
    if (longest == 0) continue;
    if (!ranges.empty() && at < ranges.back().second)
      ranges.back().second = std::max(ranges.back().second, at + longest);
    else
      ranges.emplace_back(at, at + longest);
  }
  std::string out;
  std::size_t at = 0;
  for (const auto& [begin, end] : ranges) {
    out += text.substr(at, begin - at) + "[MASKED]";
    at = end;
  }
  return out + text.substr(at);
}

TEST(MaskedForms, Edge34RandomLogsAgreeWithTryingEverything) {
  std::minstd_rand random{99};
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() / 7 % n); };
  const auto word = [&](std::size_t least, std::size_t most) {
    std::string text;
    for (auto n = least + below(most - least + 1); n > 0; --n) text += "ab/ \"\\+%"[below(8)];
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> values;
    for (auto n = 1 + below(4); n > 0; --n) values.push_back(word(3, 14));
    std::string text;
    while (text.size() < 400) {
      const auto forms = masked_forms(values[below(values.size())]);
      const auto& form = forms[below(forms.size())];
      text += word(0, 5) + form.substr(0, below(3) == 0 ? below(form.size()) : form.size());
      if (below(4) == 0) text += util::encode_base64(word(0, 4) + values[0] + word(0, 4));
    }
    std::vector<std::string> writes;
    for (std::size_t at = 0; at < text.size();) {
      writes.push_back(text.substr(at, 1 + below(40)));
      at += writes.back().size();
    }
    ASSERT_EQ(log_of(values, writes), expected(values, text)) << round;
  }
}

}  // namespace
}  // namespace slipway::job
