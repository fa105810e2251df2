#include "agent/output_log.hpp"

#include <algorithm>
#include <cstring>

namespace slipway::agent {

OutputLog::OutputLog(Spill* spill, OutputLimits limits)
    : spill_{limits.spill < segment_size ? nullptr : spill}, limits_{limits} {}

std::size_t OutputLog::room() const {
  if (runs_.size() >= limits_.runs) return 0;
  const auto whole = [](std::size_t limit, std::size_t used) {
    const auto segments = limit / segment_size;
    return segments > used ? (segments - used) * segment_size : 0;
  };
  auto room =
      segments_.empty() || end_ % segment_size == 0 ? 0 : segment_size - end_ % segment_size;
  room += whole(limits_.memory, memory_segments_);
  if (spill_ && !spill_broken_) room += whole(limits_.spill, spill_segments());
  return room;
}

void OutputLog::add_segment() {
  Segment segment;
  if (memory_segments_ < limits_.memory / segment_size || !spill_ || spill_broken_) {
    segment.memory = std::make_unique_for_overwrite<char[]>(segment_size);
    ++memory_segments_;
  } else {
    // Segments leave the spill in the order in which they came, so its slots are a ring.
    segment.spill_at = next_spill_slot_++ % (limits_.spill / segment_size) * segment_size;
  }
  segments_.push_back(std::move(segment));
}

void OutputLog::append(std::uint32_t stage, Stream stream, std::string_view bytes) {
  if (bytes.empty()) return;
  if (runs_.empty() || runs_.back().stage != stage || runs_.back().stream != stream)
    runs_.push_back({end_, stage, stream});
  while (!bytes.empty()) {
    const auto used = static_cast<std::size_t>(end_ % segment_size);
    if (used == 0 || segments_.empty()) add_segment();
    const auto part = bytes.substr(0, segment_size - used);
    append_to_tail(part);
    end_ += part.size();
    bytes.remove_prefix(part.size());
  }
}

void OutputLog::append_to_tail(std::string_view bytes) {
  const auto used = static_cast<std::size_t>(end_ % segment_size);
  auto& tail = segments_.back();
  if (!tail.memory) {
    if (spill_->write(tail.spill_at + used, bytes)) return;
    move_tail_to_memory(used);
  }
  std::memcpy(tail.memory.get() + used, bytes.data(), bytes.size());
}

// The spill failed: this segment stays in memory, past the limit, and no further one goes there
// until all that is in it has been released.
void OutputLog::move_tail_to_memory(std::size_t used) {
  auto& tail = segments_.back();
  tail.memory = std::make_unique_for_overwrite<char[]>(segment_size);
  ++memory_segments_;
  if (used > 0 && !spill_->read(tail.spill_at, tail.memory.get(), used))
    std::memset(tail.memory.get(), '?', used);
  spill_broken_ = true;
}

void OutputLog::release(std::uint64_t offset) {
  begin_ = std::clamp(offset, begin_, end_);
  const auto first_kept = begin_ / segment_size;
  auto first = end_ == 0 ? 0 : (end_ - 1) / segment_size + 1 - segments_.size();
  while (!segments_.empty() && first < first_kept) {
    const auto was_spilled = !segments_.front().memory;
    if (!was_spilled) --memory_segments_;
    segments_.pop_front();
    ++first;
    if (was_spilled && spill_segments() == 0) {
      spill_->clear();
      next_spill_slot_ = 0;
      spill_broken_ = false;
    }
  }
  while (runs_.size() > 1 && runs_[1].begin <= begin_) runs_.pop_front();
  if (begin_ == end_) runs_.clear();
}

OutputLog::Piece OutputLog::read(std::uint64_t offset, char* to, std::size_t max) const {
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), offset,
                       [](std::uint64_t value, const Run& run) { return value < run.begin; });
  const auto& run = *std::prev(after);
  const auto run_end = after == runs_.end() ? end_ : after->begin;
  const auto size = std::min<std::uint64_t>(max, run_end - offset);
  const auto first = (end_ - 1) / segment_size + 1 - segments_.size();
  for (std::uint64_t done = 0; done < size;) {
    const auto at = offset + done;
    const auto& segment = segments_[at / segment_size - first];
    const auto within = at % segment_size;
    const auto part = std::min<std::uint64_t>(size - done, segment_size - within);
    if (segment.memory) {
      std::memcpy(to + done, segment.memory.get() + within, part);
    } else if (!spill_->read(segment.spill_at + within, to + done, part)) {
      std::memset(to + done, '?', part);
    }
    done += part;
  }
  return {run.stage, run.stream, static_cast<std::size_t>(size)};
}

}  // namespace slipway::agent
