#include "runner/trace.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <functional>
#include <random>

#include "temp_dir.hpp"

namespace slipway::runner {
namespace {

using job::LogKind;
using job::LogStream;

std::string crc_text(const std::string& bytes) {
  return fmt::format("crc32:{:08x}",
                     ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

class TraceTest : public ::testing::Test {
 protected:
  static job::TraceOptions plain() {
    job::TraceOptions options;
    options.timestamps = false;
    return options;
  }
  static std::string problem(const std::function<void()>& action) {
    try {
      action();
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no error";
  }
  std::string whole(const Trace& trace) const {
    std::string text;
    while (text.size() < trace.size()) text += trace.read(text.size(), 1000);
    return text;
  }

  TempDir dir;
  std::filesystem::path spool = dir.path() / "spool.log";
  asio::io_context io;
};

TEST_F(TraceTest, SizeAndChecksumAreThoseOfWhatIsReadBack) {
  auto options = plain();
  options.masked_values = {"s3cret"};
  options.timestamps = true;
  options.limit_bytes = 50'000;
  Trace trace{io.get_executor(), spool, std::move(options)};
  EXPECT_EQ(trace.checksum(), "crc32:00000000");
  std::minstd_rand random{1};
  for (int i = 0; i < 3000; ++i) {
    const std::string pieces[] = {"line\n", "s3", "cret ", "\xff", "\xc3", "\xa9", "a\rb", "x"};
    const auto kind = random() % 4 == 0 ? LogKind::err : LogKind::out;
    trace.write(LogStream::script, kind, pieces[random() % 8]);
    if (i % 100 != 0) continue;
    EXPECT_EQ(trace.checksum(), crc_text(whole(trace)));
  }
  trace.info("Job succeeded");
  trace.close();
  const auto text = whole(trace);
  EXPECT_EQ(trace.size(), text.size());
  EXPECT_EQ(trace.checksum(), crc_text(text));
  EXPECT_EQ(std::filesystem::file_size(spool), trace.size());
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("s3cret")));
  EXPECT_THAT(text, ::testing::HasSubstr("[MASKED]"));
  EXPECT_THAT(text, ::testing::HasSubstr("Job succeeded"));
}

TEST_F(TraceTest, TheDocumentedChecksum) {
  Trace trace{io.get_executor(), spool, plain()};
  trace.write(LogStream::script, LogKind::out, "Hello from slipway\n");
  EXPECT_EQ(trace.size(), 19u);
  EXPECT_EQ(trace.checksum(), "crc32:244a679a");
}

TEST_F(TraceTest, ReadsAreBounded) {
  Trace trace{io.get_executor(), spool, plain()};
  trace.write(LogStream::script, LogKind::out, "0123456789");
  trace.flush(LogStream::script);
  EXPECT_EQ(trace.read(0, 4), "0123");
  EXPECT_EQ(trace.read(4, 100), "456789");
  EXPECT_EQ(trace.read(10, 4), "");
  EXPECT_EQ(trace.read(1000, 4), "");
  EXPECT_EQ(trace.read(3, 0), "");
}

TEST_F(TraceTest, TheSpoolIsPrivateAndStaysUntilItIsRemoved) {
  {
    Trace trace{io.get_executor(), spool, plain()};
    struct stat info {};
    ASSERT_EQ(::stat(spool.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);
    trace.write(LogStream::script, LogKind::out, "kept\n");
  }
  EXPECT_EQ(std::filesystem::file_size(spool), 5u);
  Trace trace{io.get_executor(), spool, plain(), Trace::State{5, 0xdb4f8bcc, ""}};
  trace.remove();
  EXPECT_FALSE(std::filesystem::exists(spool));
  EXPECT_EQ(trace.read(0, 10), "kept\n");  // whoever reads may go on
  EXPECT_NO_THROW(trace.remove());
}

TEST_F(TraceTest, ANewSpoolIsEmptyWhateverWasThere) {
  {
    Trace trace{io.get_executor(), spool, plain()};
    trace.write(LogStream::script, LogKind::out, "of a job that was not prepared\n");
  }
  Trace trace{io.get_executor(), spool, plain()};
  EXPECT_EQ(trace.size(), 0u);
  EXPECT_EQ(std::filesystem::file_size(spool), 0u);
}

TEST_F(TraceTest, WhereNoSpoolCanBeMadeItIsNamed) {
  const auto nowhere = dir.path() / "none" / "spool.log";
  EXPECT_EQ(problem([&] {
              Trace{io.get_executor(), nowhere, plain()};
            }),
            "cannot make the log spool " + nowhere.string() + ": No such file or directory");
  EXPECT_EQ(problem([&] {
              Trace{io.get_executor(), nowhere, plain(), Trace::State{}};
            }),
            "cannot open the log spool " + nowhere.string() + ": No such file or directory");
}

TEST_F(TraceTest, AfterCloseNothingComes) {
  Trace trace{io.get_executor(), spool, plain()};
  trace.write(LogStream::script, LogKind::out, "held \xc3");
  trace.close();
  const auto size = trace.size();
  EXPECT_EQ(trace.read(0, 100), "held \xef\xbf\xbd");
  trace.write(LogStream::script, LogKind::out, "late");
  trace.flush(LogStream::script);
  trace.close();
  EXPECT_EQ(trace.size(), size);
}

TEST_F(TraceTest, ValuesLearntLaterAreHidden) {
  Trace trace{io.get_executor(), spool, plain()};
  trace.write(LogStream::script, LogKind::out, "token ");
  trace.add_masked_value("t0ken");
  trace.write(LogStream::script, LogKind::out, "t0ken\n");
  trace.close();
  EXPECT_EQ(trace.read(0, 100), "token [MASKED]\n");
}

TEST_F(TraceTest, GrowthIsTold) {
  Trace trace{io.get_executor(), spool, plain()};
  EXPECT_FALSE(trace.grown().is_set());
  trace.write(LogStream::script, LogKind::out, "x\n");
  EXPECT_TRUE(trace.grown().is_set());
}

/// Sets a limit of this process, for a while.
class ProcessLimit {
 public:
  ProcessLimit(decltype(RLIMIT_FSIZE) what, rlim_t value) : what_{what} {
    ::getrlimit(what_, &old_);
    rlimit limit = old_;
    limit.rlim_cur = value;
    ::setrlimit(what_, &limit);
  }
  ProcessLimit(const ProcessLimit&) = delete;
  ~ProcessLimit() { ::setrlimit(what_, &old_); }

 private:
  decltype(RLIMIT_FSIZE) what_;
  rlimit old_{};
};

/// Files of this process end at `bytes`, as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes)
      : previous_{::signal(SIGXFSZ, SIG_IGN)}, limit_{RLIMIT_FSIZE, bytes} {}
  FileSizeLimit(const FileSizeLimit&) = delete;
  ~FileSizeLimit() { ::signal(SIGXFSZ, previous_); }

 private:
  void (*previous_)(int);
  ProcessLimit limit_;
};

TEST_F(TraceTest, OnAFullDiskSizeAndChecksumStayTrue) {
  Trace trace{io.get_executor(), spool, plain()};
  std::string seen;
  {
    const FileSizeLimit limit{10'000};
    for (int i = 0; i < 100; ++i)
      trace.write(LogStream::script, LogKind::out, std::string(999, 'x') + "\n");
    trace.close();
  }
  const auto text = whole(trace);
  EXPECT_EQ(text.size(), trace.size());
  EXPECT_LE(trace.size(), 10'000u);
  EXPECT_GT(trace.size(), 8'000u);
  EXPECT_EQ(trace.checksum(), crc_text(text));
  EXPECT_TRUE(trace.damaged());
  EXPECT_EQ(trace.damage(), "cannot write the log spool " + spool.string() + ": File too large");
  const Trace again{io.get_executor(), spool, plain(), trace.state()};
  EXPECT_EQ(whole(again), text);
}

TEST_F(TraceTest, AfterAWriteErrorNothingIsAddedThatWouldLeaveAGap) {
  Trace trace{io.get_executor(), spool, plain()};
  trace.write(LogStream::script, LogKind::out, "before\n");
  EXPECT_FALSE(trace.damaged());
  EXPECT_EQ(trace.damage(), "");
  {
    const FileSizeLimit limit{9};
    trace.write(LogStream::script, LogKind::out, "lost\n");
  }
  EXPECT_TRUE(trace.damaged());
  trace.write(LogStream::script, LogKind::out, "after\n");
  trace.close();
  EXPECT_EQ(whole(trace), "before\nlo");
  EXPECT_EQ(trace.checksum(), crc_text("before\nlo"));
}

TEST_F(TraceTest, OutOfSpaceIsSaidInPlainWords) {
  std::filesystem::create_symlink("/dev/full", spool);
  Trace trace{io.get_executor(), spool, plain()};
  trace.write(LogStream::script, LogKind::out, "x\n");
  EXPECT_THAT(trace.damage(), ::testing::EndsWith(": No space left on device"));
  EXPECT_EQ(trace.size(), 0u);
  EXPECT_EQ(trace.checksum(), "crc32:00000000");
}

TEST_F(TraceTest, OutOfDescriptorsIsSaidInPlainWords) {
  const Trace first{io.get_executor(), dir.path() / "first", plain()};  // io has what it needs
  const ProcessLimit limit{RLIMIT_NOFILE, 0};
  EXPECT_THAT(problem([&] {
                Trace{io.get_executor(), spool, plain()};
              }),
              ::testing::EndsWith(spool.string() + ": Too many open files"));
}

TEST_F(TraceTest, ASpoolThatWasCutIsAnErrorNotAShortLog) {
  Trace trace{io.get_executor(), spool, plain()};
  trace.write(LogStream::script, LogKind::out, "0123456789\n");
  std::filesystem::resize_file(spool, 5);
  EXPECT_EQ(trace.read(0, 5), "01234");
  EXPECT_THROW(trace.read(0, 6), std::runtime_error);
}

/// A log of which everything is made: lines, secrets, broken characters, two streams.
struct Writer {
  std::minstd_rand random{3};
  void some(Trace& trace, int count) {
    const std::string pieces[] = {"a line\n", "s3",   "cret",   "pa55",          "word\n",
                                  "\xe2\x82", "\xac", "glpat-", "ab?rss_token=", "x\ry"};
    for (; count > 0; --count) {
      const auto stream = random() % 5 == 0 ? LogStream::runner : LogStream::script;
      trace.write(stream, random() % 4 == 0 ? LogKind::err : LogKind::out, pieces[random() % 10]);
    }
  }
};

job::TraceOptions nasty() {
  job::TraceOptions options;
  options.masked_values = {"s3cret", "cretpa55"};
  options.limit_bytes = 20'000;
  options.now = [] { return std::chrono::system_clock::time_point{}; };
  return options;
}

TEST_F(TraceTest, GoesOnFromAStateAsIfNothingHadBeen) {
  for (const int before : {0, 1, 100, 777, 2000}) {
    SCOPED_TRACE(before);
    Trace want{io.get_executor(), dir.path() / "want", nasty()};
    Writer writer;
    writer.some(want, before);
    want.add_masked_value("pa55word");
    writer.some(want, 500);
    want.close();

    Trace::State state;
    Writer again;
    {
      Trace trace{io.get_executor(), spool, nasty()};
      again.some(trace, before);
      trace.add_masked_value("pa55word");
      state = trace.state();
      auto lost = again;
      lost.some(trace, 300);  // written, but never told to anybody
    }
    Trace trace{io.get_executor(), spool, nasty(), state};
    EXPECT_FALSE(trace.closed());
    EXPECT_EQ(trace.size(), state.size);
    EXPECT_EQ(std::filesystem::file_size(spool), state.size);
    EXPECT_EQ(trace.grown().is_set(), state.size > 0);
    again.some(trace, 500);
    trace.close();
    EXPECT_EQ(whole(trace), whole(want));
    EXPECT_EQ(trace.checksum(), want.checksum());
    EXPECT_EQ(trace.checksum(), crc_text(whole(trace)));
  }
}

TEST_F(TraceTest, StateAfterStateAfterState) {
  Trace want{io.get_executor(), dir.path() / "want", nasty()};
  Writer writer;
  Writer again;
  auto trace = std::make_unique<Trace>(io.get_executor(), spool, nasty());
  for (int round = 0; round < 40; ++round) {
    writer.some(want, 20);
    again.some(*trace, 20);
    const auto state = trace->state();
    trace.reset();
    trace = std::make_unique<Trace>(io.get_executor(), spool, nasty(), state);
    EXPECT_EQ(trace->state().filter, state.filter);
  }
  want.close();
  trace->close();
  EXPECT_EQ(whole(*trace), whole(want));
}

TEST_F(TraceTest, AClosedLogIsOpenedToBeRead) {
  Trace::State state;
  std::string text;
  {
    Trace trace{io.get_executor(), spool, plain()};
    trace.write(LogStream::script, LogKind::out, "held \xc3");
    EXPECT_FALSE(trace.closed());
    EXPECT_NE(trace.state().filter, "");
    trace.close();
    EXPECT_TRUE(trace.closed());
    state = trace.state();
    text = whole(trace);
  }
  EXPECT_EQ(state.filter, "");
  EXPECT_EQ(state.size, 8u);
  Trace trace{io.get_executor(), spool, {}, state};
  EXPECT_TRUE(trace.closed());
  trace.write(LogStream::script, LogKind::out, "late\n");
  trace.add_masked_value("late");
  trace.flush(LogStream::script);
  trace.close();
  EXPECT_EQ(whole(trace), text);
  EXPECT_EQ(trace.checksum(), crc_text(text));
}

TEST_F(TraceTest, ASpoolThatIsNotWhatTheStateSaysIsRefusedAndUntouched) {
  Trace::State state;
  {
    Trace trace{io.get_executor(), spool, plain()};
    trace.write(LogStream::script, LogKind::out, "0123456789\n");
    state = trace.state();
    trace.write(LogStream::script, LogKind::out, "more\n");
  }
  const auto open = [&](const Trace::State& from) {
    return problem([&] { Trace{io.get_executor(), spool, plain(), from}; });
  };
  const auto start = "cannot open the log spool " + spool.string() + ": ";
  auto longer = state;
  longer.size = 17;
  EXPECT_EQ(open(longer), start + "it was cut to 16 of 17 bytes");
  longer.size = std::uint64_t{1} << 63;
  EXPECT_EQ(open(longer), start + "it was cut to 16 of 9223372036854775808 bytes");
  auto other = state;
  other.crc ^= 1;
  EXPECT_EQ(open(other), start + "its first 11 bytes are not those written");
  auto damaged = state;
  damaged.filter.pop_back();
  EXPECT_EQ(open(damaged), "the state of the log filters is damaged");
  EXPECT_EQ(std::filesystem::file_size(spool), 16u);
  EXPECT_EQ(open(state), "no error");
  EXPECT_EQ(std::filesystem::file_size(spool), 11u);
  std::filesystem::resize_file(spool, 0);
  EXPECT_EQ(open(state), start + "it was cut to 0 of 11 bytes");
}

TEST_F(TraceTest, AVeryLongLogIsOnlyMeasured) {
  { Trace trace{io.get_executor(), spool, plain()}; }
  constexpr std::uint64_t size = (64u << 20) + 1;
  std::filesystem::resize_file(spool, size);
  const Trace measured{io.get_executor(), spool, {}, Trace::State{size, 1, ""}};
  EXPECT_EQ(measured.size(), size);
  EXPECT_THROW((Trace{io.get_executor(), spool, {}, Trace::State{size - 1, 1, ""}}),
               std::runtime_error);
}

}  // namespace
}  // namespace slipway::runner
