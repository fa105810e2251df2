#include "util/crc32.hpp"

#include <gtest/gtest.h>

#include <string>

namespace slipway::util {
namespace {

TEST(Crc32, KnownValues) {
  EXPECT_EQ(crc32(""), 0u);
  EXPECT_EQ(crc32({}), 0u);
  EXPECT_EQ(crc32("123456789"), 0xCBF43926u);
  EXPECT_EQ(crc32("Hello from slipway\n"), 0x244a679au);
}

TEST(Crc32, GoesOnFromWhatWasBefore) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += static_cast<char>(i * i % 251);
  for (const std::size_t cut : {0u, 1u, 7u, 64u, 4095u, 5000u}) {
    const std::string_view whole{text};
    EXPECT_EQ(crc32(whole.substr(cut), crc32(whole.substr(0, cut))), crc32(whole)) << cut;
  }
  EXPECT_EQ(crc32({}, 17), 17u);
}

}  // namespace
}  // namespace slipway::util
