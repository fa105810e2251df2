#include "runner/slots.hpp"

#include <gtest/gtest.h>

namespace slipway::runner {
namespace {

TEST(Slots, GiveTheSmallestFreeNumber) {
  Slots slots;
  const auto first = slots.take("a", 1);
  const auto second = slots.take("a", 1);
  const auto other_project = slots.take("a", 2);
  EXPECT_EQ(first.global, 0);
  EXPECT_EQ(first.project, 0);
  EXPECT_EQ(second.global, 1);
  EXPECT_EQ(second.project, 1);
  EXPECT_EQ(other_project.global, 2);
  EXPECT_EQ(other_project.project, 0);

  slots.give_back("a", 1, first);
  const auto again = slots.take("a", 2);
  EXPECT_EQ(again.global, 0);
  EXPECT_EQ(again.project, 1);
  const auto third = slots.take("a", 1);
  EXPECT_EQ(third.global, 3);
  EXPECT_EQ(third.project, 0);
}

TEST(Slots, AreOfOneRunnerEach) {
  Slots slots;
  slots.take("a", 1);
  const auto numbers = slots.take("b", 1);
  EXPECT_EQ(numbers.global, 0);
  EXPECT_EQ(numbers.project, 0);
}

TEST(Slots, ForgetWhatNobodyUses) {
  Slots slots;
  for (std::int64_t project = 0; project < 100; ++project) {
    const auto numbers = slots.take("a", project);
    slots.give_back("a", project, numbers);
  }
  EXPECT_EQ(slots.in_use(), 0u);
  slots.give_back("never", 1, {});
  EXPECT_EQ(slots.in_use(), 0u);
}

}  // namespace
}  // namespace slipway::runner
