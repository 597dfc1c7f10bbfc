// Where ticks are: published cases, and what holds for any range.
#include "exports/plot/ticks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "exports/plot/example_figures.h"

namespace kvreel::plot {
namespace {

using testing::Dice;
using Ticks = std::vector<double>;

// As the paper has it: every step, ticks around the range too.
Ticks published(double low, double high, int wanted) {
  return linear_ticks(low, high, wanted, {.odd_steps = true, .inside = false, .whole = false});
}

void expect_ticks(const Ticks& ticks, const Ticks& expected) {
  ASSERT_EQ(ticks.size(), expected.size());
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    EXPECT_NEAR(ticks[i], expected[i], 1e-9 * std::max(1., std::abs(expected[i])));
  }
}

TEST(Ticks, AgreeWithThePublishedAlgorithm) {
  // The example in the manual of the R package 'labeling', by the paper's first author.
  expect_ticks(published(8.1, 14.1, 4), {8, 10, 12, 14});
  // Ranges on which steps of a fixed list (Heckbert 1990) give fewer or more labels than wanted.
  expect_ticks(published(98, 99.7, 5), {98, 98.4, 98.8, 99.2, 99.6});
  expect_ticks(published(0, 131072, 5), {0, 25000, 50000, 75000, 100000, 125000});
  expect_ticks(published(-0.0012, 0.0007, 7),
               {-0.0012, -0.0009, -0.0006, -0.0003, 0, 0.0003, 0.0006});
}

TEST(Ticks, WithoutOddStepsAreMultiplesOf1And2And2point5And5) {
  expect_ticks(linear_ticks(98, 99.7, 5), {98, 98.5, 99, 99.5});
  expect_ticks(linear_ticks(8.1, 14.1, 4), {10, 12, 14});
  expect_ticks(linear_ticks(0, 1, 6), {0, 0.2, 0.4, 0.6, 0.8, 1});
  expect_ticks(linear_ticks(-0.0012, 0.0007, 5), {-0.001, -0.0005, 0, 0.0005});
}

TEST(Ticks, OfAnyRangeAscendEvenlyInsideItAndAreNearlyAsManyAsWanted) {
  Dice dice(1);
  for (int trial = 0; trial < 3000; ++trial) {
    const double size = std::pow(10., dice.between(-6, 9));
    const double low = size * dice.between(-1, 1), high = low + size * dice.between(0.05, 1);
    const int wanted = 2 + dice.upto(9);
    const Ticks ticks = linear_ticks(low, high, wanted);
    ASSERT_GE(ticks.size(), 2u) << low << " " << high << " " << wanted;
    ASSERT_LE(ticks.size(), 2u * static_cast<std::size_t>(wanted) + 1) << low << " " << high;
    const double step = ticks[1] - ticks[0];
    for (std::size_t i = 1; i < ticks.size(); ++i) {
      EXPECT_NEAR(ticks[i] - ticks[i - 1], step, 1e-6 * step);
    }
    EXPECT_GE(ticks.front(), low - 1e-6 * step);
    EXPECT_LE(ticks.back(), high + 1e-6 * step);
    // 1, 2, 2.5 or 5 times a power of ten.
    const double digits = step / std::pow(10., std::floor(std::log10(step) + 1e-9));
    EXPECT_TRUE(std::abs(digits - 1) < 1e-6 || std::abs(digits - 2) < 1e-6 ||
                std::abs(digits - 2.5) < 1e-6 || std::abs(digits - 5) < 1e-6)
        << step;
    // Multiples of it.
    EXPECT_NEAR(ticks[0] / step, std::round(ticks[0] / step), 1e-6);
  }
}

TEST(Ticks, OfNoRangeAreNone) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(linear_ticks(1, 1, 5).empty());
  EXPECT_TRUE(linear_ticks(2, 1, 5).empty());
  EXPECT_TRUE(linear_ticks(nan, 1, 5).empty());
  EXPECT_TRUE(linear_ticks(0, std::numeric_limits<double>::infinity(), 5).empty());
  // Narrower than doubles can count.
  EXPECT_TRUE(linear_ticks(1e15, 1e15 + 0.25, 5).empty());
  EXPECT_TRUE(log_ticks(0, 1).empty());
  EXPECT_TRUE(log_ticks(-1, 1).empty());
}

TEST(Ticks, ZeroIsZeroAndNotNearlyZero) {
  for (const int wanted : {3, 5, 7}) {
    const Ticks ticks = linear_ticks(-0.3, 0.9, wanted);
    EXPECT_EQ(std::count(ticks.begin(), ticks.end(), 0.), 1) << wanted;
    for (const double tick : ticks) EXPECT_FALSE(tick == 0 && std::signbit(tick));
  }
}

