#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent_end.hpp"
#include "agent/daemon_end.hpp"
#include "agent/frame.hpp"

namespace slipway::agent {

inline constexpr const char* test_mark = "00ff0a7f80c3a95e";

/// Collects what a parser finds.
struct RecordingSink : FrameSink {
  void on_frame(const Frame& frame) override {
    frames.push_back(frame);
    payloads.emplace_back(frame.payload);
    order += 'F';
  }
  void on_foreign(std::string_view bytes) override {
    foreign += bytes;
    order += 'r';
  }
  std::vector<Frame> frames;  ///< without payload
  std::vector<std::string> payloads;
  std::string foreign;
  std::string order;
};

/// A spill in memory that can be told to fail.
struct MemorySpill : Spill {
  bool write(std::uint64_t at, std::string_view piece) override {
    if (full) return false;
    if (bytes.size() < at + piece.size()) bytes.resize(at + piece.size());
    bytes.replace(at, piece.size(), piece);
    largest = std::max(largest, bytes.size());
    return true;
  }
  bool read(std::uint64_t at, char* to, std::size_t size) override {
    if (unreadable || at + size > bytes.size()) return false;
    bytes.copy(to, size, at);
    return true;
  }
  void clear() override {
    bytes.clear();
    ++clears;
  }
  std::string bytes;
  std::size_t largest = 0;
  int clears = 0;
  bool full = false;
  bool unreadable = false;
};

/// All that came out of a DaemonEnd.
struct Received {
  void take(DaemonEnd& end) {
    while (auto event = end.next()) {
      if (const auto* output = std::get_if<Output>(&*event)) {
        if (output->offset != next_offset) offsets_hold = false;
        next_offset = output->offset + output->bytes.size();
        stage_output[output->stage][output->stream == Stream::out ? 0 : 1] += output->bytes;
        all += output->bytes;
      } else if (const auto* raw = std::get_if<Raw>(&*event)) {
        (raw->stream == Stream::out ? raw_out : raw_err) += raw->bytes;
      } else if (const auto* exit = std::get_if<Exit>(&*event)) {
        exits.push_back(*exit);
        exit_positions.push_back(next_offset);
      } else if (const auto* hello = std::get_if<Hello>(&*event)) {
        hellos.push_back(*hello);
        raw_before_hello = raw_out;
      } else if (std::holds_alternative<Plain>(*event)) {
        ++plains;
        raw_before_plain = raw_out;
      } else if (const auto* again = std::get_if<Resumed>(&*event)) {
        ++resumed;
        last_resumed = *again;
        next_offset += again->lost;
      } else {
        refusals.push_back(std::get<Unsupported>(*event));
      }
    }
  }
  std::map<std::uint32_t, std::string[2]> stage_output;
  std::string all;
  std::string raw_out, raw_err, raw_before_hello, raw_before_plain;
  std::vector<Exit> exits;
  std::vector<std::uint64_t> exit_positions;
  std::vector<Hello> hellos;
  std::vector<Unsupported> refusals;
  Resumed last_resumed;
  std::uint64_t next_offset = 0;
  int plains = 0;
  int resumed = 0;
  bool offsets_hold = true;
};

/// An agent and the time it lives in.
struct TestAgent {
  explicit TestAgent(Spill* spill = nullptr, OutputLimits limits = {})
      : end{{test_mark, "1.2.3", std::chrono::minutes{10}, limits}, spill, now} {}

  /// Every frame that is due.
  std::string written() {
    std::string bytes;
    for (;;) {
      const auto frame = end.frame(now);
      if (frame.empty()) return bytes;
      bytes += frame;
      end.frame_written(now);
    }
  }
  void pass(std::chrono::milliseconds time) {
    now += time;
    end.tick(now);
  }
  std::vector<Command> commands() {
    std::vector<Command> all;
    while (auto command = end.next_command()) all.push_back(std::move(*command));
    return all;
  }

  TimePoint now{};
  AgentEnd end;
};

}  // namespace slipway::agent
