#include "agent/agent_end.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace slipway::agent {
namespace {

using namespace std::chrono_literals;

const Mark mark{test_mark};

/// The frames in what an agent has written.
struct Frames : RecordingSink {
  explicit Frames(const std::string& bytes) {
    FrameParser parser{mark};
    parser.feed(bytes, *this);
  }
  std::string types() const {
    std::string text;
    for (const auto& frame : frames) text += "?horRa"[static_cast<int>(frame.type) % 6];
    return text;
  }
};

/// An agent that has heard its daemon.
struct AgentEndTest : testing::Test {
  AgentEndTest() { EXPECT_EQ(Frames{agent.written()}.types(), "h"); }
  void hear(const std::string& bytes) { agent.end.receive(bytes, agent.now); }
  void hear(FrameType type, std::uint64_t number, std::string_view payload = {},
            std::uint8_t flags = 0, std::uint32_t stage = 0) {
    hear(encode(mark, {type, flags, stage, number, 0, payload}));
  }
  TestAgent agent;
  DaemonEnd daemon{test_mark};
};

TEST_F(AgentEndTest, RepeatsHelloUntilItHearsADaemon) {
  EXPECT_EQ(agent.end.deadline(), agent.now + 1s);
  agent.pass(999ms);
  EXPECT_EQ(agent.written(), "");
  agent.pass(1ms);
  EXPECT_EQ(Frames{agent.written()}.types(), "h");
  hear(daemon.ping());
  EXPECT_EQ(Frames{agent.written()}.types(), "a");
  agent.pass(5s);
  EXPECT_EQ(agent.written(), "");
}

TEST_F(AgentEndTest, TakesStagesOfAnySizeInFrames) {
  for (const std::size_t size : {0u, 1u, 4000u, 4060u, 8116u, 3u << 20}) {
    Stage stage{.id = static_cast<std::uint32_t>(size) + 1,
                .kind = size % 2 ? Stage::Kind::native : Stage::Kind::script,
                .name = "step_script",
                .shell = {"/bin/sh", "-e"},
                .body = std::string(size, 'b'),
                .working_dir = "/builds",
                .limit = 90s};
    const auto bytes = daemon.run(stage);
    for (std::size_t at = 0; at < bytes.size(); at += 5000) hear(bytes.substr(at, 5000));
    const auto commands = agent.commands();
    ASSERT_EQ(commands.size(), 1u) << size;
    const auto& got = std::get<RunStage>(commands[0]).stage;
    EXPECT_EQ(got.id, stage.id);
    EXPECT_EQ(got.kind, stage.kind);
    EXPECT_EQ(got.name, stage.name);
    EXPECT_EQ(got.shell, stage.shell);
    EXPECT_EQ(got.body, stage.body);
    EXPECT_EQ(got.working_dir, stage.working_dir);
    EXPECT_EQ(got.limit, stage.limit);
  }
}

TEST_F(AgentEndTest, DropsDoubledCommandsAndThoseBehindAGap) {
  const auto first = daemon.signal(1, Signal::kill);
  const auto second = daemon.signal(2, Signal::terminate);
  const auto third = daemon.quit(-3);
  hear(second);
  EXPECT_TRUE(agent.commands().empty());
  hear(first + first + second + first + second + third + third);
  const auto commands = agent.commands();
  ASSERT_EQ(commands.size(), 3u);
  EXPECT_EQ(std::get<SignalStage>(commands[0]).stage, 1u);
  EXPECT_EQ(std::get<SignalStage>(commands[0]).signal, Signal::kill);
  EXPECT_EQ(std::get<SignalStage>(commands[1]).stage, 2u);
  EXPECT_EQ(std::get<Quit>(commands[2]).code, -3);
  EXPECT_EQ(Frames{agent.written()}.frames.at(0).confirm, 3u);
}

TEST_F(AgentEndTest, ANewStageDiscardsAnUnfinishedOne) {
  const auto half = daemon.run({.id = 1, .body = std::string(9000, 'x')});
  hear(half.substr(0, max_frame));
  hear(FrameType::run, 2, encode_stage({.body = "y"}).insert(0, std::string("\0\0\0\x16", 4)), 1,
       2);
  const auto commands = agent.commands();
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_EQ(std::get<RunStage>(commands[0]).stage.body, "y");
}

TEST_F(AgentEndTest, RefusesMalformedAndOversizedStages) {
  hear(FrameType::run, 1, std::string("\xff\xff\xff\xff", 4), 1, 7);
  hear(FrameType::run, 2, std::string("\0\0\0\2\0\0", 6), 1, 8);
  hear(FrameType::run, 3, std::string("\0\0", 2), 1, 9);
  hear(FrameType::run, 4, "continues nothing", 0, 9);
  EXPECT_TRUE(agent.commands().empty());
  const Frames frames{agent.written()};
  ASSERT_EQ(frames.types(), "rrr");
  const auto exit = decode_exit(7, frames.payloads[0]);
  EXPECT_EQ(exit->exit.error, "the stage's script is too long");
  EXPECT_EQ(decode_exit(8, frames.payloads[1])->exit.error, "the stage's description is malformed");
}

TEST_F(AgentEndTest, SendsTheFirstLineAtOnceAndGathersTheNext) {
  hear(daemon.ping());
  agent.written();
  agent.pass(1s);
  agent.end.output(1, Stream::out, "one\n", agent.now);
  EXPECT_EQ(Frames{agent.written()}.payloads, std::vector<std::string>{"one\n"});
  agent.end.output(1, Stream::out, "two\n", agent.now);
  agent.pass(5ms);
  agent.end.output(1, Stream::out, "three\n", agent.now);
  EXPECT_EQ(agent.written(), "");
  EXPECT_EQ(agent.end.deadline(), agent.now + 15ms);
  agent.pass(15ms);
  EXPECT_EQ(Frames{agent.written()}.payloads, std::vector<std::string>{"two\nthree\n"});
}

TEST_F(AgentEndTest, AFullFrameDoesNotWait) {
  agent.end.output(1, Stream::out, std::string(max_payload + 10, 'x'), agent.now);
  const Frames frames{agent.written()};
  ASSERT_EQ(frames.types(), "o");
  EXPECT_EQ(frames.payloads[0].size(), max_payload);
}

TEST_F(AgentEndTest, AnEndComesBehindItsOutputAndBeforeWhatFollows) {
  agent.end.output(1, Stream::out, "a", agent.now);
  agent.end.output(1, Stream::err, "b", agent.now);
  agent.end.exited({.stage = 1});
  agent.end.output(2, Stream::out, "c", agent.now);
  agent.pass(20ms);
  const Frames frames{agent.written()};
  EXPECT_EQ(frames.types(), "ooro");
  EXPECT_EQ(decode_exit(1, frames.payloads[2])->position, 2u);
}

TEST_F(AgentEndTest, AnEndSplitsTheOutputOfOneStage) {
  agent.end.output(1, Stream::out, "a", agent.now);
  agent.end.exited({.stage = 2});
  agent.end.output(1, Stream::out, "b", agent.now);
  agent.pass(20ms);
  EXPECT_EQ(Frames{agent.written()}.types(), "oro");
}

TEST_F(AgentEndTest, TheSameFrameIsOfferedUntilItIsWritten) {
  agent.end.exited({.stage = 1});
  const std::string once{agent.end.frame(agent.now)};
  EXPECT_EQ(agent.end.frame(agent.now), once);
  agent.end.frame_written(agent.now);
  EXPECT_EQ(agent.end.frame(agent.now), "");
}

TEST_F(AgentEndTest, ResumesAtTheByteAskedForWithTheEndsNotSeen) {
  agent.end.output(1, Stream::out, "0123456789", agent.now);
  agent.end.exited({.stage = 1, .code = 4});
  agent.end.exited({.stage = 2, .code = 5});
  agent.pass(20ms);
  agent.written();
  hear(FrameType::resume, 6, std::string("\0\0\0\0\0\0\0\1", 8));
  const Frames frames{agent.written()};
  ASSERT_EQ(frames.types(), "Ror");
  EXPECT_EQ(frames.frames[0].number, 6u);
  EXPECT_EQ(frames.payloads[1], "6789");
  EXPECT_EQ(decode_exit(2, frames.payloads[2])->exit.code, 5);
}

TEST_F(AgentEndTest, ResumeIsClampedToWhatThereIs) {
  agent.end.output(1, Stream::out, "0123456789", agent.now);
  agent.pass(20ms);
  agent.written();
  hear(FrameType::ack, 4);
  const struct {
    std::uint64_t asked, got;
  } cases[] = {{0, 4}, {5, 5}, {10, 10}, {11, 10}, {~0ull, 10}};
  for (const auto& c : cases) {
    hear(FrameType::resume, c.asked, std::string(8, '\xff'));
    EXPECT_EQ(Frames{agent.written()}.frames.at(0).number, c.got);
  }
}

TEST_F(AgentEndTest, AnAckCannotReleaseWhatWasNotSent) {
  agent.pass(20ms);
  agent.end.output(1, Stream::out, "sent", agent.now);
  EXPECT_EQ(Frames{agent.written()}.payloads, std::vector<std::string>{"sent"});
  agent.end.output(1, Stream::out, "unsent", agent.now);
  hear(FrameType::ack, ~0ull);
  hear(FrameType::resume, 0);
  EXPECT_EQ(Frames{agent.written()}.payloads.back(), "unsent");
}

TEST_F(AgentEndTest, FullLogStopsReadingAndAnAckLetsItGoOn) {
  while (agent.end.room() > 0) {
    agent.end.output(1, Stream::out, std::string(std::min(agent.end.room(), 4060ul), 'x'),
                     agent.now);
    agent.written();
  }
  hear(daemon.ack(100000));
  EXPECT_GT(agent.end.room(), 90000u);
}

TEST_F(AgentEndTest, ScriptsWaitForAStdoutThatIsStuckWhileThereIsADaemon) {
  const std::string bytes(AgentEnd::backlog, 'x');
  agent.end.output(1, Stream::out, bytes, agent.now);
  EXPECT_EQ(agent.end.room(), 0u);
  agent.pass(30s);
  EXPECT_GT(agent.end.room(), 0u);
  hear(daemon.ping());
  EXPECT_EQ(agent.end.room(), 0u);
  while (agent.end.room() == 0) {
    ASSERT_FALSE(agent.end.frame(agent.now).empty());
    agent.end.frame_written(agent.now);
  }
}

TEST_F(AgentEndTest, WithoutADaemonItGoesOnForTheAdoptTimeout) {
  hear(daemon.ping());
  agent.pass(30s + 10min - 1ms);
  EXPECT_TRUE(agent.commands().empty());
  hear(daemon.ping());
  agent.pass(30s + 10min - 1ms);
  EXPECT_TRUE(agent.commands().empty());
  agent.pass(1ms);
  const auto commands = agent.commands();
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Abandoned>(commands[0]));
  EXPECT_EQ(agent.end.deadline(), TimePoint::max());
}

