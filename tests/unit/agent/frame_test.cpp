#include "agent/frame.hpp"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

#include "support.hpp"

namespace slipway::agent {
namespace {

const Mark mark{test_mark};

std::string frame_with(std::string_view payload, std::uint64_t number = 7) {
  return encode(mark, {FrameType::output, 1, 3, number, 9, payload});
}

TEST(Mark, TakesSixteenLowerCaseHexDigitsOnly) {
  EXPECT_EQ(mark.bytes(), std::string_view("\x00\xff\x0a\x7f\x80\xc3\xa9\x5e", 8));
  for (const auto* bad : {"", "00ff0a7f80c3a95", "00ff0a7f80c3a95e0", "00FF0a7f80c3a95e", "zz"})
    EXPECT_THROW(Mark{bad}, std::invalid_argument) << bad;
}

TEST(Mark, FillerDoesNotOccurInIt) {
  EXPECT_EQ(mark.filler(), '\n' + 1);
  EXPECT_EQ(Mark{"0a0b0c0d0e0f1011"}.filler(), '\x12');
  EXPECT_EQ(Mark{"ffffffffffffffff"}.filler(), '\n');
}

TEST(Frame, LooksAsTheDocumentSays) {
  const auto bytes = frame_with("hi", 0x0102030405060708);
  ASSERT_EQ(bytes.size(), 38u);
  EXPECT_EQ(bytes.substr(0, 8), mark.bytes());
  EXPECT_EQ(bytes.substr(8, 24),
            std::string("\0\2\2\1\0\0\0\3\1\2\3\4\5\6\7\10\0\0\0\0\0\0\0\11", 24));
  EXPECT_EQ(bytes.substr(32, 2), "hi");
  EXPECT_EQ(frame_with(std::string(max_payload, 'x')).size(), max_frame);
  EXPECT_THROW(frame_with(std::string(max_payload + 1, 'x')), std::length_error);
}

TEST(FrameParser, FindsFramesHoweverTheStreamIsCut) {
  const auto stream = "before " + frame_with("one") + "between" + frame_with("") +
                      frame_with(std::string(mark.bytes()) + "x") + " after";
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    for (std::size_t second = first; second <= stream.size(); second += 5) {
      FrameParser parser{mark};
      RecordingSink sink;
      parser.feed(std::string_view{stream}.substr(0, first), sink);
      parser.feed(std::string_view{stream}.substr(first, second - first), sink);
      parser.feed(std::string_view{stream}.substr(second), sink);
      parser.flush(sink);
      ASSERT_EQ(sink.foreign, "before between after") << first << " " << second;
      ASSERT_EQ(sink.payloads,
                (std::vector<std::string>{"one", "", std::string(mark.bytes()) + "x"}));
    }
  }
}

TEST(FrameParser, KeepsHeaderFields) {
  FrameParser parser{mark};
  RecordingSink sink;
  parser.feed(encode(mark, {FrameType::exit, 2, 0xfffffffe, ~0ull, 1ull << 40, "p"}), sink);
  ASSERT_EQ(sink.frames.size(), 1u);
  EXPECT_EQ(sink.frames[0].type, FrameType::exit);
  EXPECT_EQ(sink.frames[0].flags, 2);
  EXPECT_EQ(sink.frames[0].stage, 0xfffffffe);
  EXPECT_EQ(sink.frames[0].number, ~0ull);
  EXPECT_EQ(sink.frames[0].confirm, 1ull << 40);
}

TEST(FrameParser, GivesForeignBytesOutAtOnceUnlessTheyMayBeginAFrame) {
  FrameParser parser{mark};
  RecordingSink sink;
  parser.feed("no frame", sink);
  EXPECT_EQ(sink.foreign, "no frame");
  parser.feed(std::string("x\x00\xff", 3), sink);
  EXPECT_EQ(sink.foreign, "no framex");
  parser.feed("y", sink);
  EXPECT_EQ(sink.foreign, std::string("no framex\x00\xffy", 12));
}

TEST(FrameParser, TakesDamagedFramesForForeignBytes) {
  const auto good = frame_with("payload");
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] ^= 1;
    FrameParser parser{mark};
    RecordingSink sink;
    parser.feed(bad + std::string(max_frame, 'f') + good, sink);
    parser.flush(sink);
    ASSERT_EQ(sink.payloads, std::vector<std::string>{"payload"}) << at;
    ASSERT_EQ(sink.foreign, bad + std::string(max_frame, 'f')) << at;
  }
}

TEST(FrameParser, FindsTheFrameBehindATornOne) {
  const auto good = frame_with("good");
  const auto torn = frame_with(std::string(1000, 't'));
  for (std::size_t length = 1; length < torn.size(); length += 7) {
    FrameParser parser{mark};
    RecordingSink sink;
    parser.feed(torn.substr(0, length), sink);
    parser.feed(std::string(max_frame, mark.filler()), sink);
    parser.feed(good, sink);
    ASSERT_EQ(sink.payloads, std::vector<std::string>{"good"}) << length;
  }
}

TEST(FrameParser, FindsAFrameBehindATornOneAtTheEndOfTheStream) {
  FrameParser parser{mark};
  RecordingSink sink;
  parser.feed(frame_with(std::string(1000, 't')).substr(0, 50) + frame_with("last"), sink);
  EXPECT_TRUE(sink.payloads.empty());
  parser.flush(sink);
  EXPECT_EQ(sink.payloads, std::vector<std::string>{"last"});
}

TEST(FrameParser, RefusesALengthPastTheLimitWithoutWaitingForIt) {
  std::string forged{mark.bytes()};
  forged += "\xff\xff";
  FrameParser parser{mark};
  RecordingSink sink;
  parser.feed(forged + frame_with("real"), sink);
  EXPECT_EQ(sink.payloads, std::vector<std::string>{"real"});
  EXPECT_EQ(sink.foreign, forged);
}

TEST(FrameParser, SurvivesMarksWithoutEnd) {
  std::string marks;
  while (marks.size() < 1 << 20) marks.append(mark.bytes()).append("\x0f\xdc", 2);
  FrameParser parser{mark};
  RecordingSink sink;
  const auto begin = std::chrono::steady_clock::now();
  parser.feed(marks, sink);
  parser.feed(std::string(max_frame, 'f') + frame_with("real"), sink);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{5});
  EXPECT_EQ(sink.payloads, std::vector<std::string>{"real"});
}

TEST(FrameParser, RandomBytesComeThroughUnchanged) {
  std::mt19937 random{20};
  for (int round = 0; round < 300; ++round) {
    std::string stream;
    std::string foreign;
    std::vector<std::string> payloads;
    for (int part = 0; part < 20; ++part) {
      if (random() % 2 == 0) {
        payloads.emplace_back(random() % 100, static_cast<char>(random()));
        stream += frame_with(payloads.back());
      } else {
        // Bytes of the mark, so that beginnings of it are frequent.
        std::string noise;
        for (auto n = random() % 40; n > 0; --n) noise += mark.bytes()[random() % 7];
        stream += noise;
        foreign += noise;
      }
    }
    FrameParser parser{mark};
    RecordingSink sink;
    for (std::size_t at = 0; at < stream.size();) {
      const auto size = 1 + random() % 60;
      parser.feed(std::string_view{stream}.substr(at, size), sink);
      at += size;
    }
    parser.flush(sink);
    ASSERT_EQ(sink.foreign, foreign);
    ASSERT_EQ(sink.payloads, payloads);
  }
}

}  // namespace
}  // namespace slipway::agent
