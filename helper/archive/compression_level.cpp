#include "helper/archive/compression_level.hpp"

namespace slipway::helper::archive {

std::optional<CompressionLevel> compression_level(std::string_view word) {
  if (word == "fastest") return CompressionLevel::fastest;
  if (word == "fast") return CompressionLevel::fast;
  if (word == "default" || word.empty()) return CompressionLevel::normal;
  if (word == "slow") return CompressionLevel::slow;
  if (word == "slowest") return CompressionLevel::slowest;
  return std::nullopt;
}

int deflate_level(CompressionLevel level) {
  switch (level) {
    case CompressionLevel::fastest:
      return 0;
    case CompressionLevel::fast:
      return 1;
    case CompressionLevel::normal:
      return 5;
    case CompressionLevel::slow:
      return 7;
    case CompressionLevel::slowest:
      return 9;
  }
  return 5;
}

}  // namespace slipway::helper::archive
