#include "tests/bench/log_text.hpp"

#include <fmt/format.h>

#include "tests/bench/lab.hpp"

namespace slipway::bench {

std::string LogText::line(std::uint64_t number) const {
  return fmt::format("{:0{}}", number, std::max(width, 1));
}

std::uint64_t LogText::bytes() const {
  std::uint64_t sum = log_begin.size() + 1 + log_end.size() + 1;
  if (width > 0) return sum + lines * static_cast<std::uint64_t>(width + 1);
  for (std::uint64_t i = 0; i < lines; ++i) sum += line(i).size() + 1;
  return sum;
}

LogText wide_log() {
  LogText text;
  text.name = "64 MiB log in 128-byte lines";
  text.lines = (64u << 20) / 128;
  text.width = 127;
  // Made beforehand, so that what is measured is the way of the bytes and not awk.
  text.script = {
      fmt::format("awk 'BEGIN {{ for (i = 0; i < {}; i++) printf \"%0127d\\n\", i }}' >/tmp/log",
                  text.lines),
      fmt::format("echo {}; cat /tmp/log; echo {}", log_begin, log_end)};
  return text;
}

LogText narrow_log() {
  LogText text;
  text.name = "1,000,000 lines of one write each";
  text.lines = 1'000'000;
  text.script = {
      fmt::format("echo {}; i=0; while [ $i -lt {} ]; do echo $i; i=$((i+1)); done; echo {}",
                  log_begin, text.lines, log_end)};
  return text;
}

void LogCheck::take(std::string_view line) {
  if (state_ == State::before) {
    if (line == log_begin) state_ = State::within;
    return;
  }
  if (state_ == State::after) return;
  if (next_ == text_.lines && line == log_end) {
    state_ = State::after;
    return;
  }
  expected_ = text_.line(next_);
  if (next_ == text_.lines || line != expected_)
    throw WrongResult{fmt::format("{}: line {} is \"{:.200}\"", text_.name, next_, line)};
  ++next_;
}

}  // namespace slipway::bench
