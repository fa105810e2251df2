#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "docker_api/stream.hpp"

namespace slipway::docker_api {
namespace {

std::string frame(int type, std::string_view payload) {
  const auto size = payload.size();
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(type);
  for (int i = 0; i < 4; ++i) bytes[7 - i] = static_cast<char>(size >> (8 * i) & 0xff);
  bytes += payload;
  return bytes;
}

/// Everything per stream, with a mark where the stream changes.
struct Record {
  std::string text;
  StreamType last = StreamType::in;
  std::size_t pieces = 0;

  StreamParser::Sink sink() {
    return [this](StreamType type, std::string_view piece) {
      EXPECT_FALSE(piece.empty());
      if (type != last) text += type == StreamType::err ? "<e>" : "<o>";
      last = type;
      text += piece;
      ++pieces;
    };
  }
};

TEST(StreamParser, E2_IsTheSameAtEveryCut) {
  const auto bytes = frame(1, "hello\n") + frame(2, "") + frame(2, "oh\n") + frame(1, "") +
                     frame(1, std::string(300, 'x')) + frame(0, "echoed") + frame(2, "no newline");
  const auto want = "<o>hello\n<e>oh\n<o>" + std::string(300, 'x') + "echoed<e>no newline";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Record record;
    StreamParser parser;
    const auto sink = record.sink();
    parser.feed(std::string_view{bytes}.substr(0, cut), sink);
    parser.feed(std::string_view{bytes}.substr(cut), sink);
    ASSERT_EQ(record.text, want) << "cut at " << cut;
  }
  for (std::size_t step = 1; step < 20; ++step) {
    Record record;
    StreamParser parser;
    const auto sink = record.sink();
    for (std::size_t at = 0; at < bytes.size(); at += step)
      parser.feed(std::string_view{bytes}.substr(at, step), sink);
    ASSERT_EQ(record.text, want) << "in steps of " << step;
  }
}

TEST(StreamParser, HandsOutViewsOfItsInput) {
  const auto bytes = frame(1, "abc") + frame(2, "def");
  StreamParser parser;
  std::vector<const char*> where;
  parser.feed(bytes, [&](StreamType, std::string_view piece) { where.push_back(piece.data()); });
  EXPECT_THAT(where, testing::ElementsAre(bytes.data() + 8, bytes.data() + 19));
}

TEST(StreamParser, E2_TakesFramesLargerThanAnyBuffer) {
  const std::string payload(10u << 20, 'z');
  const auto bytes = frame(1, payload) + frame(1, "end");
  std::size_t size = 0;
  std::size_t pieces = 0;
  StreamParser parser;
  const StreamParser::Sink sink = [&](StreamType, std::string_view piece) {
    size += piece.size();
    ++pieces;
  };
  for (std::size_t at = 0; at < bytes.size(); at += 65'536)
    parser.feed(std::string_view{bytes}.substr(at, 65'536), sink);
  EXPECT_EQ(size, payload.size() + 3);
  EXPECT_LE(pieces, bytes.size() / 65'536 + 3);
}

TEST(StreamParser, ThrowsTheErrorOfTheDaemon) {
  const auto bytes = frame(1, "before") + frame(3, "the log driver failed");
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    Record record;
    StreamParser parser;
    const auto sink = record.sink();
    parser.feed(std::string_view{bytes}.substr(0, cut), sink);
    try {
      parser.feed(std::string_view{bytes}.substr(cut), sink);
      ADD_FAILURE() << "no error, cut at " << cut;
    } catch (const std::runtime_error& e) {
      ASSERT_STREQ(e.what(), "error from daemon in stream: the log driver failed");
    }
    ASSERT_EQ(record.text, "<o>before");
  }
  StreamParser parser;
  EXPECT_THROW(parser.feed(frame(3, ""), [](StreamType, std::string_view) {}), std::runtime_error);
}

TEST(StreamParser, BoundsTheErrorOfTheDaemon) {
  std::string header = frame(3, "");
  header[4] = '\x7f';  // a size of 2 GiB
  StreamParser parser;
  const StreamParser::Sink sink = [](StreamType, std::string_view) {};
  parser.feed(header, sink);
  const std::string piece(40'000, 'e');
  parser.feed(piece, sink);
  try {
    parser.feed(piece, sink);
    ADD_FAILURE() << "no error";
  } catch (const std::runtime_error& e) {
    EXPECT_LT(std::string{e.what()}.size(), 66'000u);
  }
}

TEST(StreamParser, RefusesAnUnknownType) {
  for (const int type : {4, 17, 255}) {
    StreamParser parser;
    EXPECT_THROW(parser.feed(frame(type, "x"), [](StreamType, std::string_view) {}),
                 std::runtime_error);
  }
}

}  // namespace
}  // namespace slipway::docker_api
