#include "docker_api/version.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "docker_api/error.hpp"

namespace slipway::docker_api {
namespace {

TEST(Version, IsNegotiated) {
  struct Case {
    const char* pinned;
    const char* announced;
    const char* want;
  };
  const Case cases[] = {
      {"", "1.40", "1.40"},     {"", "1.41", "1.41"},         {"", "1.51", "1.51"},
      {"", "1.55", "1.55"},     {"", "1.99", "1.55"},         {"", "2.0", "1.55"},
      {"", "", "1.55"},         {"", "nonsense", "1.55"},     {"", "1", "1.55"},
      {"1.41", "1.51", "1.41"}, {"1.30", "1.41", "1.30"},     {"v1.42", "", "1.42"},
      {"1.60", "1.41", "1.60"}, {"", "1.9999999999", "1.55"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.pinned + std::string{" / "} + c.announced);
    EXPECT_EQ(negotiate(c.pinned, c.announced).text(), c.want);
  }
}

TEST(Version, SaysThatAnEngineIsTooOld) {
  for (const auto* announced : {"1.39", "1.24", "0.9"}) {
    try {
      negotiate("", announced);
      ADD_FAILURE() << announced;
    } catch (const EngineError& e) {
      EXPECT_THAT(e.what(),
                  testing::AllOf(testing::HasSubstr("too old"), testing::HasSubstr("1.40"),
                                 testing::HasSubstr(announced)));
    }
  }
}

TEST(Version, RefusesAMalformedPin) {
  for (const auto* pin : {"1", "1.", ".41", "1.x", "one", "1.41 ", "-1.41", "1.-4"})
    EXPECT_THROW(negotiate(pin, "1.41"), EngineError) << pin;
}

TEST(Version, Orders) {
  EXPECT_LT((ApiVersion{1, 9}), (ApiVersion{1, 41}));
  EXPECT_GT((ApiVersion{2, 0}), (ApiVersion{1, 55}));
}

}  // namespace
}  // namespace slipway::docker_api
