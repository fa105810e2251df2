#include <gmock/gmock.h>

#include <chrono>
#include <random>
#include <stdexcept>
#include <variant>

#include "job/trace_filter.hpp"
#include "state_copy.hpp"

namespace slipway::job {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

struct Write {
  LogStream stream;
  LogKind kind;
  std::string bytes;
};
struct Flush {
  LogStream stream;
};
struct Learn {
  std::string value;
};
using Step = std::variant<Write, Flush, Learn>;

Step out(std::string bytes) {
  return Write{LogStream::script, LogKind::out, std::move(bytes)};
}
Step err(std::string bytes) {
  return Write{LogStream::script, LogKind::err, std::move(bytes)};
}
Step service(std::string bytes) {
  return Write{LogStream::service, LogKind::out, std::move(bytes)};
}
Step own(std::string bytes) {
  return Write{LogStream::runner, LogKind::out, std::move(bytes)};
}

/// A job's log, whose filter can be thrown away at any time and made again from its state. The time
/// is the number of the step.
class Log {
 public:
  explicit Log(TraceOptions options) : options_{std::move(options)} {
    options_.now = [this] {
      return std::chrono::sys_days{std::chrono::year{2031} / 2 / 3} + steps_ * 250'001us;
    };
    filter_ = std::make_unique<TraceFilter>(options_, sink());
  }

  void take(const Step& step) {
    ++steps_;
    if (const auto* write = std::get_if<Write>(&step))
      filter_->write(write->stream, write->kind, write->bytes);
    else if (const auto* flush = std::get_if<Flush>(&step))
      filter_->flush(flush->stream);
    else
      filter_->add_masked_value(std::get<Learn>(step).value);
  }
  void restart() {
    const auto state = filter_->state();
    filter_ = std::make_unique<TraceFilter>(options_, sink(), state);
    ASSERT_EQ(testing::PrintToString(filter_->state()), testing::PrintToString(state));
  }
  std::string close() {
    ++steps_;
    filter_->close();
    return text_;
  }
  TraceOptions& options() { return options_; }
  TraceFilter& filter() { return *filter_; }

 private:
  std::function<void(std::string_view)> sink() {
    return [this](std::string_view bytes) { text_ += bytes; };
  }

  TraceOptions options_;
  int steps_ = 0;
  std::string text_;
  std::unique_ptr<TraceFilter> filter_;
};

std::string whole(const TraceOptions& options, const std::vector<Step>& steps) {
  Log log{options};
  for (const auto& step : steps) log.take(step);
  return log.close();
}

/// Every write cut into bytes, so that a restart may come between any two of them.
std::vector<Step> bytewise(const std::vector<Step>& steps) {
  std::vector<Step> result;
  for (const auto& step : steps) {
    if (const auto* write = std::get_if<Write>(&step)) {
      for (const char c : write->bytes)
        result.push_back(Write{write->stream, write->kind, std::string(1, c)});
    } else {
      result.push_back(step);
    }
  }
  return result;
}

/// The log is the same wherever the filter is made anew once, and if it is after every step.
void expect_same_wherever_cut(const TraceOptions& options, const std::vector<Step>& steps) {
  const auto want = whole(options, steps);
  for (std::size_t cut = 0; cut <= steps.size(); ++cut) {
    Log log{options};
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (i == cut) log.restart();
      log.take(steps[i]);
    }
    if (cut == steps.size()) log.restart();
    ASSERT_EQ(log.close(), want) << "cut before step " << cut;
  }
  Log log{options};
  for (const auto& step : steps) {
    log.take(step);
    log.restart();
  }
  ASSERT_EQ(log.close(), want) << "cut everywhere";
}

TraceOptions masking(std::vector<std::string> values, std::uint64_t limit = 4u << 20) {
  TraceOptions options;
  options.masked_values = std::move(values);
  options.limit_bytes = limit;
  return options;
}

/// A line of the script that is longer than what the timestamps hold back.
const std::string long_line = std::string(8150, 'x') + "s3cret" + std::string(40, 'y') + "s3c";

struct NastyCase {
  const char* what;
  TraceOptions options;
  std::vector<Step> steps;
  const char* holds;  // part of the log without timestamps
};

