// Budgets and kept positions by layer, and lines over steps.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "viewer/model/layer_compare.h"
#include "viewer/model/step_series.h"

namespace kvreel::viewer {
namespace {

Decision decision(int16_t layer, int16_t head, int32_t cached, std::vector<Range> kept) {
  Decision made;
  made.layer = layer;
  made.kv_head = head;
  made.cached = cached;
  for (const Range range : kept) made.kept += range.end - range.begin;
  made.kept_ranges = std::move(kept);
  return made;
}

PassDetail pass(std::vector<Decision> decisions) {
  PassDetail made;
  made.decisions = std::move(decisions);
  return made;
}

TEST(LayerCompare, ABudgetIsOverTheHeadsOfALayerAndOnlyOfPrefill) {
  Decision later = decision(0, -1, 10, {{0, 1}});
  later.step = 1;
  const PassDetail made = pass({decision(0, -1, 10, {{0, 4}, {9, 10}}), later,
                                decision(2, 0, 10, {{0, 10}}), decision(2, 1, 10, {})});
  const auto budgets = budgets_by_layer(made, 4);
  ASSERT_EQ(budgets.size(), 4u);
  EXPECT_DOUBLE_EQ(*budgets[0], 0.5);
  EXPECT_EQ(budgets[1], std::nullopt);
  EXPECT_DOUBLE_EQ(*budgets[2], 0.5);
  EXPECT_EQ(budgets[3], std::nullopt);
}

TEST(LayerCompare, PositionsAreKeptByBothOneOrNone) {
  const PassDetail a = pass({decision(0, -1, 10, {{0, 4}, {8, 10}})});
  const PassDetail b = pass({decision(0, -1, 10, {{2, 9}})});
  const auto overlap = kept_overlap(a, b, 1, 4);
  ASSERT_TRUE(overlap[0]);
  // a: 0 1 2 3 8 9, b: 2 3 4 5 6 7 8
  EXPECT_EQ(*overlap[0], (KeptOverlap{3, 3, 4, 0, false}));
  EXPECT_EQ(overlap[0]->total(), 10);
}

TEST(LayerCompare, ADecisionForTheWholeLayerCountsOnceForEachHead) {
  const PassDetail a = pass({decision(0, -1, 4, {{0, 4}})});
  const PassDetail b = pass({decision(0, 0, 4, {{0, 1}}), decision(0, 1, 4, {{2, 4}})});
  const auto overlap = kept_overlap(a, b, 1, 2);
  ASSERT_TRUE(overlap[0]);
  EXPECT_EQ(*overlap[0], (KeptOverlap{3, 5, 0, 0, true}));
}

TEST(LayerCompare, NothingIsSaidAboutLayersThatCannotBeCompared) {
  const PassDetail a = pass({decision(0, -1, 4, {{0, 4}}), decision(1, -1, 4, {{0, 4}})});
  const PassDetail b = pass({decision(0, -1, 5, {{0, 5}}), decision(2, -1, 4, {{0, 4}})});
  for (const auto& overlap : kept_overlap(a, b, 3, 2)) EXPECT_EQ(overlap, std::nullopt);
}

TEST(LayerCompare, CommonPositionsAgreeWithCountingThem) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Range> sets[2];
    bool in[2][64] = {};
    for (int s = 0; s < 2; ++s) {
      for (int32_t at = static_cast<int32_t>(random() % 4); at < 60;) {
        const auto end = std::min<int32_t>(64, at + 1 + static_cast<int32_t>(random() % 6));
        sets[s].push_back({at, end});
        for (int32_t i = at; i < end; ++i) in[s][i] = true;
        at = end + static_cast<int32_t>(random() % 5);  // ranges may touch
      }
    }
    int64_t counted = 0;
    for (int i = 0; i < 64; ++i) counted += in[0][i] && in[1][i];
    EXPECT_EQ(common_positions(sets[0], sets[1]), counted);
  }
}

TEST(StepSeries, FewValuesStayAsTheyAre) {
  const std::vector<double> values = {3, NAN, 1};
  EXPECT_EQ(reduce_series(values, 10), (std::vector<SeriesPoint>{{0, 3}, {2, 1}}));
  EXPECT_TRUE(reduce_series(values, 0).empty());
}

TEST(StepSeries, EveryColumnKeepsItsFirstLeastLargestAndLast) {
  std::mt19937 random(3);
  std::vector<double> values(1000);
  for (double& value : values) value = static_cast<double>(random() % 1000);
  values[500] = NAN;
  const size_t columns = 37;
  const auto points = reduce_series(values, columns);
  EXPECT_LE(points.size(), 4 * columns);
  size_t at = 0;
  for (size_t column = 0; column < columns; ++column) {
    const size_t begin = column * values.size() / columns;
    const size_t end = (column + 1) * values.size() / columns;
    double least = INFINITY;
    double most = -INFINITY;
    for (size_t i = begin; i < end; ++i) {
      if (std::isnan(values[i])) continue;
      least = std::min(least, values[i]);
      most = std::max(most, values[i]);
    }
    ASSERT_LT(at, points.size());
    EXPECT_EQ(points[at].index, begin);
    double found_least = INFINITY;
    double found_most = -INFINITY;
    for (; at < points.size() && points[at].index < end; ++at) {
      EXPECT_EQ(points[at].value, values[points[at].index]);
      if (at > 0) {
        EXPECT_GT(points[at].index, points[at - 1].index);
      }
      found_least = std::min(found_least, points[at].value);
      found_most = std::max(found_most, points[at].value);
    }
    EXPECT_EQ(points[at - 1].index, end - 1);
    EXPECT_EQ(found_least, least);
    EXPECT_EQ(found_most, most);
  }
  EXPECT_EQ(at, points.size());
}

TEST(StepSeries, LabelsStandApartAndWithinTheirSpace) {
  const std::vector<float> wanted = {50, 52, 10, 99};
  const auto placed = place_labels(wanted, 10, 0, 90);
  EXPECT_EQ(placed[2], 10);
  EXPECT_EQ(placed[0], 50);
  EXPECT_EQ(placed[1], 60);
  EXPECT_EQ(placed[3], 90);
  // Crowded at the end: all move up.
  EXPECT_EQ(place_labels(std::vector<float>{88, 89, 90}, 10, 0, 90),
            (std::vector<float>{70, 80, 90}));
}

}  // namespace
}  // namespace kvreel::viewer
