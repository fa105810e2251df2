#include "executors/held_log.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace slipway::executors {
namespace {

struct Lines final : JobLog {
  void write(job::LogStream, job::LogKind kind, std::string_view bytes) override {
    text += kind == job::LogKind::err ? "E:" : "O:";
    text += bytes;
    text += '\n';
  }
  void flush(job::LogStream) override { text += "flush\n"; }
  void add_masked_value(std::string value) override { masked.push_back(std::move(value)); }
  std::string text;
  std::vector<std::string> masked;
};

TEST(HeldLog, KeepsEverythingUntilItIsReleased) {
  Lines lines;
  HeldLog held{lines};
  held.write(job::LogStream::runner, job::LogKind::out, "later");
  held.write(job::LogStream::runner, job::LogKind::err, "error");
  held.flush(job::LogStream::runner);
  held.add_masked_value("secret");
  lines.write(job::LogStream::runner, job::LogKind::out, "first");
  EXPECT_EQ(lines.text, "O:first\n");
  EXPECT_EQ(lines.masked, std::vector<std::string>{"secret"}) << "hidden from now on";
  held.release();
  held.write(job::LogStream::runner, job::LogKind::out, "last");
  held.flush(job::LogStream::runner);
  EXPECT_EQ(lines.text, "O:first\nO:later\nE:error\nO:last\nflush\n");
}

TEST(HeldLog, WhatFailsStillSaysWhatItDid) {
  Lines lines;
  { HeldLog{lines}.write(job::LogStream::runner, job::LogKind::out, "pulling"); }
  EXPECT_EQ(lines.text, "O:pulling\n");
}

}  // namespace
}  // namespace slipway::executors
