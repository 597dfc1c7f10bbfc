// Where ticks are, and how numbers look.
#include "viewer/model/ticks.h"

#include <gtest/gtest.h>

namespace kvreel::viewer::testing {
namespace {

TEST(Ticks, StepsAreOfOneTwoAndFive) {
  EXPECT_EQ(decimal_ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  const std::vector<double> fine = decimal_ticks(0, 0.01, 3);
  ASSERT_EQ(fine.size(), 3u);
  EXPECT_DOUBLE_EQ(fine[1], 0.005);
  EXPECT_TRUE(decimal_ticks(1, 1, 5).empty());
  EXPECT_TRUE(decimal_ticks(0, 1, 0).empty());
}

TEST(Ticks, TokensHaveStepsOfPowersOfTwo) {
  EXPECT_EQ(binary_ticks(0, 32768, 4), (std::vector<int64_t>{0, 8192, 16384, 24576, 32768}));
  EXPECT_EQ(binary_ticks(5, 8, 4), (std::vector<int64_t>{5, 6, 7, 8}));
  EXPECT_EQ(binary_ticks(100, 300, 4), (std::vector<int64_t>{128, 192, 256}));
}

TEST(Ticks, PowersOfTen) {
  const std::vector<double> ticks = power_ticks(1e-4, 1);
  ASSERT_EQ(ticks.size(), 5u);
  EXPECT_NEAR(ticks.front(), 1e-4, 1e-12);
  EXPECT_DOUBLE_EQ(ticks.back(), 1);
  EXPECT_TRUE(power_ticks(0, 1).empty());
}

TEST(Ticks, NumbersAreGroupedFromFiveDigitsOn) {
  EXPECT_EQ(grouped(1024), "1024");
  EXPECT_EQ(grouped(32768), "32\u2009768");
  EXPECT_EQ(grouped(1234567), "1\u2009234\u2009567");
  EXPECT_EQ(grouped(-12345), "-12\u2009345");
  EXPECT_EQ(ordinal(1), "1st");
  EXPECT_EQ(ordinal(12), "12th");
  EXPECT_EQ(ordinal(22), "22nd");
  EXPECT_EQ(ordinal(113), "113th");
}

TEST(Ticks, SharesArePercentages) {
  EXPECT_EQ(percent_of(0.871), "87.1 %");
  EXPECT_EQ(percent_of(0.01), "1.00 %");
  EXPECT_EQ(percent_of(0.0099999997), "1.00 %");
  EXPECT_EQ(percent_of(0.001234), "0.123 %");
  EXPECT_EQ(percent_of(1), "100.0 %");
  EXPECT_EQ(percent_of(0), "0 %");
  EXPECT_EQ(tick_percent(0.05), "5 %");
  EXPECT_EQ(tick_percent(0.0001), "0.01 %");
}

TEST(Ticks, APercentageCanBeTyped) {
  double share = -1;
  EXPECT_TRUE(parse_percent(" 2.5 % ", share));
  EXPECT_DOUBLE_EQ(share, 0.025);
  EXPECT_TRUE(parse_percent("1", share));
  EXPECT_DOUBLE_EQ(share, 0.01);
  EXPECT_TRUE(parse_percent("0,5", share));
  EXPECT_DOUBLE_EQ(share, 0.005);
  for (const char* bad : {"", "%", "x", "1x", "-1", "nan", "inf", "1 2"}) {
    EXPECT_FALSE(parse_percent(bad, share)) << bad;
  }
}

}  // namespace
}  // namespace kvreel::viewer::testing
