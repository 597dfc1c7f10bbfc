// Medians, spreads and confidence intervals against hand-computed and published values.
#include "exports/tables/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace kvreel::exports {
namespace {

// Values below are exact up to the rounding of a few operations.
constexpr double kRounding = 1e-12;

TEST(Quantile, InterpolatesBetweenOrderStatistics) {
  const std::vector<double> values = {10, 11, 12, 13, 14};
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 12);
  EXPECT_NEAR(quantile(values, 0.1), 10.4, kRounding);  // place 0.4
  EXPECT_NEAR(quantile(values, 0.9), 13.6, kRounding);  // place 3.6
  EXPECT_DOUBLE_EQ(quantile(values, 0), 10);
  EXPECT_DOUBLE_EQ(quantile(values, 1), 14);
  EXPECT_DOUBLE_EQ(quantile(std::vector<double>{3}, 0.9), 3);
  EXPECT_DOUBLE_EQ(quantile(std::vector<double>{1, 2}, 0.5), 1.5);
}

TEST(Spread, OfValuesInAnyOrder) {
  // Squared deviations from 5 sum to 32; 32 / 7.
  const auto spread = spread_of({9, 4, 4, 2, 5, 4, 7, 5});
  ASSERT_TRUE(spread);
  EXPECT_EQ(spread->n, 8);
  EXPECT_DOUBLE_EQ(spread->mean, 5);
  EXPECT_NEAR(spread->sd, std::sqrt(32.0 / 7), kRounding);
  EXPECT_DOUBLE_EQ(spread->median, 4.5);
  EXPECT_DOUBLE_EQ(spread->least, 2);
  EXPECT_DOUBLE_EQ(spread->most, 9);
}

TEST(Spread, OfOneValueHasNoDeviation) {
  const auto spread = spread_of({7});
  ASSERT_TRUE(spread);
  EXPECT_TRUE(std::isnan(spread->sd));
  EXPECT_DOUBLE_EQ(spread->p90, 7);
}

TEST(Spread, OfNothingIsNothing) {
  EXPECT_FALSE(spread_of({}));
  EXPECT_FALSE(spread_of({std::nan("")}));
}

TEST(Spread, LeavesNaNOut) {
  const auto spread = spread_of({std::nan(""), 3, std::nan(""), 1});
  ASSERT_TRUE(spread);
  EXPECT_EQ(spread->n, 2);
  EXPECT_DOUBLE_EQ(spread->mean, 2);
}

// R. G. Newcombe, "Two-sided confidence intervals for the single proportion: comparison of seven
// methods", Statistics in Medicine 17 (1998), Table I, method 3, printed to four decimals.
TEST(Wilson, AgreesWithNewcombesTable) {
  struct Case {
    int64_t hits, n;
    double low, high;
  };
  for (const Case& known : {Case{81, 263, 0.2553, 0.3662}, Case{15, 148, 0.0624, 0.1605},
                            Case{0, 20, 0.0, 0.1611}, Case{1, 29, 0.0061, 0.1718}}) {
    const auto interval = proportion_of(known.hits, known.n);
    ASSERT_TRUE(interval);
    EXPECT_NEAR(interval->low, known.low, 0.00005 + kRounding) << known.hits << "/" << known.n;
    EXPECT_NEAR(interval->high, known.high, 0.00005 + kRounding) << known.hits << "/" << known.n;
  }
}

TEST(Wilson, StaysWithinZeroAndOne) {
  EXPECT_DOUBLE_EQ(proportion_of(0, 5)->low, 0);
  EXPECT_DOUBLE_EQ(proportion_of(5, 5)->high, 1);
  EXPECT_DOUBLE_EQ(proportion_of(1, 4)->share(), 0.25);
  EXPECT_FALSE(proportion_of(0, 0));
}

// M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions, table 26.10, column A = 0.95,
// printed to three decimals.
TEST(Student, AgreesWithThePrintedTable) {
  struct Case {
    int64_t degrees;
    double t;
  };
  for (const Case& known : {Case{1, 12.706}, Case{2, 4.303}, Case{3, 3.182}, Case{4, 2.776},
                            Case{5, 2.571}, Case{9, 2.262}, Case{10, 2.228}, Case{29, 2.045},
                            Case{30, 2.042}, Case{60, 2.000}, Case{120, 1.980}}) {
    EXPECT_NEAR(student_t_975(known.degrees), known.t, 0.0005 + kRounding) << known.degrees;
  }
}

TEST(Student, FallsToTheNormalQuantileWithoutAJump) {
  // Where the expansion takes over; both are within 1e-9 of the truth, which falls by 5e-7.
  EXPECT_NEAR(student_t_975(2000) - student_t_975(2001), 5.9e-7, 2e-8);
  EXPECT_NEAR(student_t_975(1'000'000'000), 1.959963984540054, 1e-8);
  for (int64_t n = 1; n < 2100; ++n) EXPECT_GT(student_t_975(n), student_t_975(n + 1)) << n;
}

TEST(Student, IntervalsOfAMeanNeedTwoValues) {
  EXPECT_FALSE(mean_interval_of(*spread_of({3})));
  // Mean 2, sd sqrt(2), n = 2: half the width is 12.7062 * sqrt(2) / sqrt(2).
  const auto interval = mean_interval_of(*spread_of({1, 3}));
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->low, 2 - 12.7062047, 1e-6);
  EXPECT_NEAR(interval->high, 2 + 12.7062047, 1e-6);
}

}  // namespace
}  // namespace kvreel::exports
