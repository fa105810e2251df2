#include <gtest/gtest.h>

#include <stdexcept>

#include "support.hpp"

namespace slipway::agent {
namespace {

using namespace std::chrono_literals;

const Mark mark{test_mark};

std::string frame(FrameType type, std::uint64_t number, std::string_view payload,
                  std::uint64_t confirm = 0, std::uint32_t stage = 5, std::uint8_t flags = 1) {
  return encode(mark, {type, flags, stage, number, confirm, payload});
}
std::string hello(int version) {
  return frame(FrameType::hello, 0, encode_hello({version, "9.9"}));
}
std::string resumed(std::uint64_t offset, std::uint64_t confirm,
                    std::optional<ResumedPayload::Echo> echo = {}, int version = 1) {
  return frame(FrameType::resumed, offset, encode_resumed({{version, "9.9"}, echo}), confirm);
}

/// Every frame of `bytes` by itself; filler is left out.
std::vector<std::string> split(const std::string& bytes) {
  RecordingSink sink;
  FrameParser parser{mark};
  std::vector<std::string> all;
  parser.feed(bytes, sink);
  for (std::size_t i = 0; i < sink.frames.size(); ++i) {
    auto whole = sink.frames[i];
    whole.payload = sink.payloads[i];
    all.push_back(encode(mark, whole));
  }
  return all;
}

/// An agent that has had a daemon, and what comes out of it for the next one.
struct Scene {
  Scene() {
    first.receive(Stream::out, agent.written());
    got.take(first);
  }
  /// What an agent says now, taken by `end`.
  void answer(DaemonEnd& end) {
    end.receive(Stream::out, agent.written());
    got.take(end);
  }
  void hear(std::string_view bytes) { agent.end.receive(bytes, agent.now); }
  DaemonEnd adopt(Continuation from) {
    DaemonEnd next{test_mark, from};
    hear(next.resume());
    answer(next);
    return next;
  }
  /// Stages that the agent was told to run, and with what; signals.
  void obey() {
    for (auto& command : agent.commands()) {
      if (auto* run = std::get_if<RunStage>(&command)) {
        bodies.push_back(run->stage.body);
      } else if (auto* signal = std::get_if<SignalStage>(&command)) {
        if (signal->stage != 0) signals.push_back(signal->stage);
      }
    }
  }
  TestAgent agent;
  DaemonEnd first{test_mark};
  Received got;
  std::vector<std::string> bodies;
  std::vector<std::uint32_t> signals;
};
struct ContinuationTest : testing::Test, Scene {};

const Stage long_stage{.id = 1, .name = "step_script", .body = std::string(13000, 'b')};
const Stage short_stage{.id = 1, .name = "step_script", .body = "true"};

TEST_F(ContinuationTest, AStageRunsOnceWhereverItsFramesWereCut) {
  for (const auto& stage : {long_stage, short_stage}) {
    const auto count = DaemonEnd{test_mark}.run(stage).size() / max_frame + 1;
    ASSERT_EQ(StageParts{stage}.count(), count);
    for (std::size_t through = 0; through <= count; ++through) {
      for (const bool stored_before : {true, false}) {
        for (const std::uint64_t earlier : {0, 2}) {
          SCOPED_TRACE(testing::Message()
                       << count << " frames, " << through << " through, " << earlier
                       << " commands before, checkpoint " << (stored_before ? "before" : "after"));
          Scene test;
          for (std::uint64_t i = 0; i < earlier; ++i) test.hear(test.first.signal(9, Signal::kill));
          const auto before = test.first.commands_sent();
          EXPECT_EQ(before, earlier);
          const auto frames = split(test.first.run(stage));
          ASSERT_EQ(frames.size(), count);
          for (std::size_t i = 0; i < through; ++i) test.hear(frames[i]);
          if (through < count) test.hear(std::string_view{frames[through]}.substr(0, 20));

          auto next = test.adopt({.commands = stored_before ? before : before + count});
          const auto rest = next.continue_run(stage, before);
          EXPECT_EQ(split(rest).size(), count - through);
          test.hear(rest);
          test.hear(next.signal(1, Signal::terminate));
          test.hear(next.run({.id = 2, .body = "after_script"}));
          test.obey();
          EXPECT_EQ(test.bodies, (std::vector{stage.body, std::string{"after_script"}}));
          ASSERT_EQ(test.signals.size(), earlier + 1);
          EXPECT_EQ(test.signals.back(), 1u);
        }
      }
    }
  }
}

TEST_F(ContinuationTest, WhatTheEarlierProcessSentAfterItsCheckpointDoesNotConfuseTheNumbers) {
  hear(first.run(long_stage));
  hear(first.signal(1, Signal::terminate));
  obey();
  auto next = adopt({});
  ASSERT_TRUE(next.continue_run(long_stage, 0).empty());
  EXPECT_EQ(next.commands_sent(), 5u);
  hear(next.signal(1, Signal::kill));
  obey();
  EXPECT_EQ(bodies.size(), 1u);
  EXPECT_EQ(signals.size(), 2u);
}

TEST_F(ContinuationTest, CommandsThatWereLostLeaveNoGap) {
  const struct {
    std::string what;
    std::size_t lost;  ///< the last ones of: signal, run, signal
    std::size_t runs;
  } cases[] = {{"none", 0, 1}, {"a signal", 1, 1}, {"the stage too", 2, 1}, {"all", 3, 1}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    Scene test;
    const std::string sent[] = {test.first.signal(7, Signal::kill), test.first.run(short_stage),
                                test.first.signal(1, Signal::terminate)};
    for (std::size_t i = 0; i + c.lost < 3; ++i) test.hear(sent[i]);
    auto next = test.adopt({.commands = test.first.commands_sent()});
    test.hear(next.continue_run(short_stage, 1));
    // Late, from a connection that the Engine had not given up yet: must not take a number of ours.
    for (std::size_t i = 3 - c.lost; i < 3; ++i) test.hear(sent[i]);
    test.hear(next.run({.id = 2, .body = "more"}));
    test.obey();
    EXPECT_EQ(test.bodies, (std::vector<std::string>{"true", "more"}));
  }
}

TEST_F(ContinuationTest, ANewStageComesThroughWhereTheNumbersOfLostCommandsAreFree) {
  first.signal(1, Signal::kill);
  first.signal(2, Signal::kill);
  auto next = adopt({.commands = first.commands_sent()});
  EXPECT_EQ(next.commands_sent(), 2u);
  hear(next.run(short_stage));
  obey();
  EXPECT_EQ(bodies.size(), 1u);
  EXPECT_TRUE(signals.empty());
  EXPECT_EQ(next.commands_sent(), 3u);
}

TEST_F(ContinuationTest, AStageThatIsContinuedAfterOtherCommandsIsSentAnew) {
  const auto frames = split(first.run(long_stage));
  hear(frames[0] + frames[1]);
  auto next = adopt({});
  hear(next.signal(1, Signal::terminate));
  hear(next.continue_run(long_stage, 0));
  obey();
  EXPECT_EQ(bodies, std::vector{long_stage.body});
}

TEST_F(ContinuationTest, NoCommandBeforeTheAgentHasResumed) {
  DaemonEnd next{test_mark, Continuation{}};
  EXPECT_THROW(next.run(short_stage), std::logic_error);
  EXPECT_THROW(next.continue_run(short_stage, 0), std::logic_error);
  EXPECT_THROW(next.signal(1, Signal::kill), std::logic_error);
  EXPECT_THROW(next.quit(0), std::logic_error);
  const auto bytes = next.resume();
  EXPECT_THROW(next.run(short_stage), std::logic_error);
  hear(bytes);
  answer(next);
  EXPECT_NE(next.run(short_stage), "");
}

TEST_F(ContinuationTest, OutputAndEndsGoOnFromTheCheckpoint) {
  hear(first.run({.id = 1}));
  hear(first.run({.id = 2}));
  agent.end.output(1, Stream::out, "0123456789", agent.now);
  agent.end.exited({.stage = 1, .code = 4});
  agent.end.output(2, Stream::err, "abc", agent.now);
  agent.end.exited({.stage = 2, .code = 5});
  agent.pass(20ms);
  const auto lost = agent.written();  // nobody listens
  const struct {
    std::uint64_t offset, exits;
    std::string output;
    std::vector<int> codes;
  } cases[] = {{0, 0, "0123456789abc", {4, 5}},
               {4, 0, "456789abc", {4, 5}},
               {10, 0, "abc", {4, 5}},
               {10, 1, "abc", {5}},
               {12, 1, "c", {5}},
               {13, 1, "", {5}},
               {13, 2, "", {}}};
  for (const auto& c : cases) {
    SCOPED_TRACE(testing::Message() << c.offset << ", " << c.exits);
    got = {};
    got.next_offset = c.offset;
    auto next = adopt({.offset = c.offset, .exits = c.exits, .commands = 2});
    EXPECT_EQ(got.all, c.output);
    EXPECT_TRUE(got.offsets_hold);
    ASSERT_EQ(got.exits.size(), c.codes.size());
    for (std::size_t i = 0; i < c.codes.size(); ++i) EXPECT_EQ(got.exits[i].code, c.codes[i]);
    EXPECT_EQ(next.next_offset(), 13u);
    EXPECT_EQ(next.exits_taken(), 2u);
    EXPECT_EQ(got.last_resumed.lost, 0u);
    EXPECT_EQ(got.last_resumed.confirmed, 2u);
    EXPECT_EQ(got.last_resumed.agent_version, "1.2.3");
  }
}

TEST_F(ContinuationTest, WhatTheAgentNoLongerHasIsSaid) {
  hear(first.ping());
  agent.end.output(1, Stream::out, "0123456789", agent.now);
  agent.pass(20ms);
  agent.written();
  hear(first.ack(6));
  auto next = adopt({.offset = 2});
  EXPECT_EQ(got.last_resumed.offset, 6u);
  EXPECT_EQ(got.last_resumed.lost, 4u);
  EXPECT_EQ(got.all, "6789");
  EXPECT_EQ(next.next_offset(), 10u);
}

TEST_F(ContinuationTest, EndsThatTheAgentNoLongerHasDoNotStopTheRest) {
  for (std::uint32_t stage = 1; stage <= 70; ++stage) {
    agent.end.exited({.stage = stage});
    agent.written();
  }
  auto next = adopt({.exits = 2});
  EXPECT_EQ(got.last_resumed.lost_exits, 4u);
  ASSERT_EQ(got.exits.size(), 64u);
  EXPECT_EQ(got.exits.front().stage, 7u);
  EXPECT_EQ(next.exits_taken(), 70u);
  EXPECT_FALSE(next.needs_resume());
}

TEST_F(ContinuationTest, AnAnswerToTheEarlierProcessIsNotTaken) {
  hear(first.ping());
  agent.end.output(1, Stream::out, "0123456789", agent.now);
  agent.pass(20ms);
  first.receive(Stream::out, agent.written());
  got.take(first);
  got = {};
  hear(first.resume());
  const auto late = agent.written();  // resumed at 10
  DaemonEnd next{test_mark, {.offset = 3}};
  hear(next.resume());
  got.next_offset = 3;
  next.receive(Stream::out, late + agent.written());
  got.take(next);
  EXPECT_EQ(got.resumed, 1);
  EXPECT_EQ(got.last_resumed.offset, 3u);
  EXPECT_EQ(got.all, "3456789");
}

TEST_F(ContinuationTest, NothingIsTakenBeforeItHasAsked) {
  DaemonEnd next{test_mark, {.offset = 3, .exits = 1}};
  next.receive(Stream::out, resumed(3, 0) + frame(FrameType::output, 3, "forged") + "foreign");
  got.take(next);
  EXPECT_EQ(got.resumed, 0);
  EXPECT_EQ(got.all, "");
  EXPECT_EQ(got.raw_out, "");
  next.resume();
  next.receive(Stream::out, resumed(3, 0) + frame(FrameType::output, 3, "real") + "foreign");
  got.next_offset = 3;
  got.take(next);
  EXPECT_EQ(got.all, "real");
  EXPECT_EQ(got.raw_out, "foreign");
  EXPECT_TRUE(got.hellos.size() == 1);
}

TEST_F(ContinuationTest, AnAgentOfTheFirstBuildsAnswersWithoutEcho) {
  DaemonEnd next{test_mark, {.offset = 3}};
  next.resume();
  next.receive(Stream::out, resumed(5, 8));
  got.take(next);
  EXPECT_EQ(got.last_resumed.lost, 2u);
  EXPECT_EQ(got.last_resumed.confirmed, 8u);
  EXPECT_EQ(next.commands_sent(), 8u);
}

TEST_F(ContinuationTest, ForgedNumbersAreHarmless) {
  DaemonEnd next{test_mark, {.offset = 3, .exits = 1, .commands = 4}};
  next.resume();
  next.receive(Stream::out, resumed(~0ull, 0));
  next.receive(Stream::out, resumed(~0ull - 3, 0, ResumedPayload::Echo{3, 1, ~0ull}));
  next.receive(Stream::out, frame(FrameType::resumed, 3, "short"));
  got.take(next);
  EXPECT_EQ(got.resumed, 0);
  next.receive(Stream::out, resumed(3, ~0ull, ResumedPayload::Echo{3, 1, ~0ull}));
  next.receive(Stream::out, frame(FrameType::output, ~0ull, "far away"));
  got.take(next);
  EXPECT_EQ(got.resumed, 1);
  EXPECT_EQ(got.last_resumed.lost_exits, 0u);
  EXPECT_FALSE(next.needs_resume());
  EXPECT_EQ(next.continue_run(short_stage, 4), "");
  EXPECT_NE(next.run(short_stage), "");
}

TEST_F(ContinuationTest, ARestartOfARestart) {
  hear(first.run({.id = 1}));
  agent.end.output(1, Stream::out, "0123456789", agent.now);
  agent.pass(20ms);
  agent.written();
  auto second = adopt({.commands = 1});
  const Continuation stored{second.next_offset(), second.exits_taken(), second.commands_sent(),
                            second.version()};
  EXPECT_EQ(stored.offset, 10u);
  EXPECT_EQ(stored.version, protocol_version);
  agent.end.output(1, Stream::out, "abc", agent.now);
  agent.end.exited({.stage = 1});
  auto third = adopt(stored);
  EXPECT_EQ(got.all, "0123456789abc");
  EXPECT_EQ(got.exits.size(), 1u);
}

TEST_F(ContinuationTest, ACutWhileItWaitsForResumedIsAskedAgain) {
  hear(first.run(short_stage));
  agent.end.output(1, Stream::out, "0123456789", agent.now);
  agent.pass(20ms);
  agent.written();
  DaemonEnd next{test_mark, {.offset = 4, .commands = 1}};
  hear(next.resume());
  const auto half = agent.written();
  next.receive(Stream::out, std::string_view{half}.substr(0, half.size() - 3));
  hear(next.resume());
  got.next_offset = 4;
  answer(next);
  EXPECT_EQ(got.all, "456789");
  EXPECT_TRUE(got.offsets_hold);
}

TEST(Versions, ADaemonSpeaksItsOwnAndTheOneBefore) {
  const struct {
    int ours, theirs;
    bool spoken;
  } cases[] = {{1, 1, true},  {1, 0, false}, {1, 2, false}, {2, 2, true},  {2, 1, true},
               {2, 3, false}, {3, 1, false}, {3, 2, true},  {2, 0, false}, {1, -1, false}};
  for (const auto& c : cases)
    EXPECT_EQ(speaks(c.ours, c.theirs), c.spoken) << c.ours << ", " << c.theirs;
}

TEST(Versions, AHelloThatIsNotUnderstoodIsRefused) {
  for (const int version : {0, protocol_version + 1, 65535}) {
    DaemonEnd end{test_mark};
    Received got;
    end.bootstrap("/x");
    end.receive(Stream::out,
                "early" + hello(version) + hello(1) + frame(FrameType::output, 0, "x") + "late");
    got.take(end);
    EXPECT_TRUE(got.hellos.empty());
    ASSERT_EQ(got.refusals.size(), 1u);
    EXPECT_EQ(got.refusals[0].version, version);
    EXPECT_EQ(got.refusals[0].agent_version, "9.9");
    EXPECT_EQ(got.all, "");
    EXPECT_EQ(got.raw_out, "earlylate");
    EXPECT_EQ(end.run(short_stage), "");
    EXPECT_EQ(end.signal(1, Signal::kill), "");
    EXPECT_EQ(end.quit(1), "");
    EXPECT_EQ(end.resume(), "");
  }
}

TEST(Versions, AResumedThatIsNotUnderstoodIsRefused) {
  for (const int version : {0, protocol_version + 1}) {
    DaemonEnd end{test_mark, Continuation{.commands = 3}};
    Received got;
    end.resume();
    end.receive(Stream::out, resumed(0, 0, {}, version) + resumed(0, 0));
    got.take(end);
    EXPECT_EQ(got.resumed, 0);
    ASSERT_EQ(got.refusals.size(), 1u);
    EXPECT_EQ(got.refusals[0].version, version);
  }
}

TEST(Versions, AStoredVersionThatIsNotSpokenIsRefusedAtOnce) {
  for (const int version : {0, protocol_version + 1}) {
    DaemonEnd end{test_mark, Continuation{.version = version}};
    Received got;
    EXPECT_EQ(end.resume(), "");
    got.take(end);
    ASSERT_EQ(got.refusals.size(), 1u);
    EXPECT_EQ(got.refusals[0].version, version);
  }
}

}  // namespace
}  // namespace slipway::agent
