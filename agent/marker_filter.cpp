#include "agent/marker_filter.hpp"

#include <algorithm>
#include <utility>

namespace slipway::agent {

MarkerFilter::Result MarkerFilter::feed(std::string_view bytes) {
  held_ += bytes;
  Result result;
  if (const auto at = held_.find(marker_); at != std::string::npos) {
    result.found = true;
    result.before = held_.substr(0, at);
    result.after = held_.substr(at + marker_.size());
    held_.clear();
    return result;
  }
  auto keep = std::min(marker_.size() - 1, held_.size());
  while (!marker_.starts_with(std::string_view{held_}.substr(held_.size() - keep))) --keep;
  result.before = held_.substr(0, held_.size() - keep);
  held_.erase(0, result.before.size());
  return result;
}

}  // namespace slipway::agent
