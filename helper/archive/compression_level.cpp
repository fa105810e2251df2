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

int tar_zstd_level(CompressionLevel level) {
  switch (level) {
    case CompressionLevel::fastest:
    case CompressionLevel::fast:
      return 1;
    case CompressionLevel::normal:
      return 3;
    case CompressionLevel::slow:
      return 7;
    case CompressionLevel::slowest:
      return 11;
  }
  return 3;
}

// The fastest level of a zip archive means "not deflated" and says nothing about zstd, whose
// default it then is.
int zip_zstd_level(CompressionLevel level) {
  return level == CompressionLevel::fastest ? 3 : tar_zstd_level(level);
}

}  // namespace slipway::helper::archive
