#include <gtest/gtest.h>

#include <random>

#include "support.hpp"

namespace slipway::agent {
namespace {

using namespace std::chrono_literals;

/// A container with an agent, seen through an attach connection that is cut at any byte, both ways.
class CutConnection {
 public:
  explicit CutConnection(unsigned seed)
      : random_{seed}, agent_{&spill_, {.memory = 64 << 10, .spill = 256 << 10}} {}

  void run() {
    while (exits_sent_ < stages || !done()) {
      ASSERT_LT(++steps_, 200000) << "no end";
      step();
    }
  }

  static constexpr std::uint32_t stages = 5;
  Received got;
  std::map<std::uint32_t, std::string[2]> want;
  std::map<std::uint32_t, int> started;
  int cuts = 0;
  int gaps = 0;

 private:
  bool done() { return got.exits.size() == stages && to_daemon_.empty(); }

  unsigned below(unsigned limit) { return random_() % limit; }

  void step() {
    agent_.pass(std::chrono::milliseconds{below(8)});
    switch (below(8)) {
      case 0:
        produce();
        break;
      case 1:
        command();
        break;
      case 2:
        if (!got.hellos.empty()) send(daemon_.ack(daemon_.next_offset()));
        break;
      case 3:
        if (below(4) == 0) toggle();
        break;
      default:
        break;
    }
    // The Engine takes what the agent writes whether or not anybody is attached.
    const auto frames = agent_.written();
    if (attached_) to_daemon_ += frames;
    if (!attached_ && below(2) == 0) torn_ = frames;
    transfer();
  }

  void command() {
    if (got.hellos.empty()) return;
    if (commands_ < stages) {
      Stage stage{.id = ++commands_, .body = std::string(below(20000), 'b')};
      send(daemon_.run(stage));
    } else if (exits_sent_ == stages && below(4) == 0) {
      send(daemon_.ping());
    }
  }

  void send(const std::string& bytes) {
    if (attached_) to_agent_ += bytes;
  }

  void produce() {
    if (running_.empty()) return;
    const auto stage = running_[below(static_cast<unsigned>(running_.size()))];
    const auto stream = below(3) == 0 ? Stream::err : Stream::out;
    std::string bytes;
    const auto size = std::min<std::size_t>(agent_.end.room(), below(below(4) ? 50 : 9000));
    while (bytes.size() < size) bytes += static_cast<char>(random_());
    agent_.end.output(stage, stream, bytes, agent_.now);
    want[stage][stream == Stream::out ? 0 : 1] += bytes;
    if (below(40) == 0) {
      agent_.end.exited({.stage = stage, .code = static_cast<int>(stage)});
      ++exits_sent_;
      std::erase(running_, stage);
    }
  }

  void toggle() {
    attached_ = !attached_;
    if (!attached_) {
      ++cuts;
      // What was on its way arrives in part.
      deliver_to_agent(below(static_cast<unsigned>(to_agent_.size()) + 1));
      deliver_to_daemon(below(static_cast<unsigned>(to_daemon_.size()) + 1));
      to_agent_.clear();
      to_daemon_.clear();
      return;
    }
    // The new connection begins in the middle of something.
    to_daemon_ = torn_.substr(std::min<std::size_t>(below(5000), torn_.size()));
    to_agent_ = daemon_.resume();
  }

  void transfer() {
    if (!attached_) return;
    deliver_to_agent(std::min<std::size_t>(to_agent_.size(), below(10000)));
    deliver_to_daemon(std::min<std::size_t>(to_daemon_.size(), below(10000)));
  }

  void deliver_to_agent(std::size_t size) {
    agent_.end.receive(std::string_view{to_agent_}.substr(0, size), agent_.now);
    to_agent_.erase(0, size);
    for (auto& command : agent_.commands()) {
      const auto& run = std::get<RunStage>(command);
      ++started[run.stage.id];
      running_.push_back(run.stage.id);
    }
  }

  void deliver_to_daemon(std::size_t size) {
    daemon_.receive(Stream::out, std::string_view{to_daemon_}.substr(0, size));
    to_daemon_.erase(0, size);
    if (daemon_.needs_resume()) ++gaps;
    got.take(daemon_);
  }

