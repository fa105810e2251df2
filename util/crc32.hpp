#pragma once

#include <cstdint>
#include <string_view>

namespace slipway::util {

/// CRC-32 (IEEE 802.3, as in zip, PNG and GitLab's checksum of a log) of `bytes`, which follow
/// those that `before` is the CRC of; 0 = none. Every byte of a log passes it several times, hence
/// the implementation with carry-less multiplication.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);

}  // namespace slipway::util
