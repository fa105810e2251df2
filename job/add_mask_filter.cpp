#include "job/add_mask_filter.hpp"

#include <algorithm>

#include "job/filter_state.hpp"

namespace slipway::job {

namespace {

constexpr std::string_view command = "::add-mask::";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\v\f";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

void AddMaskFilter::take(Named& named) {
  if (const auto value = trimmed(value_); !value.empty()) named.value = value;
  value_.clear();
}

std::string_view AddMaskFilter::write(std::string_view& chunk, Named& named) {
  out_.clear();
  std::size_t at = 0;
  while (at < chunk.size() && named.value.empty() && !named.too_long) {
    const auto line_end = chunk.find('\n', at);
    const auto rest =
        chunk.substr(at, line_end == std::string_view::npos ? line_end : line_end + 1 - at);
    const bool ended = line_end != std::string_view::npos;
    switch (state_) {
      case State::start: {
        // As far as the line and the command agree.
        const auto want = command.substr(seen_);
        const auto same = static_cast<std::size_t>(
            std::mismatch(want.begin(), want.end(), rest.begin(), rest.end()).first - want.begin());
        if (same == want.size()) {
          state_ = State::value;
        } else if (same < rest.size()) {
          if (seen_ > 0) out_.put(command.substr(0, seen_));
          state_ = State::text;
          seen_ = 0;
          break;
        }
        seen_ = state_ == State::value ? 0 : seen_ + same;
        at += same;
        break;
      }
      case State::text:
        out_.keep(rest);
        at += rest.size();
        if (ended) state_ = State::start;
        break;
      case State::value:
        if (value_.size() + rest.size() > longest_value) {
          value_.clear();
          named.too_long = true;
          state_ = State::discarded;
          break;
        }
        value_ += ended ? rest.substr(0, rest.size() - 1) : rest;
        at += rest.size();
        if (!ended) break;
        take(named);
        state_ = State::start;
        break;
      case State::discarded:
        at += rest.size();
        if (ended) state_ = State::start;
        break;
    }
  }
  chunk.remove_prefix(at);
  return out_.result();
}

std::string_view AddMaskFilter::flush(Named& named) {
  out_.clear();
  if (state_ == State::start && seen_ > 0) out_.put(command.substr(0, seen_));
  if (state_ == State::value) take(named);
  state_ = State::start;
  seen_ = 0;
  return out_.result();
}

void AddMaskFilter::save(StateWriter& state) const {
  state.number(static_cast<std::uint64_t>(state_));
  if (state_ == State::start) state.number(seen_);
  if (state_ == State::value) state.text(value_);
}

void AddMaskFilter::load(StateReader& state) {
  state_ = static_cast<State>(state.number(static_cast<std::uint64_t>(State::discarded)));
  seen_ = state_ == State::start ? static_cast<std::size_t>(state.number(command.size() - 1)) : 0;
  value_ = state_ == State::value ? std::string{state.text()} : "";
}

}  // namespace slipway::job
