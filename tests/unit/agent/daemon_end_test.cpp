#include "agent/daemon_end.hpp"

#include <gtest/gtest.h>

#include "agent/bootstrap.hpp"
#include "support.hpp"

namespace slipway::agent {
namespace {

using namespace std::chrono_literals;

const Mark mark{test_mark};

std::string hello() {
  return encode(mark, {FrameType::hello, 0, 0, 0, 0, encode_hello({1, "9.9"})});
}
std::string output(std::uint64_t offset, std::string_view bytes, std::uint8_t stream = 1) {
  return encode(mark, {FrameType::output, stream, 5, offset, 0, bytes});
}
std::string exit_frame(std::uint64_t number, std::uint64_t position) {
  return encode(mark, {FrameType::exit, 0, 5, number, 0, encode_exit({.code = 3}, position)});
}

struct DaemonEndTest : testing::Test {
  void feed(std::string_view bytes, Stream stream = Stream::out) {
    daemon.receive(stream, bytes);
    got.take(daemon);
  }
  DaemonEnd daemon{test_mark};
  Received got;
};

TEST_F(DaemonEndTest, BootstrapTextDoesNotContainTheMarker) {
  const auto line = daemon.bootstrap("/.slip'way", {90s, 0});
  EXPECT_EQ(line.find(plain_marker(test_mark)), std::string::npos);
  EXPECT_EQ(line,
            "if '/.slip'\\''way/slipway-helper' probe </dev/null >/dev/null 2>&1; then exec "
            "'/.slip'\\''way/slipway-helper' agent --mark 00ff0a7f80c3a95e --adopt-timeout 90 "
            "--umask 0000; fi; echo " +
                plain_marker(test_mark).substr(0, 16) + "' 'plain\n");
  EXPECT_EQ(daemon.bootstrap("/x").find("umask"), std::string::npos);
}

TEST_F(DaemonEndTest, HelloIsFoundBetweenTheEntrypointsOutput) {
  const auto stream = "starting…\n" + hello() + "background\n";
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    DaemonEnd end{test_mark};
    Received all;
    end.receive(Stream::out, std::string_view{stream}.substr(0, cut));
    all.take(end);
    end.receive(Stream::out, std::string_view{stream}.substr(cut));
    all.take(end);
    ASSERT_EQ(all.hellos.size(), 1u);
    EXPECT_EQ(all.hellos[0].version, 1);
    EXPECT_EQ(all.hellos[0].agent_version, "9.9");
    EXPECT_EQ(all.raw_before_hello, "starting…\n");
    EXPECT_EQ(all.raw_out, "starting…\nbackground\n");
  }
}

TEST_F(DaemonEndTest, PlainMarkerIsFoundHoweverItIsCut) {
  const auto nonce = plain_marker(test_mark);
  const auto stream = "no newline" + nonce.substr(0, 9) + nonce + "then\n" + nonce;
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    for (std::size_t second = first; second <= stream.size(); ++second) {
      DaemonEnd end{test_mark};
      Received all;
      end.bootstrap("/x");
      for (const auto& part :
           {stream.substr(0, first), stream.substr(first, second - first), stream.substr(second)}) {
        end.receive(Stream::out, part);
        all.take(end);
      }
      ASSERT_EQ(all.plains, 1);
      ASSERT_EQ(all.raw_before_plain, "no newline" + nonce.substr(0, 9));
      ASSERT_EQ(all.raw_out, "no newline" + nonce.substr(0, 9) + "then\n" + nonce);
    }
  }
}

TEST_F(DaemonEndTest, MarkerOnStderrIsNoAnswer) {
  feed("+ echo " + plain_marker(test_mark), Stream::err);
  EXPECT_EQ(got.plains, 0);
  EXPECT_EQ(got.raw_err, "+ echo " + plain_marker(test_mark));
}

TEST_F(DaemonEndTest, HoldsBackOnlyWhatMayBecomeAFrameOrTheMarker) {
  feed("text");
  EXPECT_EQ(got.raw_out, "text");
  const auto begin = plain_marker(test_mark).substr(0, 5);
  feed("x" + begin);
  EXPECT_EQ(got.raw_out, "textx");
  feed("!");
  EXPECT_EQ(got.raw_out, "textx" + begin + "!");
  feed(begin);
  daemon.receive_eof();
  got.take(daemon);
  EXPECT_EQ(got.raw_out, "textx" + begin + "!" + begin);
}

TEST_F(DaemonEndTest, ABootstrapAskedForTwiceIsAnsweredOnce) {
  EXPECT_EQ(daemon.resume(), "");
  const auto line = daemon.bootstrap("/x");
  EXPECT_EQ(daemon.resume(), line);
  const auto nonce = plain_marker(test_mark);
  feed("a" + nonce + "b" + nonce + "c" + nonce);
  EXPECT_EQ(got.plains, 1);
  EXPECT_EQ(got.raw_out, "abc" + nonce);
  EXPECT_EQ(daemon.resume(), "");
}