TEST_F(AgentEndTest, ADaemonThatComesBackInTimeGetsWhatWasKept) {
  MemorySpill spill;
  TestAgent lonely{&spill};
  lonely.written();
  lonely.end.receive(daemon.ping(), lonely.now);
  lonely.written();
  std::string want;
  // Ten minutes and a half without a sign of life, but for the last second.
  for (int second = 1; second < 630; ++second) {
    const std::string bytes(5000, static_cast<char>('a' + second % 26));
    ASSERT_GE(lonely.end.room(), bytes.size());
    lonely.end.output(1, Stream::out, bytes, lonely.now);
    want += bytes;
    lonely.pass(1s);
    if (second % 2 == 0) lonely.written();  // now taken and dropped, now stuck
  }
  DaemonEnd next{test_mark, Continuation{}};
  Received got;
  lonely.end.receive(next.resume(), lonely.now);
  next.receive(Stream::out, lonely.written());
  got.take(next);
  EXPECT_TRUE(got.all == want);
  lonely.pass(30s + 10min - 1ms);
  EXPECT_TRUE(lonely.commands().empty());
  lonely.pass(1ms);
  EXPECT_EQ(lonely.commands().size(), 1u);
}

TEST_F(AgentEndTest, GarbageAndOwnFramesOnStdinChangeNothing) {
  hear("sh: echo\n" + std::string(5000, '\0'));
  hear(FrameType::hello, 1);
  hear(static_cast<FrameType>(99), 1, "x", 1);
  hear(FrameType::signal, 1, {}, 77);
  EXPECT_TRUE(agent.commands().empty());
}

}  // namespace
}  // namespace slipway::agent
