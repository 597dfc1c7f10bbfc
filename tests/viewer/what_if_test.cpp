// Cuts and budgets at other thresholds, by hand and against recorded cuts.
#include "viewer/model/what_if.h"

#include <gtest/gtest.h>

#include "viewer/made_pass.h"

namespace kvreel::viewer::testing {
namespace {

TEST(WhatIf, TheCutIsTheLargestIndexWhoseDropIsAtMostTheThreshold) {
  const std::vector<float> curve = {0.f, 0.01f, 0.01f, 0.3f};
  EXPECT_EQ(cut_at(curve, -1), 0);
  EXPECT_EQ(cut_at(curve, 0), 0);
  EXPECT_EQ(cut_at(curve, 0.02), 2);
  EXPECT_EQ(cut_at(curve, 1), 3);
  EXPECT_EQ(cut_at({}, 1), 0);
  const std::vector<float> unknown = {std::nanf(""), 0.1f};
  EXPECT_EQ(cut_at(unknown, 1), 0);
}

TEST(WhatIf, CurvesAreComparedAsTheFp32ValuesThatAreStored) {
  // 0.01f is a little less than 0.01, 0.05f a little more than 0.05.
  const std::vector<float> curve = {0.f, 0.01f, 0.05f};
  EXPECT_EQ(cut_at(curve, 0.01), 1);
  EXPECT_EQ(cut_at(curve, 0.05), 1);
  EXPECT_EQ(cut_at(curve, static_cast<double>(0.05f)), 2);
}

TEST(WhatIf, OnlyDecisionsByThresholdMove) {
  Decision moved =
      ranked({.cached = 5, .ranking = {1, 2, 3, 4}, .curve = {0, .1f, .2f, .3f}, .cut = 1});
  EXPECT_EQ(cut_of(moved, {}), 1);
  EXPECT_EQ(cut_of(moved, {0.25, CurveBase::candidates}), 2);
  EXPECT_EQ(cut_of(moved, {0.25, CurveBase::all}), 3);  // its values are half as large
  moved.reason = 1;                                     // an exempt layer stays whole
  EXPECT_EQ(cut_of(moved, {0.25, CurveBase::candidates}), 1);
  const Decision fixed = ranked({.reason = 4, .cached = 5, .ranking = {1, 2, 3}, .cut = 2});
  EXPECT_EQ(cut_of(fixed, {1.0, CurveBase::candidates}), 2);
}

TEST(WhatIf, ARecordedCutBeyondTheRankingIsHeldToIt) {
  Decision damaged = ranked({.cached = 5, .ranking = {1, 2, 3}, .cut = 1});
  damaged.cut = 1000;
  EXPECT_EQ(cut_of(damaged, {}), 3);
  damaged.cut = -7;
  EXPECT_EQ(cut_of(damaged, {}), 0);
}

TEST(WhatIf, TheBaseIsTheRunsParameter) {
  RunInfo run;
  EXPECT_EQ(curve_base(run), CurveBase::candidates);
  run.parameters["base"] = "all";
  EXPECT_EQ(curve_base(run), CurveBase::all);
}

TEST(WhatIf, ARunWithoutCurvesOrWithLaterDecisionsSaysWhyItsThresholdStays) {
  const auto fixed = made_pass(5, {ranked({.reason = 4, .cached = 5, .ranking = {1}, .cut = 1})});
  EXPECT_NE(what_if_obstacle(*fixed, CurveBase::candidates), "");
  EXPECT_FALSE(applicable(*fixed, {0.5, CurveBase::candidates}).threshold);
  const RankedSpec spec{.cached = 5, .ranking = {1, 2}, .curve = {0, .1f}, .cut = 1};
  const auto prefill = made_pass(5, {ranked(spec)});
  EXPECT_EQ(what_if_obstacle(*prefill, CurveBase::candidates), "");
  EXPECT_EQ(recorded_threshold(*prefill, CurveBase::candidates), 0.01);
  RankedSpec later = spec;
  later.step = 3;
  const auto decoding = made_pass(5, {ranked(spec), ranked(later)});
  EXPECT_NE(what_if_obstacle(*decoding, CurveBase::candidates), "");
}

TEST(WhatIf, BudgetAndBytesAreCountedByRowsAndPages) {
  // Layer 0 exempt; layer 1 keeps 3 of 5 at the recorded threshold and 2 of 5 at 20 %.
  const auto pass = made_pass(
      5, {ranked({.reason = 1, .cached = 5, .ranking = {1, 2, 3, 4}, .curve = {0, .5f, .6f, .7f}}),
          ranked({.layer = 1,
                  .cached = 5,
                  .ranking = {1, 2, 3, 4},
                  .curve = {0, .005f, .01f, .15f},
                  .cut = 2})});
  const CacheShape shape{.layers = 2, .kv_heads = 3, .page_rows = 4, .head_dim = 8, .kv_bytes = 2};
  const Budget recorded = budget_at(*pass, shape, {});
  ASSERT_EQ(recorded.layers.size(), 2u);
  EXPECT_EQ(recorded.layers[0].share(), 1);
  EXPECT_EQ(recorded.layers[1].rows, 9);
  EXPECT_DOUBLE_EQ(recorded.mean, 0.8);
  EXPECT_EQ(recorded.asked, (15u + 9u) * 2 * 8 * 2);
  EXPECT_EQ(recorded.held, (3u * 2 + 3u * 1) * 4 * 2 * 8 * 2);
  EXPECT_EQ(recorded.full_asked, 30u * 2 * 8 * 2);
  EXPECT_EQ(recorded.evicted_rows, 6);
  const Budget wider = budget_at(*pass, shape, {0.2, CurveBase::candidates});
  EXPECT_EQ(wider.layers[0].rows, 15);
  EXPECT_EQ(wider.layers[1].rows, 6);
  const Budget unknown = budget_at(*pass, {.layers = 2, .kv_heads = 3}, {});
  EXPECT_FALSE(unknown.asked || unknown.held);
}

TEST(WhatIf, HeadsThatAreCutApartAreCountedApart) {
  const auto pass = made_pass(
      4, {ranked({.kv_head = 0, .cached = 4, .ranking = {0, 1}, .curve = {0, .1f}, .cut = 1}),
          ranked({.kv_head = 1, .cached = 4, .ranking = {2, 3}, .curve = {0, .1f}, .cut = 0})});
  const Budget budget = budget_at(
      *pass, {.layers = 1, .kv_heads = 2, .page_rows = 1, .head_dim = 1, .kv_bytes = 1}, {});
  EXPECT_EQ(budget.layers[0].rows, 7);
  EXPECT_EQ(budget.held, 14u);
}

}  // namespace
}  // namespace kvreel::viewer::testing
