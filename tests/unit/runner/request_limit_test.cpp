#include "runner/request_limit.hpp"

#include <gtest/gtest.h>

namespace slipway::runner {
namespace {

using Outcome = RequestLimit::Outcome;

TEST(RequestLimit, GrowsWithJobsAndShrinksWithoutThem) {
  RequestLimit limit{4, true};
  EXPECT_EQ(limit.current(), 1);
  limit.note(Outcome::job);
  EXPECT_EQ(limit.current(), 2) << "1.1";
  for (int i = 0; i < 7; ++i) limit.note(Outcome::job);
  EXPECT_EQ(limit.current(), 3) << limit.adaptive();
  for (int i = 0; i < 100; ++i) limit.note(Outcome::job);
  EXPECT_EQ(limit.current(), 4);
  EXPECT_DOUBLE_EQ(limit.adaptive(), 4);
  limit.note(Outcome::none);
  EXPECT_EQ(limit.current(), 4) << "3.8";
  limit.note(Outcome::retried);
  EXPECT_EQ(limit.current(), 2) << "1.9";
  limit.note(Outcome::retried);
  EXPECT_EQ(limit.current(), 1) << "never below one";
  for (int i = 0; i < 100; ++i) limit.note(Outcome::none);
  EXPECT_DOUBLE_EQ(limit.adaptive(), 1);
}

TEST(RequestLimit, WithoutAdaptationItIsTheHardOne) {
  RequestLimit limit{3, false};
  for (const auto outcome : {Outcome::none, Outcome::retried, Outcome::job}) {
    limit.note(outcome);
    EXPECT_EQ(limit.current(), 3);
  }
  EXPECT_EQ((RequestLimit{0, true}).current(), 1);
  EXPECT_EQ((RequestLimit{-5, false}).current(), 1);
  EXPECT_EQ((RequestLimit{1, true}).current(), 1);
}

}  // namespace
}  // namespace slipway::runner
