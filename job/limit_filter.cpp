#include "job/limit_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "job/filter_state.hpp"
#include "job/text.hpp"

namespace slipway::job {
namespace {

constexpr std::uint64_t default_limit = 4u << 20;
constexpr std::uint64_t smallest_with_end = 64;
constexpr std::uint64_t max_tail = 1u << 20;
constexpr std::uint64_t max_own_bytes = 64u << 10;
/// No log comes near to this, and sums of a few such numbers do not overflow.
constexpr std::uint64_t max_count = std::uint64_t{1} << 60;

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

LimitFilter::LimitFilter(std::uint64_t limit, std::function<void(std::string_view)> out)
    : out_{std::move(out)} {
  set_limit(limit == 0 ? default_limit : limit);
}

void LimitFilter::set_limit(std::uint64_t limit) {
  limit_ = limit;
  tail_ = limit < smallest_with_end ? 0 : std::min(limit / 64, max_tail);
}

void LimitFilter::write(std::string_view text, bool own) {
  if (text.empty() || closed_) return;
  if (exceeded_) {
    drop(text, own);
  } else if (text.size() < limit_ - written_) {
    written_ += text.size();
    last_ = text.back();
    out_(text);
  } else {
    cut(text, own);
  }
}

void LimitFilter::cut(std::string_view text, bool own) {
  auto room = static_cast<std::size_t>(limit_ - written_);
  while (room > 0 && room < text.size() && continues_character(text[room])) --room;
  const auto head = text.substr(0, room);
  if (!head.empty()) {
    last_ = head.back();
    out_(head);
  }
  written_ += head.size();
  exceeded_ = true;
  out_(
      fmt::format("\n{}Job's log exceeded limit of {} bytes.\n"
                  "Job execution will continue but no more output will be collected.{}\n",
                  colour::bold_yellow, limit_, colour::reset));
  if (tail_ == 0) return;
  recent_.assign(1, last_);
  auto rest = text.substr(room);
  if (rest.empty()) return;
  dropped_ += rest.size();
  if (own && last_ != '\n') {
    // The runner's own line is worth more whole than cut in two.
    const auto line = head.rfind('\n');
    const auto begin = line == std::string_view::npos ? 0 : line + 1;
    shown_twice_ = head.size() - begin;
    rest = text.substr(begin);
  }
  own ? drop_own(rest) : drop_script(rest);
}

void LimitFilter::drop(std::string_view text, bool own) {
  if (tail_ == 0) return;
  dropped_ += text.size();
  own ? drop_own(text) : drop_script(text);
}

void LimitFilter::drop_own(std::string_view text) {
  own_open_ += text;
  std::size_t at = 0;
  for (std::size_t end; (end = own_open_.find('\n', at)) != std::string::npos; at = end + 1) {
    own_.push_back({dropped_script_, own_open_.substr(at, end + 1 - at)});
    own_bytes_ += own_.back().text.size();
  }
  own_open_.erase(0, at);
  if (own_open_.size() > max_own_bytes) own_open_.clear();
  while (own_bytes_ > max_own_bytes) {
    own_bytes_ -= own_.front().text.size();
    own_.pop_front();
    shown_twice_ = 0;
  }
}

void LimitFilter::drop_script(std::string_view text) {
  dropped_script_ += text.size();
  const auto wanted = static_cast<std::size_t>(tail_) + 1;
  if (text.size() >= wanted) {
    recent_.assign(text.substr(text.size() - wanted));
    return;
  }
  recent_ += text;
  // Moved only once in a while, so that many short writes stay cheap.
  if (recent_.size() > 2 * wanted) recent_.erase(0, recent_.size() - wanted);
}

std::string_view LimitFilter::kept_script() const {
  const std::string_view script{recent_};
  return script.substr(script.size() - std::min<std::size_t>(script.size(), tail_ + 1));
}

std::string LimitFilter::assemble_end(std::uint64_t& script_bytes) const {
  auto script = kept_script();
  const auto line_end = script.find('\n');
  script.remove_prefix(line_end == std::string_view::npos ? script.size() : line_end + 1);
  script_bytes = script.size();
  const auto origin = dropped_script_ - script.size();
  std::string end;
  std::size_t done = 0;
  const auto script_until = [&](std::size_t position) {
    end += script.substr(done, position - done);
    done = position;
    if (!end.empty() && end.back() != '\n') end += '\n';
  };
  for (const auto& line : own_) {
    if (line.at > origin) {
      auto position = static_cast<std::size_t>(line.at - origin);
      if (position > done && script[position - 1] != '\n') {
        position = std::min(script.find('\n', position), script.size() - 1) + 1;
      }
      if (position > done) script_until(position);
    }
    end += line.text;
  }
  script_until(script.size());
  return end;
}

void LimitFilter::close() {
  if (std::exchange(closed_, true) || !exceeded_ || dropped_ == 0) return;
  if (!own_open_.empty()) drop("\n", true);
  std::uint64_t script_bytes = 0;
  const auto end = assemble_end(script_bytes);
  const auto kept = script_bytes + own_bytes_ - std::min(own_bytes_, shown_twice_);
  const auto missing = dropped_ - std::min(dropped_, kept);
  out_(fmt::format("{}{} bytes of the job's log are missing here, its end follows.{}\n",
                   colour::bold_yellow, missing, colour::reset));
  if (!end.empty()) out_(end);
}

void LimitFilter::save(StateWriter& state) const {
  state.number(limit_);
  state.number(written_);
  state.number(static_cast<unsigned char>(last_));
  state.number(exceeded_ ? 1 : 0);
  if (!exceeded_) return;
  state.number(dropped_);
  state.number(dropped_script_);
  state.number(shown_twice_);
  state.text(kept_script());
  state.text(own_open_);
  state.number(own_.size());
  for (const auto& line : own_) {
    state.number(line.at);
    state.text(line.text);
  }
}

void LimitFilter::load(StateReader& state) {
  set_limit(state.number());
  written_ = state.number(limit_);
  last_ = static_cast<char>(state.number(0xFF));
  exceeded_ = state.flag();
  state.require(limit_ > 0 && (exceeded_ || written_ < limit_));
  if (exceeded_) load_dropped(state);
}

void LimitFilter::load_dropped(StateReader& state) {
  dropped_ = state.number(max_count);
  dropped_script_ = state.number(dropped_);
  shown_twice_ = state.number(max_count);
  recent_.assign(state.text());
  // One byte of it comes before what was dropped.
  state.require(recent_.size() <= std::min(tail_, dropped_script_) + 1);
  own_open_.assign(state.text());
  state.require(own_open_.size() <= max_own_bytes);
  for (auto lines = state.number(max_own_bytes); lines > 0; --lines) {
    const auto at = state.number(dropped_script_);
    own_.push_back({at, std::string{state.text()}});
    own_bytes_ += own_.back().text.size();
  }
  state.require(own_bytes_ <= max_own_bytes);
}

}  // namespace slipway::job
