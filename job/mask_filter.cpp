#include "job/mask_filter.hpp"

#include <algorithm>

#include "job/filter_state.hpp"

namespace slipway::job {

std::string_view MaskFilter::write(std::string_view chunk) {
  if (values_->empty() && held_.empty()) return chunk;
  out_.clear();
  auto text = chunk;
  const auto scanned = held_.size();
  if (scanned != 0) {
    // The old buffer's memory is used again; the last result is no longer needed.
    text_.swap(held_);
    text_ += chunk;
    text = text_;
  }
  scan(text, scanned);
  const auto end = begin_ + text.size();
  emit(text, end - std::min<std::uint64_t>(end, values_->open_bytes(state_)));
  held_.assign(text.substr(text.size() - static_cast<std::size_t>(end - begin_)));
  return out_.result();
}

std::string_view MaskFilter::flush() {
  out_.clear();
  text_.swap(held_);
  held_.clear();
  emit(text_, begin_ + text_.size());
  state_ = 0;
  covered_ = begin_;
  return out_.result();
}

void MaskFilter::use(const ValueMatcher& values) {
  const auto text = open_text();
  values_ = &values;
  resume(text, text.size() - held_.size());
}

void MaskFilter::save(StateWriter& state) const {
  const auto text = open_text();
  state.number(text.size() - held_.size());
  state.text(text);
}

void MaskFilter::load(StateReader& state) {
  const auto covered = static_cast<std::size_t>(state.number());
  const auto text = state.text();
  state.require(covered <= text.size());
  resume(text, covered);
}

/// What is held back, and before it what a [MASKED] has been emitted for if a value may begin
/// there.
std::string MaskFilter::open_text() const {
  return values_->open_bytes(state_) > held_.size() ? values_->open_text(state_) : held_;
}

/// Begins anew with `text`, of which a [MASKED] has been emitted for the first `covered` bytes.
void MaskFilter::resume(std::string_view text, std::size_t covered) {
  state_ = 0;
  found_.clear();
  begin_ = 0;
  covered_ = covered;
  scan(text, 0);
  begin_ = covered_;
  held_.assign(text.substr(static_cast<std::size_t>(covered_)));
}

void MaskFilter::scan(std::string_view text, std::size_t from) {
  while (const auto length = values_->next(text, from, state_)) {
    const auto end = begin_ + from;
    add({end - length, end});
  }
}

void MaskFilter::add(Range match) {
  while (!found_.empty() && found_.back().end > match.begin) {
    match.begin = std::min(match.begin, found_.back().begin);
    found_.pop_back();
  }
  if (match.begin < covered_) {
    covered_ = std::max(covered_, match.end);
  } else {
    found_.push_back(match);
  }
}

/// Emits what no later match can change: all before `safe`. Moves begin_ to the first byte that
/// stays.
void MaskFilter::emit(std::string_view text, std::uint64_t safe) {
  const auto origin = begin_;
  const auto keep_until = [&](std::uint64_t end) {
    if (end <= begin_) return;
    out_.keep(text.substr(static_cast<std::size_t>(begin_ - origin),
                          static_cast<std::size_t>(end - begin_)));
    begin_ = end;
  };
  begin_ = std::min(std::max(begin_, covered_), origin + text.size());
  auto range = found_.begin();
  for (; range != found_.end() && range->begin < safe; ++range) {
    keep_until(range->begin);
    out_.put(masked_text);
    begin_ = covered_ = range->end;
  }
  found_.erase(found_.begin(), range);
  keep_until(safe);
}

}  // namespace slipway::job
