// Views that glide: where they are in between, and that they end where they are wanted.
#include "viewer/model/glide.h"

#include <gtest/gtest.h>

#include <cmath>

namespace kvreel::viewer::testing {
namespace {

TEST(Glide, TheFirstRangeAndThoseWithoutMotionAreThereAtOnce) {
  Glide glide;
  EXPECT_EQ(glide.at({0, 100}, 5, true), (TimeRange{0, 100}));
  EXPECT_FALSE(glide.moving());
  EXPECT_EQ(glide.at({20, 40}, 6, false), (TimeRange{20, 40}));
  EXPECT_FALSE(glide.moving());
}

TEST(Glide, GoesToItsTargetAndEndsThereExactly) {
  Glide glide;
  glide.at({0, 1000}, 0, true);
  const TimeRange target{400.1, 433.3};
  TimeRange last = glide.at(target, 1, true);
  EXPECT_EQ(last, (TimeRange{0, 1000})) << "it begins from where it was";
  EXPECT_TRUE(glide.moving());
  for (double t = 0.01; t < Glide::kSeconds; t += 0.01) {
    const TimeRange now = glide.at(target, 1 + t, true);
    EXPECT_GT(now.begin, last.begin);
    EXPECT_LT(now.end, last.end);
    EXPECT_TRUE(glide.moving());
    last = now;
  }
  EXPECT_EQ(glide.at(target, 1.001 + Glide::kSeconds, true), target);
  EXPECT_FALSE(glide.moving());
}

TEST(Glide, ThePointThatAZoomIsAboutStaysWhereItIs) {
  for (const double across : {0., 0.3, 1.}) {
    for (const double factor : {0.01, 0.8, 1.25, 50.}) {
      Glide glide;
      const TimeRange from{100, 300};
      const double fixed = from.begin + across * from.length();
      const double length = from.length() * factor;
      const TimeRange target{fixed - across * length, fixed + (1 - across) * length};
      glide.at(from, 0, true);
      glide.at(target, 0, true);
      for (double t = 0; t < 0.2; t += 0.03) {
        const TimeRange now = glide.at(target, t, true);
        EXPECT_NEAR(now.begin + across * now.length(), fixed, 1e-9 * length + 1e-9);
      }
    }
  }
}

TEST(Glide, ANewTargetIsReachedFromWhatIsDrawn) {
  Glide glide;
  glide.at({0, 1000}, 0, true);
  glide.at({0, 500}, 0, true);
  const TimeRange between = glide.at({0, 500}, 0.05, true);
  EXPECT_EQ(glide.at({0, 250}, 0.05, true), between);
  EXPECT_TRUE(glide.moving());
  EXPECT_LT(glide.at({0, 250}, 0.1, true).end, between.end);
  // Input that follows the pointer ends it.
  EXPECT_EQ(glide.at({10, 260}, 0.11, false), (TimeRange{10, 260}));
  EXPECT_FALSE(glide.moving());
  EXPECT_EQ(glide.at({10, 260}, 0.12, true), (TimeRange{10, 260}));
}

TEST(Glide, OfAShiftBothEndsMoveAlike) {
  Glide glide;
  glide.at({0, 10}, 0, true);
  glide.at({90, 100}, 0, true);
  const TimeRange now = glide.at({90, 100}, 0.06, true);
  EXPECT_NEAR(now.length(), 10, 1e-9);
  EXPECT_GT(now.begin, 0);
  EXPECT_LT(now.begin, 90);
}

}  // namespace
}  // namespace kvreel::viewer::testing