TEST(Ticks, OfTokensAreMultiplesOfAPowerOfTwo) {
  expect_ticks(binary_ticks(0, 32768, 5), {0, 8192, 16384, 24576, 32768});
  expect_ticks(binary_ticks(100, 700, 4), {256, 512});
  expect_ticks(binary_ticks(0, 3, 8), {0, 1, 2, 3});
  expect_ticks(binary_ticks(-3, 3, 4), {-2, 0, 2});
}

TEST(Ticks, OfALogarithmicAxisAre1And2And5OverTwoDecades) {
  const std::vector<Ticks> choices = log_ticks(0.1, 10);
  ASSERT_FALSE(choices.empty());
  expect_ticks(choices.front(), {0.1, 0.2, 0.5, 1, 2, 5, 10});
  expect_ticks(choices[1], {0.1, 1, 10});
}

TEST(Ticks, OfALongLogarithmicAxisBecomeEverySecondPowerOfTen) {
  const std::vector<Ticks> choices = tick_choices(Format::number, Scale::log, 1, 1e9, 6);
  ASSERT_FALSE(choices.empty());
  expect_ticks(choices.front(), {1, 100, 1e4, 1e6, 1e8});
}

TEST(Ticks, OfALogarithmicAxisWithinADecadeAreThoseOfALinearOne) {
  const std::vector<Ticks> choices = tick_choices(Format::number, Scale::log, 3.1, 4.7, 5);
  ASSERT_FALSE(choices.empty());
  EXPECT_GE(choices.front().size(), 3u);
  for (const double tick : choices.front()) {
    EXPECT_GE(tick, 3.1);
    EXPECT_LE(tick, 4.7);
  }
}

TEST(Ticks, OfTokensOnALogarithmicAxisArePowersOfTwo) {
  const std::vector<Ticks> choices = tick_choices(Format::tokens, Scale::log, 100, 40000, 12);
  ASSERT_FALSE(choices.empty());
  expect_ticks(choices.front(), {128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768});
}

TEST(Ticks, MinorOnesLieBetweenPowersOfTen) {
  expect_ticks(minor_log_ticks(1, 10), {2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_TRUE(minor_log_ticks(1, 1e9).empty());
}

TEST(Ticks, OfBytesAreBinaryInTheirUnit) {
  const double mib = 1024. * 1024;
  const std::vector<Ticks> choices = tick_choices(Format::bytes, Scale::linear, 0, 300 * mib, 6);
  ASSERT_FALSE(choices.empty());
  expect_ticks(choices.front(), {0, 64 * mib, 128 * mib, 192 * mib, 256 * mib});
}

TEST(Ticks, OfCountsAreWholeNumbers) {
  for (const double high : {1., 2., 3., 7., 31., 500.}) {
    for (const Ticks& ticks : tick_choices(Format::count, Scale::linear, -0.5, high, 8)) {
      for (const double tick : ticks) EXPECT_EQ(tick, std::round(tick)) << high;
    }
  }
}

TEST(Ticks, ChoicesBecomeFewerAndStayWithinTheAxis) {
  Dice dice(2);
  constexpr Format kFormats[] = {Format::number,   Format::percent, Format::bytes,
                                 Format::duration, Format::tokens,  Format::count};
  for (int trial = 0; trial < 1200; ++trial) {
    const Format format = kFormats[trial % 6];
    const Scale scale = trial % 12 < 6 ? Scale::linear : Scale::log;
    const double low = std::pow(10., dice.between(-3, 6));
    const double high = low * (1 + std::pow(10., dice.between(-1, 4)));
    const auto choices = tick_choices(format, scale, low, high, 2 + dice.upto(8));
    // Within less than two whole numbers there may be none.
    if (high - low > 4) {
      ASSERT_FALSE(choices.empty()) << low << " " << high;
    }
    for (std::size_t i = 0; i < choices.size(); ++i) {
      if (i > 0) {
        EXPECT_LT(choices[i].size(), choices[i - 1].size());
      }
      EXPECT_TRUE(std::is_sorted(choices[i].begin(), choices[i].end()));
      for (const double tick : choices[i]) {
        EXPECT_GE(tick, low * (1 - 1e-6));
        EXPECT_LE(tick, high * (1 + 1e-6));
      }
    }
  }
}

}  // namespace
}  // namespace kvreel::plot
