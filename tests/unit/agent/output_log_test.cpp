#include "agent/output_log.hpp"

#include <gtest/gtest.h>

#include <random>

#include "support.hpp"

namespace slipway::agent {
namespace {

constexpr auto segment = OutputLog::segment_size;

std::string all_from(const OutputLog& log, std::uint64_t offset) {
  std::string bytes;
  char buffer[5000];
  while (offset < log.end()) {
    const auto piece = log.read(offset, buffer, sizeof buffer);
    bytes.append(buffer, piece.size);
    offset += piece.size;
  }
  return bytes;
}

std::string noise(std::mt19937& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (auto& c : bytes) c = static_cast<char>(random());
  return bytes;
}

TEST(OutputLog, KeepsStagesAndStreamsApart) {
  OutputLog log{nullptr};
  log.append(1, Stream::out, "aa");
  log.append(1, Stream::out, "b");
  log.append(1, Stream::err, "c");
  log.append(2, Stream::err, "dd");
  char to[8];
  const struct {
    std::uint64_t offset;
    std::uint32_t stage;
    Stream stream;
    std::string want;
  } cases[] = {{0, 1, Stream::out, "aab"},
               {2, 1, Stream::out, "b"},
               {3, 1, Stream::err, "c"},
               {4, 2, Stream::err, "dd"},
               {5, 2, Stream::err, "d"}};
  for (const auto& c : cases) {
    const auto piece = log.read(c.offset, to, sizeof to);
    EXPECT_EQ(piece.stage, c.stage);
    EXPECT_EQ(piece.stream, c.stream);
    EXPECT_EQ(std::string(to, piece.size), c.want);
  }
}

TEST(OutputLog, HasRoomUpToItsLimits) {
  MemorySpill spill;
  OutputLog log{&spill, {.memory = 2 * segment, .spill = 3 * segment}};
  std::size_t taken = 0;
  while (log.room() > 0) {
    const auto size = std::min<std::size_t>(log.room(), 1000);
    log.append(1, Stream::out, std::string(size, 'x'));
    taken += size;
  }
  EXPECT_EQ(taken, 5 * segment);
  EXPECT_EQ(spill.largest, 3 * segment);
  log.release(2 * segment);
  EXPECT_EQ(log.room(), 2 * segment);
  log.release(log.end());
  EXPECT_EQ(log.room(), 5 * segment);
  EXPECT_EQ(spill.clears, 1);
  EXPECT_TRUE(spill.bytes.empty());
}

TEST(OutputLog, WithoutASpillHasTheMemoryAlone) {
  OutputLog log{nullptr, {.memory = segment, .spill = 8 * segment}};
  EXPECT_EQ(log.room(), segment);
  log.append(1, Stream::out, std::string(segment, 'x'));
  EXPECT_EQ(log.room(), 0u);
}

TEST(OutputLog, ChangesOfStreamAreBoundedToo) {
  OutputLog log{nullptr, {.runs = 10}};
  for (std::uint32_t stage = 1; log.room() > 0; ++stage) log.append(stage, Stream::out, "x");
  EXPECT_EQ(log.end(), 10u);
  log.release(4);
  EXPECT_GT(log.room(), 0u);
}

TEST(OutputLog, ASpillThatFailsCostsNoByte) {
  std::mt19937 random{3};
  MemorySpill spill;
  OutputLog log{&spill, {.memory = segment, .spill = 4 * segment}};
  std::string want;
  const auto add = [&](std::size_t size) {
    want += noise(random, size);
    log.append(1, Stream::out, std::string_view{want}.substr(want.size() - size));
  };
  add(segment + segment / 2);
  spill.full = true;
  add(segment / 4);
  EXPECT_EQ(all_from(log, 0), want);
  EXPECT_EQ(log.room(), segment / 4);
  add(log.room());
  EXPECT_EQ(log.room(), 0u);
  EXPECT_EQ(all_from(log, 0), want);
}

TEST(OutputLog, WhatCannotBeReadBackIsShownAsMissing) {
  MemorySpill spill;
  OutputLog log{&spill, {.memory = segment, .spill = segment}};
  log.append(1, Stream::out, std::string(segment + 3, 'x'));
  spill.unreadable = true;
  EXPECT_EQ(all_from(log, segment - 1), "x???");
}

TEST(OutputLog, AnyMixtureOfAppendAndReleaseKeepsTheRest) {
  std::mt19937 random{11};
  MemorySpill spill;
  OutputLog log{&spill, {.memory = 2 * segment, .spill = 5 * segment}};
  std::string all;
  for (int step = 0; step < 3000; ++step) {
    if (random() % 3 != 0) {
      const auto bytes = noise(random, std::min<std::size_t>(log.room(), random() % 20000));
      log.append(random() % 2, Stream::err, bytes);
      all += bytes;
    } else {
      log.release(log.begin() + random() % (log.end() - log.begin() + 1));
    }
    if (step % 20 == 0) {
      const auto from = log.begin() + random() % (log.end() - log.begin() + 1);
      ASSERT_EQ(all_from(log, from), all.substr(from));
    }
  }
  EXPECT_LE(spill.largest, 5 * segment);
  EXPECT_GT(spill.clears, 0);
}

}  // namespace
}  // namespace slipway::agent
