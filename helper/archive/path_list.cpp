#include "helper/archive/path_list.hpp"

#include <algorithm>

namespace slipway::helper::archive {
namespace {

constexpr std::size_t block_size = 256 << 10;

}  // namespace

void PathList::add(std::string_view path) {
  if (path.size() > free_) {
    free_ = std::max(block_size, path.size());
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(free_));
    next_ = blocks_.back().get();
  }
  std::copy(path.begin(), path.end(), next_);
  paths_.emplace_back(next_, path.size());
  next_ += path.size();
  free_ -= path.size();
}

void PathList::sort_unique() {
  std::sort(paths_.begin(), paths_.end());
  paths_.erase(std::unique(paths_.begin(), paths_.end()), paths_.end());
}

}  // namespace slipway::helper::archive
