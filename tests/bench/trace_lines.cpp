#include "tests/bench/trace_lines.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "tests/bench/lab.hpp"

namespace slipway::bench {

namespace {

/// `2026-01-02T03:04:05.678901Z 01O `
constexpr std::size_t stamp_size = 32;

bool has_stamp(std::string_view line) {
  return line.size() >= stamp_size && line[4] == '-' && line[10] == 'T' && line[19] == '.' &&
         line[26] == 'Z' && line[27] == ' ';
}

std::string_view without_colour(std::string_view text) {
  while (text.starts_with("\x1b[")) {
    const auto end = text.find_first_of("mK");
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  constexpr std::string_view reset = "\x1b[0;m";
  if (text.ends_with(reset)) text.remove_suffix(reset.size());
  return text;
}

}  // namespace

bool TraceLines::next() {
  if (at_ >= trace_.size()) return false;
  const auto newline = trace_.find('\n', at_);
  const auto end = newline == std::string_view::npos ? trace_.size() : newline;
  text_ = trace_.substr(at_, end - at_);
  at_ = newline == std::string_view::npos ? end : end + 1;
  stamped_ = has_stamp(text_);
  stamp_ = text_.substr(0, stamped_ ? stamp_size : 0);
  text_.remove_prefix(stamp_.size());
  text_ = without_colour(text_);
  return true;
}

std::chrono::system_clock::time_point TraceLines::time() const {
  using namespace std::chrono;
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int fraction = 0;
  const std::string stamp{stamp_};
  if (std::sscanf(stamp.c_str(), "%d-%u-%uT%d:%d:%d.%dZ", &year, &month, &day, &hour, &minute,
                  &second, &fraction) != 7)
    throw WrongResult{fmt::format("no timestamp before \"{}\"", text_)};
  const sys_days date{
      year_month_day{std::chrono::year{year}, std::chrono::month{month}, std::chrono::day{day}}};
  return date + hours{hour} + minutes{minute} + seconds{second} + microseconds{fraction};
}

}  // namespace slipway::bench
