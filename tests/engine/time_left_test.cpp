// What is told of the time that an experiment has left.
#include "engine/generate/time_left.h"

#include <gtest/gtest.h>

namespace kvreel::engine {
namespace {

TEST(TimeLeft, IsUnknownUntilEveryRunHasFinishedAPass) {
  TimeLeft left({3, 3});
  EXPECT_FALSE(left.seconds().has_value());
  left.finished(0, 10);
  EXPECT_FALSE(left.seconds().has_value());
  left.finished(1, 1);
  ASSERT_TRUE(left.seconds().has_value());
  EXPECT_DOUBLE_EQ(*left.seconds(), 2 * 10 + 2 * 1);
}

TEST(TimeLeft, TakesTheMeanOfEachRun) {
  TimeLeft left({4, 2});
  left.finished(0, 10);
  left.finished(0, 20);
  left.finished(1, 5);
  EXPECT_DOUBLE_EQ(*left.seconds(), 2 * 15 + 1 * 5);
}

TEST(TimeLeft, DoesNotWaitForRunsThatHaveNothingLeft) {
  // Resumed: all passes of the first run are recorded already.
  TimeLeft left({0, 2});
  left.finished(1, 3);
  EXPECT_DOUBLE_EQ(*left.seconds(), 3);
  left.finished(1, 3);
  EXPECT_DOUBLE_EQ(*left.seconds(), 0);
}

}  // namespace
}  // namespace kvreel::engine
