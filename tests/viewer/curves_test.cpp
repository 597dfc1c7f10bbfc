// Lines of long curves against brute force.
#include "viewer/model/curves.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace kvreel::viewer::testing {
namespace {

std::shared_ptr<const std::vector<float>> random_curve(size_t size) {
  std::mt19937 random(9);
  std::vector<float> values(size);
  for (float& value : values) value = static_cast<float>(random() % 10007) / 10007;
  return std::make_shared<const std::vector<float>>(std::move(values));
}

TEST(Curves, ExtremesAgreeWithBruteForce) {
  const auto curve = random_curve(1000);
  const CurvePyramid pyramid(curve);
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    const size_t begin = random() % 1000;
    const size_t end = begin + 1 + random() % (1000 - begin);
    const auto [least, most] = std::minmax_element(curve->begin() + static_cast<long>(begin),
                                                   curve->begin() + static_cast<long>(end));
    const CurvePyramid::Extremes extremes = pyramid.extremes(begin, end);
    EXPECT_EQ(extremes.least, *least);
    EXPECT_EQ(extremes.most, *most);
  }
}

TEST(Curves, AShortCurveIsDrawnPointByPoint) {
  const CurvePyramid pyramid(
      std::make_shared<const std::vector<float>>(std::vector<float>{0, 0.25f, 0.5f}));
  EXPECT_EQ(pyramid.line(0, 2, 100), (std::vector<CurvePoint>{{0, 0}, {1, 0.25}, {2, 0.5}}));
}

TEST(Curves, ALongCurveKeepsItsEndsAndItsExtremes) {
  const auto curve = random_curve(100000);
  const CurvePyramid pyramid(curve);
  const std::vector<CurvePoint> line = pyramid.line(0, 99999, 200);
  EXPECT_LE(line.size(), 800u);
  EXPECT_TRUE(std::is_sorted(line.begin(), line.end(),
                             [](const CurvePoint& a, const CurvePoint& b) { return a.x < b.x; }));
  EXPECT_EQ(line.front().x, 0);
  EXPECT_EQ(line.back().x, 99999);
  EXPECT_EQ(line.back().y, static_cast<double>(curve->back()));
  const auto by_y = [](const CurvePoint& a, const CurvePoint& b) { return a.y < b.y; };
  EXPECT_EQ(std::max_element(line.begin(), line.end(), by_y)->y,
            static_cast<double>(*std::max_element(curve->begin(), curve->end())));
  EXPECT_EQ(std::min_element(line.begin(), line.end(), by_y)->y,
            static_cast<double>(*std::min_element(curve->begin(), curve->end())));
}

TEST(Curves, NanValuesAndEmptyCurvesAreNoPoints) {
  const CurvePyramid empty(std::make_shared<const std::vector<float>>());
  EXPECT_TRUE(empty.line(0, 10, 10).empty());
  std::vector<float> values(100, 1.f);
  values[3] = std::nanf("");
  const CurvePyramid pyramid(std::make_shared<const std::vector<float>>(values));
  EXPECT_EQ(pyramid.extremes(0, 100).least, 1);
}

}  // namespace
}  // namespace kvreel::viewer::testing