std::vector<NastyCase> nasty_cases() {
  auto tokens = masking({"hunter2"});
  tokens.token_prefixes = {"ab:", "b: x-", "acme-"};
  return {
      {"overlapping secrets",
       masking({"abcd", "cdef", "fgab", "cd", "abcdefgh"}),
       {out("xabcdef abcd cdefgab abcdefg abcdabcdefgh abcdefgabcd.\n"), out("abcde")},
       "x[MASKED] [MASKED] [MASKED] "},
      {"a secret that repeats itself",
       masking({"aabaab", "aaaa"}),
       {out("aabaabaab aaaaaaab aabaaaab\naab")},
       "[MASKED]"},
      {"tokens",
       tokens,
       {out("glpat-a.b_c=d glpat- xglglpat-z\nab: x-12 ab:y b: x- acme-hunter2 glp"), err("at-a\n"),
        out("at-zz!\nglpat-")},
       "glglpat-[MASKED]"},
      {"URLs",
       masking({"s3cret"}),
       {out("http://x/?private_token=s3cret&X-Amz-Signature=00&x-amz-s=1&rss_token=&&?b=2\n"),
        out("?authenticity_token=glpat-x rss?rss_tok"), Flush{LogStream::script},
        out("en=visible\n")},
       "rss?rss_token=visible"},
      {"broken characters",
       masking({"\xe2\x82\xac\xe2"}),
       {out("\xe2\x82\xac\xe2\x82\xac \xf0\x9f\x9a\xa2 \xf0\x9f\x9a \xc3"),
        err("\xa9 \xff\xed\xa0\x80"), own("\xe2\x82"), out("\xac\n\xf0\x9f")},
       "\xf0\x9f\x9a\xa2"},
      {"carriage returns",
       masking({"s3\rcret", "\r\n"}),
       {out("10%\r20%\r\n30%\rs3\rcret\r"), own("section_start:1:a\r\x1b[0K"), out("\r\n\r")},
       "30%\r[MASKED]"},
      {"streams",
       masking({"s3cret"}),
       {out("a s3"), err("s3cr"), service("s3cre"), own("Running s"), out("cret "), err("et\n"),
        service("t\n"), Flush{LogStream::service}, own("3cret\n"), service("cret"), out("end")},
       "a Running [MASKED] [MASKED]\n"},
      {"values learnt late",
       masking({"s3cret"}),
       {out("s3crepa55word pa55"), Learn{"pa55word"}, out("word s3cret pa55w"), Learn{"pa55wort"},
        Learn{"ret pa"}, Learn{"pa55word"}, out("ort s3cret pa"), err("pa55word")},
       "pa55word [MASKED] [MASKED] "},
  };
}

TEST(TraceFilterState, TheLogGoesOnFromEveryPoint) {
  for (auto& c : nasty_cases()) {
    for (const bool timestamps : {false, true}) {
      SCOPED_TRACE(std::string{c.what} + (timestamps ? " with timestamps" : ""));
      c.options.timestamps = timestamps;
      if (!timestamps) {
        EXPECT_THAT(whole(c.options, c.steps), HasSubstr(c.holds));
      }
      expect_same_wherever_cut(c.options, c.steps);
      expect_same_wherever_cut(c.options, bytewise(c.steps));
    }
  }
}

