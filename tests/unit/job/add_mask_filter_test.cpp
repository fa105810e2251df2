#include "job/add_mask_filter.hpp"

#include <gmock/gmock.h>

#include "job/filter_state.hpp"
#include "job/trace_filter.hpp"
#include "splits.hpp"
#include "state_copy.hpp"

namespace slipway::job {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Named = AddMaskFilter::Named;

struct Found {
  std::string text;
  std::vector<std::string> values;
  bool too_long = false;

  void note(const Named& named) {
    if (!named.value.empty()) values.push_back(named.value);
    too_long = too_long || named.too_long;
  }
};

/// `anew`: the filter is made again from its state after every chunk.
Found found(const Chunks& chunks, bool anew = false) {
  Found out;
  AddMaskFilter filter;
  for (const auto& chunk : chunks) {
    for (std::string_view rest = chunk; !rest.empty();) {
      Named named;
      out.text += filter.write(rest, named);
      out.note(named);
    }
    if (!anew) continue;
    AddMaskFilter next;
    copy_state(filter, next);
    filter = next;
  }
  Named named;
  out.text += filter.flush(named);
  out.note(named);
  return out;
}

TEST(AddMaskFilter, TakesTheLinesAndTheirValues) {
  const struct {
    const char* what;
    std::string text;
    std::string want;
    std::vector<std::string> values;
  } cases[] = {
      {"one", "a\n::add-mask::s3cret\nb\n", "a\nb\n", {"s3cret"}},
      {"the first and the last line", "::add-mask::one\n::add-mask::two", "", {"one", "two"}},
      {"blanks around it", "::add-mask:: s 3 \t\r\nx", "x", {"s 3"}},
      {"empty", "::add-mask::\n::add-mask::   \nx\n", "x\n", {}},
      {"not at the start",
       " ::add-mask::no\nx::add-mask::no\n",
       " ::add-mask::no\nx::add-mask::no\n",
       {}},
      {"nearly",
       "::add-masks::x\n::add-mask:x\n::ADD-MASK::x\n:\n::\n\n",
       "::add-masks::x\n::add-mask:x\n::ADD-MASK::x\n:\n::\n\n",
       {}},
      {"cut by the end", "x\n::add-mas", "x\n::add-mas", {}},
      {"within its value", "::add-mask::a::add-mask::b\n", "", {"a::add-mask::b"}},
      {"begins again", "::::add-mask::x\n", "::::add-mask::x\n", {}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    for (const auto& chunks : splits(c.text)) {
      for (const bool anew : {false, true}) {
        const auto got = found(chunks, anew);
        EXPECT_EQ(got.text, c.want);
        EXPECT_THAT(got.values, ElementsAreArray(c.values));
        EXPECT_FALSE(got.too_long);
      }
    }
  }
}

TEST(AddMaskFilter, PassesOnWhatCannotBecomeOneAtOnce) {
  AddMaskFilter filter;
  Named named;
  const auto write = [&](std::string_view text) {
    const auto out = filter.write(text, named);
    EXPECT_TRUE(text.empty()) << "all of it is taken";
    return std::string{out};
  };
  EXPECT_EQ(write("progress 1"), "progress 1");
  EXPECT_EQ(write("0 %\n::add"), "0 %\n");
  EXPECT_EQ(write("itional"), "::additional");
  EXPECT_EQ(write("\n:"), "\n");
  EXPECT_EQ(filter.flush(named), ":");
  EXPECT_EQ(write(")"), ")");
}

TEST(AddMaskFilter, ValuesAreBounded) {
  const std::string longest(AddMaskFilter::longest_value, 'x');
  const auto fits = found({"::add-mask::" + longest.substr(1) + "\nnext\n"});
  EXPECT_EQ(fits.values.size(), 1u);
  EXPECT_FALSE(fits.too_long);
  for (const bool anew : {false, true}) {
    const Chunks chunks{"::add-mask::" + longest.substr(0, 9000), longest, longest, "\nnext\n"};
    const auto over = found(chunks, anew);
    EXPECT_TRUE(over.too_long);
    EXPECT_THAT(over.values, IsEmpty());
    EXPECT_EQ(over.text, "next\n") << "not shown either";
  }
}

TEST(AddMaskFilter, StatesThatNobodyWroteAreRefused) {
  const auto load = [](std::uint64_t state, std::uint64_t seen) {
    AddMaskFilter filter;
    load_from(filter, [&](StateWriter& writer) {
      writer.number(state);
      writer.number(seen);
    });
  };
  EXPECT_NO_THROW(load(0, 11));
  EXPECT_THROW(load(0, 12), std::invalid_argument);
  EXPECT_THROW(load(4, 0), std::invalid_argument);
}

/// A job's log, of script output and others.
class Log {
 public:
  explicit Log(std::vector<std::string> values = {}) {
    options_.masked_values = std::move(values);
    options_.timestamps = false;
    filter_ = std::make_unique<TraceFilter>(options_, sink());
  }
  Log& out(std::string_view text) { return write(LogStream::script, LogKind::out, text); }
  Log& err(std::string_view text) { return write(LogStream::script, LogKind::err, text); }
  Log& service(std::string_view text) { return write(LogStream::service, LogKind::out, text); }
  Log& restart() {
    const auto state = filter_->state();
    filter_ = std::make_unique<TraceFilter>(options_, sink(), state);
    EXPECT_EQ(filter_->state(), state);
    return *this;
  }
  std::string close() {
    filter_->close();
    return text_;
  }
  TraceFilter& filter() { return *filter_; }

 private:
  Log& write(LogStream stream, LogKind kind, std::string_view text) {
    filter_->write(stream, kind, text);
    return *this;
  }
  std::function<void(std::string_view)> sink() {
    return [this](std::string_view text) { text_ += text; };
  }

  TraceOptions options_;
  std::string text_;
  std::unique_ptr<TraceFilter> filter_;
};

TEST(AddMask, HidesWhatFollowsInEveryStream) {
  Log log;
  log.out("a s3cret-1 b\n::add-mask::s3cret-2\nc s3cret-2 d\n");
  log.err("e s3cret-").service("f s3cret-2\n");
  log.restart();
  log.err("2\n::add-mask::")
      .restart()
      .err("s3cret-1\n")
      .out("g s3cret-1 s3cret%2D2 \"s3cret-2\"\n");
  EXPECT_EQ(log.close(),
            "a s3cret-1 b\nc [MASKED] d\ne f [MASKED]\n[MASKED]\n"
            "g [MASKED] s3cret%2D2 \"[MASKED]\"\n");
}

TEST(AddMask, CountsFromItsLineOnHoweverTheLogIsCut) {
  const std::string text = "s3cret\n::add-mask::s3cret\ns3cret\n::add-mask::ret\nret secret\n";
  for (const auto& chunks : splits(text)) {
    Log log;
    for (const auto& chunk : chunks) log.out(chunk);
    EXPECT_EQ(log.close(), "s3cret\n[MASKED]\n[MASKED] sec[MASKED]\n");
  }
}

TEST(AddMask, IsForTheScriptAlone) {
  Log log;
  log.service("::add-mask::web\n").out("web\n");
  EXPECT_EQ(log.close(), "::add-mask::web\nweb\n");
}

TEST(AddMask, CountsAlsoInWhatIsHeldBack) {
  Log log{{"abcd"}};
  log.err("xab").out("::add-mask::bc\n").err("c.\n");
  EXPECT_EQ(log.close(), "xa[MASKED].\n");
}

TEST(AddMask, EndsWithItsStage) {
  Log log;
  log.out("::add-mask::s3cret");
  log.filter().flush(LogStream::script);
  log.out("s3cret\n::add-m");
  EXPECT_EQ(log.close(), "[MASKED]\n::add-m");
}

TEST(AddMask, IsBoundedAndSaysSoOnce) {
  Log log;
  std::string lines;
  for (int i = 0; i < 600; ++i) lines += "::add-mask::value-" + std::to_string(i) + "-\n";
  log.out(lines);
  log.restart();
  log.out("value-0- value-499- value-500-\n");
  log.out("::add-mask::value-0-\n::add-mask::other\n");
  const auto text = log.close();
  EXPECT_THAT(text, HasSubstr("[MASKED] [MASKED] value-500-\n"));
  const auto warning = text.find("::add-mask:: named more than can be masked");
  EXPECT_NE(warning, std::string::npos);
  EXPECT_EQ(text.find("::add-mask::", warning + 1), std::string::npos);
  Log large;
  for (int i = 0; i < 8; ++i)
    large.out("::add-mask::" + std::string(10'000, static_cast<char>('a' + i)) + "\n");
  EXPECT_THAT(large.close(), HasSubstr("not all of it is hidden"));
}

TEST(AddMask, AStateOfAnOlderVersionHasNone) {
  Log log{{"s3cret"}};
  log.out("a s3");
  // As it was before there were such lines: the last two numbers were not there.
  auto older =
      resealed(log.filter().state(), [](std::string& rest) { rest.resize(rest.size() - 2); });
  older[0] = 1;
  TraceOptions options;
  options.masked_values = {"s3cret"};
  std::string text;
  TraceFilter filter{options, [&](std::string_view more) { text += more; }, older};
  filter.write(LogStream::script, LogKind::out, "cret b\n");
  filter.close();
  EXPECT_EQ(text, "[MASKED] b\n");
}

}  // namespace
}  // namespace slipway::job