TEST_F(DaemonEndTest, OutputBeforeHelloIsNotBelieved) {
  feed(output(0, "early") + exit_frame(1, 0) + hello() + output(0, "real"));
  EXPECT_EQ(got.all, "real");
  EXPECT_TRUE(got.exits.empty());
}

TEST_F(DaemonEndTest, DropsDoublesAndTrimsOverlaps) {
  feed(hello() + output(0, "abc") + output(0, "abc") + output(1, "bcd") + output(4, "e"));
  EXPECT_EQ(got.all, "abcde");
  EXPECT_TRUE(got.offsets_hold);
  EXPECT_EQ(daemon.next_offset(), 5u);
  feed(exit_frame(1, 5) + exit_frame(1, 5));
  EXPECT_EQ(got.exits.size(), 1u);
}

TEST_F(DaemonEndTest, NextOffsetIsThatOfTheEventsTaken) {
  daemon.receive(Stream::out, hello() + output(0, "abc"));
  EXPECT_EQ(daemon.next_offset(), 0u);
  got.take(daemon);
  EXPECT_EQ(daemon.next_offset(), 3u);
}

TEST_F(DaemonEndTest, AGapStopsEverythingUntilAResume) {
  const struct {
    std::string what, bytes;
  } cases[] = {{"output", output(3, "xyz")},
               {"an end before its output", exit_frame(1, 3)},
               {"an end before its like", exit_frame(2, 0)}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    DaemonEnd end{test_mark};
    Received all;
    end.receive(Stream::out, hello() + c.bytes + output(0, "abc"));
    all.take(end);
    EXPECT_TRUE(end.needs_resume());
    EXPECT_EQ(all.all, "");
    EXPECT_TRUE(all.exits.empty());
    end.resume();
    EXPECT_FALSE(end.needs_resume());
    end.receive(Stream::out,
                output(3, "old") +
                    encode(mark, {FrameType::resumed, 0, 0, 0, 0, encode_hello({1, "9.9"})}) +
                    output(0, "abcdef"));
    all.take(end);
    EXPECT_EQ(all.all, "abcdef");
    EXPECT_EQ(all.resumed, 1);
  }
}

TEST_F(DaemonEndTest, ForgedFramesAreBoundedAndHarmless) {
  feed(hello() + hello() + encode(mark, {FrameType::resumed, 0, 0, 99, ~0ull, {}}) +
       encode(mark, {FrameType::exit, 0, 1, 1, 0, "short"}) + output(0, "x", 3) + output(0, "") +
       encode(mark, {static_cast<FrameType>(200), 0, 0, 0, 0, "future"}) +
       encode(mark, {FrameType::quit, 0, 0, 0, 0, {}}) + output(0, "ok"));
  EXPECT_EQ(got.all, "ok");
  EXPECT_EQ(got.hellos.size(), 1u);
  EXPECT_TRUE(got.exits.empty());
  EXPECT_EQ(got.resumed, 0);
  EXPECT_EQ(got.raw_out, "");
}

TEST_F(DaemonEndTest, ResumeBeginsWithFillerAndRepeatsUnconfirmedCommands) {
  feed(hello());
  const auto run = daemon.run({.id = 1, .body = std::string(5000, 'x')});
  const auto signal = daemon.signal(1, Signal::kill);
  auto bytes = daemon.resume();
  EXPECT_EQ(bytes.substr(0, max_frame), std::string(max_frame, mark.filler()));
  EXPECT_TRUE(bytes.ends_with(run + signal));
  feed(encode(mark, {FrameType::alive, 0, 0, 0, 2, {}}));
  bytes = daemon.resume();
  EXPECT_TRUE(bytes.ends_with(signal));
  EXPECT_FALSE(bytes.ends_with(run + signal));
}

TEST_F(DaemonEndTest, StderrIsKeptWhileAResumeIsOpen) {
  feed(hello());
  daemon.resume();
  feed("torn", Stream::out);
  feed("whole", Stream::err);
  EXPECT_EQ(got.raw_out, "");
  EXPECT_EQ(got.raw_err, "whole");
}

TEST_F(DaemonEndTest, JoinsNeighboursUpToABound) {
  daemon.receive(Stream::out, hello());
  std::string bytes;
  for (std::uint64_t at = 0; at < 40; ++at) bytes += output(at * 4000, std::string(4000, 'x'));
  daemon.receive(Stream::out, bytes);
  int events = 0;
  while (daemon.next()) ++events;
  EXPECT_EQ(events, 1 + 3);
}

}  // namespace
}  // namespace slipway::agent
