#include "runner/trace.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
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

TEST_F(TraceTest, TheSpoolIsPrivateAndGoesWithTheTrace) {
  {
    Trace trace{io.get_executor(), spool, plain()};
    struct stat info {};
    ASSERT_EQ(::stat(spool.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);
  }
  EXPECT_FALSE(std::filesystem::exists(spool));
}

TEST_F(TraceTest, WhereNoSpoolCanBeMadeItIsNamed) {
  const auto nowhere = dir.path() / "none" / "spool.log";
  try {
    Trace trace{io.get_executor(), nowhere, plain()};
    ADD_FAILURE() << "no error";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr(nowhere.string()));
  }
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

/// Files of this process end at `bytes`, as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : previous_{::signal(SIGXFSZ, SIG_IGN)} {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    rlimit limit = old_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    ::signal(SIGXFSZ, previous_);
  }

 private:
  rlimit old_{};
  void (*previous_)(int);
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
}

TEST_F(TraceTest, ASpoolThatWasCutIsAnErrorNotAShortLog) {
  Trace trace{io.get_executor(), spool, plain()};
  trace.write(LogStream::script, LogKind::out, "0123456789\n");
  std::filesystem::resize_file(spool, 5);
  EXPECT_EQ(trace.read(0, 5), "01234");
  EXPECT_THROW(trace.read(0, 6), std::runtime_error);
}

}  // namespace
}  // namespace slipway::runner
