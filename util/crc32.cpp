#include "util/crc32.hpp"

#include <libdeflate.h>

namespace slipway::util {

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  // A null pointer would mean: the CRC of nothing.
  return bytes.empty() ? before : libdeflate_crc32(before, bytes.data(), bytes.size());
}

}  // namespace slipway::util