TEST(TraceFilterState, TheLimitsEndIsTheSame) {
  // 640: the last 10 bytes are kept.
  const std::vector<Step> steps{out(std::string(300, 'a') + "\n"),
                                own(std::string(300, 'r') + "\nsection"),
                                err(std::string(31, 'b') + "\xe2\x82\xac\n"),
                                own(" of the runner\n"),
                                out("one\ntwo\n\xe2\x82"),
                                own("WARNING: half"),
                                out("\xac\nthree\n"),
                                own(" a line\nJob succeeded")};
  for (const std::uint64_t limit : {1, 63, 64, 640, 641, 660, 100'000}) {
    for (const bool timestamps : {false, true}) {
      SCOPED_TRACE(std::to_string(limit) + (timestamps ? " with timestamps" : ""));
      auto options = masking({"s3cret"}, limit);
      options.timestamps = timestamps;
      expect_same_wherever_cut(options, steps);
    }
  }
  auto options = masking({}, 640);
  options.timestamps = false;
  expect_same_wherever_cut(options, bytewise(steps));
  EXPECT_THAT(whole(options, steps), testing::EndsWith("Job succeeded\n"));
}

TEST(TraceFilterState, LongLinesAndLongSecrets) {
  std::string secret;
  for (int i = 0; i < 9000; ++i) secret += static_cast<char>('a' + i * i % 26);
  const std::vector<Step> steps{out(long_line),           out("ret and more"),
                                out("\n" + secret),       out(secret.substr(0, 8999)),
                                out(secret.substr(8999)), out(secret.substr(0, 5000)),
                                err(long_line + "\n"),    out(secret.substr(5000, 3000)),
                                out("!" + long_line)};
  for (const bool timestamps : {false, true}) {
    auto options = masking({"s3cret", secret, secret.substr(8990) + secret.substr(0, 20)});
    options.timestamps = timestamps;
    expect_same_wherever_cut(options, steps);
    EXPECT_THAT(whole(options, steps), Not(HasSubstr("s3cret")));
  }
}

TEST(TraceFilterState, RandomLogsWithRestartsAtRandom) {
  std::minstd_rand random{7};
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const auto word = [&](std::size_t most) {
    static const std::string pieces[] = {"a", "b",  "ab",     "ba",           "a",    "\n",
                                         "b", "\r", "glpat-", "?rss_token=b", "\xc3", "\xa9"};
    std::string text;
    for (auto n = 1 + below(most); n > 0; --n) text += pieces[below(std::size(pieces))];
    return text;
  };
  for (int round = 0; round < 400; ++round) {
    auto options = masking({word(3), word(4), word(6)}, 1 + below(1500));
    options.timestamps = round % 2 == 0;
    std::vector<Step> steps;
    for (auto n = 5 + below(40); n > 0; --n) {
      constexpr LogStream streams[] = {LogStream::script, LogStream::runner, LogStream::service};
      const auto stream = streams[below(3)];
      const auto kind = below(3) == 0 ? LogKind::err : LogKind::out;
      switch (below(8)) {
        case 0:
          steps.push_back(Flush{stream});
          break;
        case 1:
          steps.push_back(Learn{word(4)});
          break;
        default:
          steps.push_back(Write{stream, kind, word(12)});
      }
    }
    const auto want = whole(options, steps);
    Log log{options};
    for (const auto& step : steps) {
      if (below(3) == 0) log.restart();
      log.take(step);
    }
    ASSERT_EQ(log.close(), want) << "round " << round;
  }
}

TEST(TraceFilterState, OtherMaskedValuesAfterTheRestart) {
  auto options = masking({"abcdef", "s3cret"});
  options.timestamps = false;
  Log log{options};
  log.take(Learn{"pa55word"});
  log.take(out("abcde pa55word s3cr"));
  log.options().masked_values = {"s3crab", "s3cret", "more", "2more"};
  log.restart();
  log.take(out("et s3crab abcdef pa55wo"));
  log.options().masked_values.clear();
  log.restart();
  log.take(out("rd s3cret"));
  EXPECT_EQ(log.close(), "abcde [MASKED] [MASKED] [MASKED] abcdef [MASKED] s3cret");
}

TEST(TraceFilterState, LimitAndTimestampsStayThoseTheLogBeganWith) {
  std::string text;
  const auto sink = [&text](std::string_view bytes) { text += bytes; };
  TraceOptions options;
  options.timestamps = false;
  options.limit_bytes = 100;
  TraceFilter before{options, sink};
  before.write(LogStream::script, LogKind::out, std::string(90, 'x'));
  const auto state = before.state();
  for (const std::uint64_t limit : {50u, 100u, 1'000'000u}) {
    text.clear();
    options.timestamps = true;
    options.limit_bytes = limit;
    TraceFilter after{options, sink, state};
    after.write(LogStream::script, LogKind::out, std::string(50, 'y'));
    after.close();
    EXPECT_THAT(text, testing::StartsWith("yyyyyyyyyy\n"));
    EXPECT_THAT(text, HasSubstr("exceeded limit of 100 bytes"));
  }
}

TEST(TraceFilterState, AClosedFilterStaysClosed) {
  Log log{masking({"s3cret"})};
  log.take(out("half a line s3c"));
  const auto text = log.close();
  log.restart();
  log.take(out("more"));
  log.take(Flush{LogStream::script});
  EXPECT_EQ(log.close(), text);
  EXPECT_LT(log.filter().state().size(), 10u);
}

TEST(TraceFilterState, IsSmallWhileNothingIsHeldBack) {
  Log log{masking({"s3cret", "another"})};
  EXPECT_LT(log.filter().state().size(), 30u);
  for (const auto kind : {LogKind::out, LogKind::err}) {
    for (const auto stream : {LogStream::script, LogStream::runner, LogStream::service})
      log.take(Write{stream, kind, "some line of the log\n"});
  }
  EXPECT_LT(log.filter().state().size(), 100u);
}

TEST(TraceFilterState, IsBoundedOnceTheLimitIsExceeded) {
  auto options = masking({}, 64u << 20);
  options.timestamps = false;
  Log log{options};
  const std::string line = std::string(99, 'x') + "\n";
  std::string block;
  for (int i = 0; i < 10'000; ++i) block += line;
  for (int i = 0; i < 70; ++i) log.take(out(block));
  for (int i = 0; i < 2000; ++i) log.take(own(line));
  const auto size = log.filter().state().size();
  EXPECT_GT(size, 1u << 20);  // the end that is kept
  EXPECT_LT(size, (1u << 20) + (80u << 10));
  log.restart();
  EXPECT_THAT(log.close(), testing::EndsWith(line));
}

/// A state in which something of every kind is held back.
std::string full_state() {
  auto options = masking({"s3cret", "abcd", "cdef"}, 640);
  options.now = [] { return std::chrono::system_clock::time_point{}; };
  TraceFilter filter{options, [](std::string_view) {}};
  const auto write = [&](LogStream stream, LogKind kind, std::string_view bytes) {
    filter.write(stream, kind, bytes);
  };
  write(LogStream::script, LogKind::out, std::string(700, 'x') + "\none\ntwo\nabcd");
  write(LogStream::script, LogKind::err, "http://x/?private_tok");
  write(LogStream::runner, LogKind::out, "Preparing\nJob glpa");
  write(LogStream::runner, LogKind::err, "\xe2\x82\n\xe2\x82");
  write(LogStream::service, LogKind::out, "glpat-abc");
  write(LogStream::service, LogKind::err, "s3cre");
  filter.add_masked_value("pa55word");
  return filter.state();
}

TraceFilter restored(const std::string& state) {
  auto options = masking({"s3cret", "abcd", "cdef"}, 640);
  return {std::move(options), [](std::string_view) {}, state};
}

TEST(TraceFilterState, DamageIsFound) {
  const auto state = full_state();
  EXPECT_EQ(restored(state).state(), state);
  for (std::size_t size = 0; size < state.size(); ++size) {
    EXPECT_THROW(restored(state.substr(0, size)), std::invalid_argument);
    auto damaged = state;
    damaged[size] = static_cast<char>(damaged[size] ^ 0x10);
    EXPECT_THROW(restored(damaged), std::invalid_argument);
  }
  EXPECT_THROW(restored(state + '\0'), std::invalid_argument);
  EXPECT_THROW(restored(resealed(state, [](std::string& rest) { rest += '\0'; })),
               std::invalid_argument);
}

TEST(TraceFilterState, ContentThatNoFilterHasIsRefusedOrHarmless) {
  const auto state = full_state();
  int refused = 0;
  for (std::size_t at = 0; at + 5 < state.size(); ++at) {
    for (const int change : {0x01, 0x7f, 0x80, 0xff}) {
      const auto other = resealed(
          state, [&](std::string& rest) { rest[at] = static_cast<char>(rest[at] ^ change); });
      try {
        auto filter = restored(other);
        filter.write(LogStream::script, LogKind::out, "cdef pa55word\n");
        filter.write(LogStream::runner, LogKind::out, "Job succeeded\n");
        filter.close();
      } catch (const std::invalid_argument&) {
        ++refused;
      }
    }
    const auto shorter = resealed(state, [&](std::string& rest) { rest.resize(at); });
    EXPECT_THROW(restored(shorter), std::invalid_argument) << at;
  }
  EXPECT_GT(refused, 100);
}

TEST(TraceFilterState, ErrorsDoNotQuoteTheState) {
  auto state = full_state();
  state.resize(state.size() - 1);
  try {
    restored(state);
    ADD_FAILURE() << "no error";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "the state of the log filters is damaged");
  }
}

}  // namespace
}  // namespace slipway::job