  std::mt19937 random_;
  MemorySpill spill_;
  TestAgent agent_;
  DaemonEnd daemon_{test_mark};
  std::string to_agent_, to_daemon_, torn_;
  std::vector<std::uint32_t> running_;
  std::uint32_t commands_ = 0;
  std::uint32_t exits_sent_ = 0;
  bool attached_ = true;
  int steps_ = 0;
};

TEST(RoundTrip, NoByteIsLostOrDoubledWhereverTheConnectionIsCut) {
  int cuts = 0;
  std::size_t bytes = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    CutConnection connection{seed};
    connection.run();
    ASSERT_FALSE(testing::Test::HasFatalFailure());
    for (std::uint32_t stage = 1; stage <= CutConnection::stages; ++stage) {
      ASSERT_EQ(connection.started[stage], 1);
      for (const auto stream : {0, 1}) {
        ASSERT_TRUE(connection.got.stage_output[stage][stream] == connection.want[stage][stream]);
        bytes += connection.want[stage][stream].size();
      }
    }
    EXPECT_TRUE(connection.got.offsets_hold);
    EXPECT_EQ(connection.gaps, 0);
    cuts += connection.cuts;
  }
  EXPECT_GT(cuts, 1500);
  EXPECT_GT(bytes, 4u << 20);
}

/// A job's whole stream, cut once at every byte and re-attached.
TEST(RoundTrip, OneCutAtEveryByte) {
  for (std::size_t cut = 0;; ++cut) {
    TestAgent agent;
    DaemonEnd daemon{test_mark};
    Received got;
    auto stream = agent.written();
    agent.end.receive(daemon.run({.id = 1}), agent.now);
    agent.end.output(1, Stream::out, "first line\n", agent.now);
    stream += agent.written();
    agent.end.output(1, Stream::err, "second line\n", agent.now);
    agent.end.exited({.stage = 1, .code = 3});
    stream += agent.written();
    if (cut > stream.size()) break;

    daemon.receive(Stream::out, std::string_view{stream}.substr(0, cut));
    agent.end.receive(daemon.resume(), agent.now);
    agent.pass(1s);
    daemon.receive(Stream::out, agent.written());
    got.take(daemon);
    if (got.hellos.empty()) {
      // Cut before *hello*: nothing may be sent. The next *hello* tells that the agent is there.
      EXPECT_EQ(daemon.resume(), "");
      continue;
    }
    ASSERT_EQ(got.all, "first line\nsecond line\n") << cut;
    ASSERT_EQ(got.exits.size(), 1u) << cut;
    EXPECT_EQ(got.exits[0].code, 3);
    EXPECT_EQ(got.exit_positions[0], got.all.size());
  }
}

TEST(RoundTrip, ForeignBytesBetweenAnyTwoFramesAreOutputOfTheirOwn) {
  TestAgent agent;
  std::vector<std::string> frames;
  frames.push_back(agent.written());
  for (int line = 0; line < 6; ++line) {
    agent.end.output(1, Stream::out, "line\n", agent.now);
    agent.pass(20ms);
    frames.push_back(agent.written());
  }
  agent.end.exited({.stage = 1});
  frames.push_back(agent.written());
  for (std::size_t place = 0; place <= frames.size(); ++place) {
    for (const std::size_t step : {1u, 3u, 4096u}) {
      std::string stream;
      for (std::size_t i = 0; i <= frames.size(); ++i) {
        if (i == place) stream += "chatty\n";
        if (i < frames.size()) stream += frames[i];
      }
      DaemonEnd daemon{test_mark};
      Received got;
      for (std::size_t at = 0; at < stream.size(); at += step) {
        daemon.receive(Stream::out, std::string_view{stream}.substr(at, step));
        got.take(daemon);
      }
      EXPECT_EQ(got.raw_out, "chatty\n");
      EXPECT_EQ(got.all, "line\nline\nline\nline\nline\nline\n");
      EXPECT_EQ(got.exits.size(), 1u);
    }
  }
}

TEST(RoundTrip, ASilentDaemonFillsTheSpillAndGetsEverythingLater) {
  MemorySpill spill;
  TestAgent agent{&spill};
  DaemonEnd daemon{test_mark};
  Received got;
  daemon.receive(Stream::out, agent.written());
  std::string want;
  while (agent.end.room() > 0) {
    const std::string bytes(std::min<std::size_t>(agent.end.room(), 60000),
                            static_cast<char>('a' + want.size() % 26));
    agent.end.output(1, Stream::out, bytes, agent.now);
    want += bytes;
    agent.written();  // into the void
    agent.pass(1s);
  }
  EXPECT_EQ(want.size(), 65u << 20);
  EXPECT_EQ(spill.largest, 64u << 20);
  agent.end.exited({.stage = 1});
  got.take(daemon);
  agent.end.receive(daemon.resume(), agent.now);
  for (;;) {
    const auto frame = agent.end.frame(agent.now);
    if (frame.empty()) break;
    daemon.receive(Stream::out, frame);
    agent.end.frame_written(agent.now);
    got.take(daemon);
    agent.end.receive(daemon.ack(daemon.next_offset()), agent.now);
  }
  EXPECT_TRUE(got.all == want);
  EXPECT_EQ(got.exits.size(), 1u);
  EXPECT_TRUE(spill.bytes.empty());
}

}  // namespace
}  // namespace slipway::agent
