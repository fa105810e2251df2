#include "job/timestamp_filter.hpp"

#include <cstring>

#include "job/filter_state.hpp"

namespace slipway::job {
namespace {

/// Writes `value` as `width` decimal digits.
void digits(char* at, unsigned value, int width) {
  for (int i = width - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

constexpr std::string_view hex = "0123456789abcdef";
constexpr std::size_t flag_at = 31;

}  // namespace

TimestampFilter::TimestampFilter(LogStream stream, LogKind kind, const Clock& now)
    : now_{&now}, second_{std::chrono::sys_seconds::min()} {
  std::memcpy(header_.data(), "0000-00-00T00:00:00.000000Z 00O ", header_size);
  const auto id = static_cast<unsigned>(stream);
  header_[28] = hex[id >> 4 & 15];
  header_[29] = hex[id & 15];
  header_[30] = static_cast<char>(kind);
}

void TimestampFilter::stamp() {
  using namespace std::chrono;
  const auto now = time_point_cast<microseconds>((*now_)());
  const auto second = floor<seconds>(now);
  if (second != second_) {
    second_ = second;
    const auto day = floor<days>(second);
    const year_month_day date{day};
    const hh_mm_ss time{second - day};
    digits(&header_[0], static_cast<unsigned>(int{date.year()}), 4);
    digits(&header_[5], unsigned{date.month()}, 2);
    digits(&header_[8], unsigned{date.day()}, 2);
    digits(&header_[11], static_cast<unsigned>(time.hours().count()), 2);
    digits(&header_[14], static_cast<unsigned>(time.minutes().count()), 2);
    digits(&header_[17], static_cast<unsigned>(time.seconds().count()), 2);
  }
  digits(&header_[20], static_cast<unsigned>((now - second).count()), 6);
  stamped_ = true;
}

void TimestampFilter::begin_line() {
  if (!open_.empty()) {
    out_ += open_;
    open_.clear();
    return;
  }
  if (!stamped_) stamp();
  header_[flag_at] = continued_ ? '+' : ' ';
  out_.append(header_.data(), header_size);
}

std::string_view TimestampFilter::write(std::string_view chunk) {
  out_.clear();
  stamped_ = false;
  std::size_t at = 0;
  while (at < chunk.size()) {
    const auto end = chunk.find('\n', at);
    if (end == std::string_view::npos) break;
    begin_line();
    out_.append(chunk, at, end + 1 - at);
    continued_ = false;
    at = end + 1;
  }
  const auto rest = chunk.substr(at);
  if (rest.empty()) return out_;
  const auto buffered = open_.empty() ? header_size : open_.size();
  if (buffered + rest.size() > max_buffered || rest.find('\r') != std::string_view::npos) {
    begin_line();
    out_ += rest;
    out_ += '\n';
    continued_ = true;
    return out_;
  }
  if (open_.empty()) {
    if (!stamped_) stamp();
    header_[flag_at] = continued_ ? '+' : ' ';
    open_.assign(header_.data(), header_size);
  }
  open_ += rest;
  return out_;
}

std::string_view TimestampFilter::flush() {
  out_.clear();
  continued_ = false;
  if (open_.empty()) return out_;
  out_.swap(open_);
  out_ += '\n';
  return out_;
}

void TimestampFilter::save(StateWriter& state) const {
  state.number(continued_ ? 1 : 0);
  state.text(open_);
}

void TimestampFilter::load(StateReader& state) {
  continued_ = state.flag();
  open_.assign(state.text());
  state.require(open_.empty() || (open_.size() > header_size && open_.size() <= max_buffered));
}

}  // namespace slipway::job
