#include "runner/journal.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "temp_dir.hpp"

namespace slipway::runner {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

JournalHeader header() {
  JournalHeader header;
  header.program = "slipway 1.2.3 (abc)";
  header.job = 17;
  header.project = 4;
  header.payload = R"({"id":17,"token":"secret","text":"line\nbreak"})";
  header.config = "[[runners]]\nname = \"x\"\n";
  header.runner_name = "x";
  header.runner_url = "https://gitlab.example.com";
  header.runner_token = util::Secret{"glrt-abc"};
  header.executor = "shell";
  header.builds_dir = "/srv/builds";
  header.slots = {2, 1};
  header.received = {"boot", milliseconds{1000}, milliseconds{5000}};
  return header;
}

JournalEntry state(int number) {
  JournalEntry state;
  state.phase = Phase::staged;
  state.execution = "0123";
  state.progress.begin("get_sources#1");
  state.progress.end(
      {Outcome::Kind::failure, job::FailureReason::script_failure, "exit code 3", 3});
  state.progress.begin("step_script");
  state.progress.stages = number;
  state.progress.stage_under_way = true;
  state.progress.stage_began = milliseconds{12};
  state.progress.script_began = milliseconds{13};
  state.stop_text = "none \xff";
  state.executor = R"({"containers":["a"]})";
  state.trace = {static_cast<std::uint64_t>(number), 0xfedcba98u, std::string("\0\n\xff held", 8)};
  state.sent = 5;
  state.accepted = true;
  state.age = milliseconds{77};
  state.clock = {"boot", milliseconds{1077}, milliseconds{5077}};
  return state;
}

void expect_state(const JournalEntry& got, int number) {
  EXPECT_EQ(got.phase, Phase::staged);
  EXPECT_EQ(got.execution, "0123");
  const auto& sources = got.progress.done.at("get_sources#1");
  EXPECT_EQ(sources.kind, Outcome::Kind::failure);
  EXPECT_EQ(sources.text, "exit code 3");
  EXPECT_EQ(sources.exit_code, 3);
  EXPECT_EQ(got.progress.section, "step_script");
  EXPECT_EQ(got.progress.stages, number);
  EXPECT_TRUE(got.progress.stage_under_way);
  EXPECT_EQ(got.progress.stage_began, milliseconds{12});
  EXPECT_EQ(got.progress.script_began, milliseconds{13});
  EXPECT_EQ(got.executor, R"({"containers":["a"]})");
  EXPECT_EQ(got.trace.size, static_cast<std::uint64_t>(number));
  EXPECT_EQ(got.trace.crc, 0xfedcba98u);
  EXPECT_EQ(got.trace.filter, std::string("\0\n\xff held", 8));
  EXPECT_EQ(got.sent, 5u);
  EXPECT_TRUE(got.accepted);
  EXPECT_EQ(got.age, milliseconds{77});
  EXPECT_EQ(got.clock.boot, "boot");
  EXPECT_EQ(got.clock.since_boot, milliseconds{1077});
  EXPECT_FALSE(got.final_update);
}

std::string content(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

mode_t mode_of(const std::filesystem::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

class JournalTest : public ::testing::Test {
 protected:
  std::filesystem::path directory() const { return dir_.path() / "abc-17-0000"; }
  std::filesystem::path file() const { return directory() / "journal"; }
  void write(const std::string& text) { std::ofstream{file(), std::ios::binary} << text; }
  std::string problem() const {
    try {
      return Journal::Left::open(directory()) ? "none" : "nothing there";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }

  TempDir dir_;
};

TEST_F(JournalTest, GivesBackWhatWasSaved) {
  {
    Journal journal{directory(), header()};
    for (int i = 1; i <= 3; ++i) journal.save(state(i));
    EXPECT_EQ(journal.key(), "abc-17-0000");
    EXPECT_EQ(journal.trace_path(), directory() / "trace");
  }
  const auto left = Journal::Left::open(directory());
  ASSERT_TRUE(left);
  EXPECT_EQ(left->header.program, header().program);
  EXPECT_EQ(left->header.payload, header().payload);
  EXPECT_EQ(left->header.config, header().config);
  EXPECT_EQ(left->header.runner_token.reveal(), "glrt-abc");
  EXPECT_EQ(left->header.executor, "shell");
  EXPECT_EQ(left->header.builds_dir, "/srv/builds");
  EXPECT_EQ(left->header.slots.global, 2);
  EXPECT_EQ(left->header.slots.project, 1);
  EXPECT_EQ(left->header.received.wall, milliseconds{5000});
  expect_state(left->state, 3);
}

TEST_F(JournalTest, IsPrivate) {
  const Journal journal{directory(), header()};
  EXPECT_EQ(mode_of(directory()), 0700u);
  EXPECT_EQ(mode_of(file()), 0600u);
}

TEST_F(JournalTest, ACrashAtAnyByteLeavesTheLastWholeState) {
  std::vector<std::size_t> ends;
  {
    Journal journal{directory(), header()};
    ends.push_back(journal.size());
    for (int i = 1; i <= 3; ++i) {
      journal.save(state(i));
      ends.push_back(journal.size());
    }
  }
  const auto whole = content(file());
  ASSERT_EQ(whole.size(), ends.back());
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    SCOPED_TRACE(size);
    write(whole.substr(0, size));
    const auto states = std::upper_bound(ends.begin(), ends.end(), size) - ends.begin() - 1;
    auto left = Journal::Left::open(directory());
    ASSERT_EQ(left.has_value(), states >= 0);
    if (states < 0) continue;
    if (states > 0) expect_state(left->state, static_cast<int>(states));
    if (states == 0) {
      EXPECT_EQ(left->state.phase, Phase::taken);
    }
    if (size % 16 != 0) continue;
    // The next process goes on behind the last whole line.
    left->journal.save(state(9));
    left.reset();
    expect_state(Journal::Left::open(directory())->state, 9);
  }
}

TEST_F(JournalTest, ADamagedLineEndsIt) {
  {
    Journal journal{directory(), header()};
    for (int i = 1; i <= 3; ++i) journal.save(state(i));
  }
  auto text = content(file());
  const auto third = text.rfind("\"stages\":2");
  text[third + 10] = '7';
  write(text);
  expect_state(Journal::Left::open(directory())->state, 1);
}

TEST_F(JournalTest, OfANewerVersionIsRefusedAndLeftAlone) {
  std::filesystem::create_directory(directory());
  const auto text = journal_line(R"({"version":2,"program":"slipway 9.9"})");
  write(text);
  EXPECT_THAT(problem(), HasSubstr("written by a newer version, slipway 9.9"));
  EXPECT_EQ(content(file()), text);
}

TEST_F(JournalTest, ThatMakesNoSenseIsNamed) {
  std::filesystem::create_directory(directory());
  EXPECT_EQ(problem(), "nothing there");
  for (const auto* json : {"[]", "{\"version\":1}", "not json", "{\"version\":\"x\"}"}) {
    write(journal_line(json));
    EXPECT_THAT(problem(), HasSubstr(file().string())) << json;
  }
  write("");
  EXPECT_EQ(problem(), "nothing there");
  // A header that was cut off, before anything was made for the job; and one that was changed.
  const auto whole = journal_line(R"({"version":1,"program":"slipway 0.1.0"})");
  write(whole.substr(0, whole.size() / 2));
  EXPECT_EQ(problem(), "nothing there");
  write("x" + whole);
  EXPECT_THAT(problem(), HasSubstr("its first line is damaged"));
}

TEST_F(JournalTest, StaysSmall) {
  Journal journal{directory(), header()};
  auto big = state(1);
  big.executor = std::string(10'000, 'x');
  std::uint64_t largest = 0;
  for (int i = 0; i < 500; ++i) {
    journal.save(big);
    largest = std::max(largest, journal.size());
  }
  EXPECT_LE(largest, (1u << 20) + 1);
  EXPECT_EQ(std::filesystem::file_size(file()), journal.size());
  EXPECT_FALSE(std::filesystem::exists(directory() / "journal.new"));
  journal.save(state(2));
  expect_state(Journal::Left::open(directory())->state, 2);
}

/// No file of this process may grow past `size` meanwhile: as on a full disk.
class SizeLimit {
 public:
  explicit SizeLimit(rlim_t size) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now{size, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~SizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(JournalTest, Fault45_WithoutADescriptorForASecondFileItGrowsOn) {
  Journal journal{directory(), header()};
  auto big = state(1);
  big.executor = std::string(60'000, 'x');
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int i = 0; i < 40; ++i) EXPECT_NO_THROW(journal.save(big));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_GT(journal.size(), 40u * 60'000u);
  journal.save(big);
  EXPECT_LT(journal.size(), 3u * 60'000u);
}

TEST_F(JournalTest, Fault46_OnAFullDiskKeepsWhatItHad) {
  Journal journal{directory(), header()};
  journal.save(state(1));
  for (rlim_t room = 0; room < 500; room += 50) {
    const SizeLimit limit{journal.size() + room};
    EXPECT_THROW(journal.save(state(2)), std::runtime_error);
    expect_state(Journal::Left::open(directory())->state, 1);
  }
  journal.save(state(3));
  expect_state(Journal::Left::open(directory())->state, 3);
}

TEST_F(JournalTest, Fault46_ThatCannotBeMadeLeavesNothing) {
  const auto attempt = [&] {
    try {
      const Journal journal{directory(), header()};
      return std::string{"made"};
    } catch (const std::runtime_error& error) {
      return std::string{error.what()};
    }
  };
  {
    const SizeLimit limit{100};
    EXPECT_THAT(attempt(), HasSubstr("File too large"));
  }
  EXPECT_FALSE(std::filesystem::exists(directory()));
  std::filesystem::create_directory(directory());
  EXPECT_THAT(attempt(), HasSubstr("File exists"));
}

TEST_F(JournalTest, RemoveTakesTheLogAlong) {
  Journal journal{directory(), header()};
  std::ofstream{journal.trace_path()} << "log";
  journal.remove();
  EXPECT_FALSE(std::filesystem::exists(directory()));
}

TEST(JobStateJson, KeepsTheFinalUpdate) {
  JournalEntry state;
  state.phase = Phase::ended;
  state.stop_reason = StopReason::timed_out;
  state.final_update = gitlab_api::JobUpdate{.state = "failed",
                                             .failure_reason = "script_failure",
                                             .checksum = "crc32:00000000",
                                             .bytesize = 12,
                                             .exit_code = 5};
  state.delivered = true;
  const auto got = state_from(nlohmann::json::parse(to_json(state).dump()));
  EXPECT_EQ(got.phase, Phase::ended);
  EXPECT_EQ(got.stop_reason, StopReason::timed_out);
  ASSERT_TRUE(got.final_update);
  EXPECT_EQ(got.final_update->failure_reason, "script_failure");
  EXPECT_EQ(got.final_update->checksum, "crc32:00000000");
  EXPECT_EQ(got.final_update->bytesize, 12u);
  EXPECT_EQ(got.final_update->exit_code, 5);
  EXPECT_TRUE(got.delivered);
  EXPECT_FALSE(got.cleaned);
}

TEST(JobClock, MeasuresWithinOneBootWhateverTheWallClockDoes) {
  const ClockReading start{"a", milliseconds{1000}, milliseconds{900'000}};
  EXPECT_EQ(elapsed(start, {"a", milliseconds{4000}, milliseconds{0}}), milliseconds{3000});
  EXPECT_EQ(elapsed(start, {"a", milliseconds{4000}, milliseconds{9'900'000}}), milliseconds{3000});
}

TEST(JobClock, Fault50_AfterARebootTheWallClockCountsAndNeverBackwards) {
  const ClockReading start{"a", milliseconds{1000}, milliseconds{900'000}};
  EXPECT_EQ(elapsed(start, {"b", milliseconds{10}, milliseconds{960'000}}), milliseconds{60'000});
  EXPECT_EQ(elapsed(start, {"b", milliseconds{10}, milliseconds{1}}), milliseconds{0});
  EXPECT_EQ(elapsed({}, {"", milliseconds{10}, milliseconds{5}}), milliseconds{5});
}

TEST(JobClock, ReadsThisMachine) {
  const auto a = ClockReading::now();
  const auto b = ClockReading::now();
  EXPECT_FALSE(a.boot.empty());
  EXPECT_EQ(a.boot, b.boot);
  EXPECT_GT(a.since_boot.count(), 0);
  EXPECT_GE(elapsed(a, b).count(), 0);
}

}  // namespace
}  // namespace slipway::runner
