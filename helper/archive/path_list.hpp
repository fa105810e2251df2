#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace slipway::helper::archive {

/// Relative paths of many files, one after another in few blocks: 200,000 paths cost their bytes
/// and 16 more each. Views stay valid as long as the list.
class PathList {
 public:
  void add(std::string_view path);
  /// Bytewise order, each path once.
  void sort_unique();

  std::size_t size() const { return paths_.size(); }
  bool empty() const { return paths_.empty(); }
  auto begin() const { return paths_.begin(); }
  auto end() const { return paths_.end(); }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t free_ = 0;  ///< bytes left in the last block
  char* next_ = nullptr;
  std::vector<std::string_view> paths_;
};

}  // namespace slipway::helper::archive
