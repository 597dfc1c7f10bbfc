// How numbers read.
#include "exports/plot/numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace kvreel::plot {
namespace {

using Labels = std::vector<std::string>;

TEST(Numbers, HaveARealMinusAndThinSpacesFromTenThousandOn) {
  EXPECT_EQ(format_fixed(9999, 0), "9999");
  EXPECT_EQ(format_fixed(10000, 0), "10\u2009000");
  EXPECT_EQ(format_fixed(1234567.25, 2), "1\u2009234\u2009567.25");
  EXPECT_EQ(format_fixed(-12345, 0), "\u221212\u2009345");
  EXPECT_EQ(format_fixed(-0.5, 1), "\u22120.5");
}

TEST(Numbers, AreNeverMinusZero) {
  EXPECT_EQ(format_fixed(-0.0, 0), "0");
  EXPECT_EQ(format_fixed(-0.001, 2), "0.00");
}

TEST(Numbers, InShortHaveNoZerosAtTheirEnd) {
  EXPECT_EQ(format_short(0.05), "0.05");
  EXPECT_EQ(format_short(12.345), "12.3");
  EXPECT_EQ(format_short(0.9996), "1");
  EXPECT_EQ(format_short(0), "0");
  EXPECT_EQ(format_short(123456), "123\u2009000");
}

TEST(Numbers, AloneHaveTheirUnit) {
  EXPECT_EQ(format_value(0.05, Format::percent), "5 %");
  EXPECT_EQ(format_value(1536. * 1024, Format::bytes), "1.5 MiB");
  EXPECT_EQ(format_value(12345678, Format::duration), "12.3 ms");
  EXPECT_EQ(format_value(4096, Format::tokens), "4096");
  EXPECT_EQ(format_value(-3, Format::count), "\u22123");
  EXPECT_EQ(format_value(2.5e7, Format::number), "2.5\u00b710^{7}");
}

TEST(Numbers, OfOneAxisHaveTheSameDecimals) {
  EXPECT_EQ(format_alike(std::vector<double>{0, 2.5, 5, 7.5}, {}),
            (Labels{"0.0", "2.5", "5.0", "7.5"}));
  EXPECT_EQ(format_alike(std::vector<double>{-0.001, 0, 0.001}, {}),
            (Labels{"\u22120.001", "0.000", "0.001"}));
  EXPECT_EQ(format_alike(std::vector<double>{0, 0.5e6, 1e6}, unit_of(Format::duration, 1e6)),
            (Labels{"0.0", "0.5", "1.0"}));
  // What floating point makes of 0.1 + 0.2 is 0.3.
  EXPECT_EQ(format_alike(std::vector<double>{0.1, 0.1 + 0.1, 0.1 + 0.2}, {}),
            (Labels{"0.1", "0.2", "0.3"}));
}

TEST(Numbers, OfALogarithmicAxisHaveTheDecimalsTheyNeed) {
  EXPECT_EQ(
      format_each(std::vector<double>{0.001, 0.002, 0.01, 0.1}, unit_of(Format::percent, 0.1)),
      (Labels{"0.1", "0.2", "1", "10"}));
  EXPECT_EQ(format_each(std::vector<double>{1e-5, 1e-3, 1}, {}),
            (Labels{"10^{\u22125}", "10^{\u22123}", "10^{0}"}));
}

TEST(Numbers, HaveOneUnitForAWholeAxis) {
  EXPECT_EQ(unit_of(Format::duration, 1.5e6).text, "ms");
  EXPECT_EQ(unit_of(Format::duration, 999).text, "ns");
  EXPECT_EQ(unit_of(Format::duration, 5e12).text, "s");
  EXPECT_EQ(unit_of(Format::bytes, 1024. * 1024).text, "MiB");
  EXPECT_EQ(unit_of(Format::bytes, 1000).text, "B");
  EXPECT_EQ(unit_of(Format::number, 5e7).text, "10^{7}");
  EXPECT_EQ(unit_of(Format::number, 5e7).size, 1e7);
  EXPECT_EQ(unit_of(Format::number, 2e-5).text, "10^{\u22125}");
  EXPECT_EQ(unit_of(Format::number, 50000).text, "");
}

TEST(Numbers, PutTheirUnitIntoTheLabel) {
  EXPECT_EQ(with_unit("budget", {0.01, "%"}), "budget (%)");
  EXPECT_EQ(with_unit("score (F1)", {0.01, "%"}), "score (F1, %)");
  EXPECT_EQ(with_unit("layer", {}), "layer");
  EXPECT_EQ(with_unit("", {1e6, "ms"}), "ms");
}

}  // namespace
}  // namespace kvreel::plot
