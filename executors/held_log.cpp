#include "executors/held_log.hpp"

namespace slipway::executors {

void HeldLog::write(job::LogStream stream, job::LogKind kind, std::string_view bytes) {
  if (released_)
    log_.write(stream, kind, bytes);
  else
    held_.push_back({stream, kind, std::string{bytes}});
}

void HeldLog::flush(job::LogStream stream) {
  if (released_) log_.flush(stream);
}

void HeldLog::release() {
  if (released_) return;
  released_ = true;
  for (const auto& piece : held_) log_.write(piece.stream, piece.kind, piece.bytes);
  held_.clear();
}

}  // namespace slipway::executors
