// Rows that a pass keeps at any threshold, reduced from its curves, against the curves themselves.
#include "viewer/data/threshold_steps.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "viewer/made_pass.h"
#include "viewer/model/what_if.h"

namespace kvreel::viewer::testing {
namespace {

int64_t rows_of(const Budget& budget) {
  int64_t rows = 0;
  for (const LayerBudget& layer : budget.layers) rows += layer.rows;
  return rows;
}

TEST(ThresholdSteps, RowsAreThoseOfEveryCurveAtAnyThreshold) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    const int layers = 1 + static_cast<int>(random() % 6);
    const int heads = 1 + static_cast<int>(random() % 4);
    const auto tokens = static_cast<int32_t>(8 + random() % 60);
    const auto pass = random_pass(tokens, layers, heads, 4, random);
    const CacheShape shape{.layers = layers, .kv_heads = heads};
    for (const CurveBase base : {CurveBase::candidates, CurveBase::all}) {
      const ThresholdSteps steps = threshold_steps(pass->decisions, tokens, layers, heads, base);
      ASSERT_TRUE(steps.known);
      EXPECT_EQ(steps.full_rows, int64_t{tokens} * layers * heads);
      std::vector<double> thresholds = {-1, 0, 1e-4, 0.01, 0.05, 0.5, 1, 2};
      for (const Decision& decision : pass->decisions) {
        for (const float value : *curve_of(decision, base)) {
          // At the stored value, and at the nearest doubles on both sides of it.
          const auto at = static_cast<double>(value);
          thresholds.insert(thresholds.end(),
                            {std::nextafter(at, -1.), at, std::nextafter(at, 2.)});
        }
      }
      for (const double threshold : thresholds) {
        ASSERT_EQ(steps.rows_at(threshold), rows_of(budget_at(*pass, shape, {threshold, base})))
            << threshold;
      }
    }
  }
}

TEST(ThresholdSteps, LayersThatNoThresholdCutsStayWhatTheyWere) {
  const auto pass = made_pass(
      5, {ranked({.reason = 1, .cached = 5, .ranking = {1, 2, 3, 4}, .curve = {0, .1f, .2f, .3f}}),
          ranked({.layer = 1, .reason = 4, .cached = 5, .ranking = {1, 2, 3}, .cut = 2}),
          unranked(2, 5, {{0, 4}})});
  const ThresholdSteps steps = threshold_steps(pass->decisions, 5, 4, 2, CurveBase::candidates);
  EXPECT_TRUE(steps.known);
  for (const double threshold : {0., 0.25, 1.}) {
    EXPECT_EQ(steps.rows_at(threshold), 2 * (5 + 3 + 4 + 5));  // layer 3: no decision, all stay
  }
  EXPECT_EQ(steps.full_rows, 40);
}

TEST(ThresholdSteps, HeadsOfOneCurveGoTogether) {
  // Ranked by KV head under one curve, as rank=attention does.
  Decision first =
      ranked({.kv_head = 0, .cached = 4, .ranking = {0, 1, 2}, .curve = {0, .1f, .2f}});
  Decision second = first;
  second.kv_head = 1;
  const std::vector<Decision> decisions = {first, second};
  const ThresholdSteps steps = threshold_steps(decisions, 4, 1, 2, CurveBase::candidates);
  ASSERT_EQ(steps.groups.size(), 1u);
  EXPECT_EQ(steps.groups[0].rows, 2);
  EXPECT_EQ(steps.groups[0].drops, (std::vector<float>{.1f, .2f}));
  EXPECT_EQ(steps.rows_at(0.15), 6);
}

TEST(ThresholdSteps, ItIsSaidWhereTheTraceDoesNotTell) {
  const RankedSpec cut{.cached = 5, .ranking = {1, 2}, .curve = {0, .1f}, .cut = 1};
  const auto known = [](std::vector<Decision> decisions) {
    return threshold_steps(decisions, 5, 1, 1, CurveBase::candidates).known;
  };
  EXPECT_TRUE(known({ranked(cut)}));
  RankedSpec later = cut;
  later.step = 2;
  EXPECT_FALSE(known({ranked(cut), ranked(later)})) << "its curve depends on the first cut";
  RankedSpec without = cut;
  without.curve.clear();
  EXPECT_FALSE(known({ranked(without)})) << "cut at a threshold, by a curve that was not recorded";
  without.reason = 2;  // too short
  EXPECT_TRUE(known({ranked(without)}));
}

TEST(ThresholdSteps, DamagedCurvesNeitherCrashNorGrowTheCache) {
  const float nan = std::nanf("");
  const auto rows = [](std::vector<float> curve, double threshold) {
    std::vector<int32_t> ranking(curve.size());
    std::iota(ranking.begin(), ranking.end(), 0);
    const std::vector<Decision> decisions = {
        ranked({.cached = 9, .ranking = std::move(ranking), .curve = std::move(curve)})};
    return threshold_steps(decisions, 9, 1, 1, CurveBase::candidates).rows_at(threshold);
  };
  EXPECT_EQ(rows({nan, nan, nan}, 1), 9);
  EXPECT_EQ(rows({0, .1f, nan, .2f}, 1), 8);
  EXPECT_EQ(rows({0, .3f, .1f, .4f}, .2), 9);  // the largest so far counts
  EXPECT_EQ(rows({0, .3f, .1f, .4f}, .3f), 7);
}

TEST(ThresholdSteps, FourBytesACandidateAndLayer) {
  std::mt19937 random(3);
  const auto pass = random_pass(1000, 8, 1, 4, random);
  const ThresholdSteps steps = threshold_steps(pass->decisions, 1000, 8, 1, CurveBase::candidates);
  EXPECT_LT(steps.bytes(), 8 * 996 * 4 + 500u);
}

}  // namespace
}  // namespace kvreel::viewer::testing
