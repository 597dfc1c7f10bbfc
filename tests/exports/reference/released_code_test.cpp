// The released code's rule on rows that can be worked out by hand, and which runs name it.
#include "exports/reference/released_code.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "exports/reference/variants.h"

namespace kvreel::exports::testing {
namespace {

// One recorded row of each head.
LayerRows one_row(const std::vector<std::vector<float>>& heads) {
  LayerRows rows{.heads = static_cast<int64_t>(heads.size()),
                 .rows = 1,
                 .keys = static_cast<int64_t>(heads[0].size())};
  for (const std::vector<float>& head : heads) {
    rows.probabilities.insert(rows.probabilities.end(), head.begin(), head.end());
  }
  return rows;
}

// Candidates 3, 4, 12 behind two sinks: what is left has the norms 13, sqrt(160), 12.
const LayerRows kOneHead = one_row({{5, 84, 3, 4, 12}});

Rule with_sinks(int64_t sinks, double threshold) {
  return {.threshold = threshold, .sinks = sinks};
}

TEST(ReleasedCode, DistancesAreDropsOfTheNormOverTheCandidates) {
  const Outcome outcome = apply_rule(with_sinks(2, 0.01), kOneHead, 2, 1);
  ASSERT_EQ(outcome.distance.size(), 3u);
  EXPECT_EQ(outcome.distance[0], 0);
  EXPECT_NEAR(outcome.distance[1], (13 - std::sqrt(160.0)) / 13, 1e-15);
  EXPECT_NEAR(outcome.distance[2], 1.0 / 13, 1e-15);
  EXPECT_EQ(outcome.order, (std::vector<std::vector<int32_t>>{{2, 3, 4}}));
}

TEST(ReleasedCode, ThePrintedFormulaHasTheSinksInEveryNorm) {
  Rule rule = with_sinks(2, 0.01);
  rule.base_all = true;
  const Outcome outcome = apply_rule(rule, kOneHead, 2, 1);
  const double base = std::sqrt(7250.0);
  EXPECT_NEAR(outcome.distance[1], (base - std::sqrt(7241.0)) / base, 1e-14);
  EXPECT_NEAR(outcome.distance[2], (base - 85) / base, 1e-14);
}

TEST(ReleasedCode, HeadsAreAveragedAfterTheRoot) {
  // Norms 5, 4 and 1, 1: means 3, 2.5.
  const Outcome outcome = apply_rule(with_sinks(1, 0.2), one_row({{9, 3, 4}, {9, 0, 1}}), 2, 1);
  EXPECT_NEAR(outcome.distance[1], 1.0 / 6, 1e-15);
  EXPECT_EQ(outcome.cut, 1);
}

TEST(ReleasedCode, TheLargestCutWithinTheThresholdCounts) {
  for (const auto& [threshold, cut] :
       std::vector<std::pair<double, int64_t>>{{0, 0}, {0.01, 0}, {0.05, 1}, {0.08, 2}, {1, 2}}) {
    EXPECT_EQ(apply_rule(with_sinks(2, threshold), kOneHead, 2, 1).cut, cut) << threshold;
  }
  // The threshold itself still evicts: 3 of (3, 4) leaves 4 of 5.
  EXPECT_EQ(apply_rule(with_sinks(0, 0.2), one_row({{3, 4}}), 2, 1).cut, 1);
  // Of equal distances the last counts, and one candidate stays.
  EXPECT_EQ(apply_rule(with_sinks(0, 0), one_row({{0, 0, 3, 4}}), 2, 1).cut, 2);
  EXPECT_EQ(apply_rule(with_sinks(0, 1), one_row({{1, 0}}), 2, 1).cut, 1);
}

TEST(ReleasedCode, SavedLayersShortPromptsAndRowsWithoutAttentionKeepAll) {
  Rule rule = with_sinks(2, 1);
  rule.saved_layers = {0, 2};
  EXPECT_EQ(apply_rule(rule, kOneHead, 2, 1).cut, 0);
  EXPECT_EQ(apply_rule(rule, kOneHead, 1, 1).cut, 2);
  for (int64_t n = 1; n <= 4; ++n) {
    const Outcome outcome = apply_rule(
        with_sinks(4, 1), one_row({std::vector<float>(static_cast<size_t>(n), 0.25f)}), 2, 1);
    EXPECT_EQ(outcome.cut, 0);
    EXPECT_TRUE(outcome.order[0].empty());
  }
  EXPECT_EQ(apply_rule(with_sinks(1, 1), one_row({{1, 0, 0}}), 2, 1).cut, 0);
}

// Two query heads of one KV head, three rows: the sums of both are 5, 6, 3, the single heads' 1, 5,
// 2 and 4, 1, 1 (a window of one behind them).
LayerRows three_rows() {
  return {
      .heads = 2, .rows = 3, .keys = 4, .probabilities = {1, 1, 0, 9, 0, 2, 1, 0, 0, 2, 1, 0,  //
                                                          2, 0, 1, 9, 1, 1, 0, 0, 1, 0, 0, 0}};
}

TEST(ReleasedCode, TheScriptRanksEachQueryHeadByItsLastRows) {
  Rule rule{.threshold = 0.05, .sinks = 0, .window = 1, .window_shrinks = true};
  rule.by_attention = true;
  rule.score_rows = 3;
  const Outcome heads = apply_rule(rule, three_rows(), 2, 1);
  EXPECT_EQ(heads.order, (std::vector<std::vector<int32_t>>{{0, 2, 1}, {1, 2, 0}}));
  EXPECT_EQ(heads.scores, (std::vector<std::vector<double>>{{1, 2, 5}, {1, 1, 4}}));
  // Last rows 1, 1, 0 and 2, 0, 1: what is left of head 0 has sqrt(2), 1, 1, of head 1 sqrt(5),
  // sqrt(5), 2.
  const double base = std::sqrt(2.0) + std::sqrt(5.0);
  EXPECT_NEAR(heads.distance[1], (base - 1 - std::sqrt(5.0)) / base, 1e-15);
  EXPECT_NEAR(heads.distance[2], (base - 3) / base, 1e-15);
  rule.per_kv_head = true;
  const Outcome shared = apply_rule(rule, three_rows(), 2, 1);
  EXPECT_EQ(shared.order, (std::vector<std::vector<int32_t>>{{2, 0, 1}}));
  EXPECT_EQ(shared.scores, (std::vector<std::vector<double>>{{3, 5, 6}}));
}

TEST(ReleasedCode, TheWindowShrinksWhereThePromptIsNoLongerThanIt) {
  Rule rule{.threshold = 0.05, .sinks = 0, .window = 8, .window_shrinks = true};
  EXPECT_EQ(apply_rule(rule, one_row({std::vector<float>(8, 0.1f)}), 2, 1).order[0].size(), 7u);
  EXPECT_EQ(apply_rule(rule, one_row({std::vector<float>(9, 0.1f)}), 2, 1).order[0].size(), 1u);
  rule.window_shrinks = false;
  EXPECT_TRUE(apply_rule(rule, one_row({std::vector<float>(8, 0.1f)}), 2, 1).order[0].empty());
}

TEST(ReleasedCode, SeveralRowsAreAveragedOverThoseThatSeeAKey) {
  // Rows of positions 2 and 1 of 3: key 2 is seen once.
  const LayerRows rows{
      .heads = 1, .rows = 2, .keys = 3, .probabilities = {0.25f, 0.25f, 0.5f, 0.75f, 0.25f, 0}};
  Rule rule = with_sinks(0, 0.01);
  rule.metric_rows = 2;
  const Outcome outcome = apply_rule(rule, rows, 2, 1);  // 0.5, 0.25, 0.5
  EXPECT_NEAR(outcome.distance[1], 1 - std::sqrt(0.3125 / 0.5625), 1e-15);
  EXPECT_NEAR(outcome.distance[2], 1 - std::sqrt(0.25 / 0.5625), 1e-15);
}

TEST(ReleasedCode, Bf16RoundsToNearestAndHalvesToEven) {
  EXPECT_EQ(to_bf16(1.0f), 1.0f);
  EXPECT_EQ(to_bf16(1.00390625f), 1.0f);       // half way between 1 and 1 + 2^-7
  EXPECT_EQ(to_bf16(1.01171875f), 1.015625f);  // half way between 1 + 2^-7 and 1 + 2^-6
  EXPECT_EQ(to_bf16(1.004f), 1.0078125f);
  EXPECT_EQ(to_bf16(0.0f), 0.0f);
}

RunRule rule_of(const std::string& changes) {
  return read_run_rule("{" + changes + "}");
}

TEST(ReleasedCode, ParametersNameAVariantOrSayWhatIsInTheWay) {
  const std::string script =
      R"("rank": "attention", "sinks": "0", "recent": "8", "score-rows": "8")";
  EXPECT_EQ(rule_of("").variant, "paper");
  EXPECT_EQ(rule_of(R"("rounding": "bf16")").variant, "paper-bf16");
  EXPECT_EQ(rule_of(R"("base": "all")").variant, "paper-printed");
  EXPECT_EQ(rule_of(script + R"(, "rounding": "bf16")").variant, "released-script");
  EXPECT_EQ(rule_of(script).variant, "released-script-fp32");
  const std::pair<std::string, std::string> none[] = {{R"("sinks": "2")", "sinks"},
                                                      {R"("recent": "3")", "newest"},
                                                      {R"("rows": "2")", "causal mask"},
                                                      {R"("rows": "5%")", "causal mask"},
                                                      {R"("rank": "attention")", "no sinks"}};
  for (const auto& [changes, why] : none) {
    EXPECT_EQ(rule_of(changes).variant, "") << changes;
    EXPECT_TRUE(rule_of(changes).is_stated) << changes;
    EXPECT_NE(rule_of(changes).why_not.find(why), std::string::npos) << rule_of(changes).why_not;
  }
  for (const char* changes : {R"("metric": "norm-1")", R"("budget": "50%")",
                              R"("threshold": "-5%")", R"("rows": "2", "rows-mask": "none")"}) {
    EXPECT_FALSE(rule_of(changes).is_stated) << changes;
  }
}

TEST(ReleasedCode, AnOwnVariantTakesTheRunsThresholdAndLayers) {
  const Variant own =
      own_variant(rule_of(R"("threshold": "5%", "keep-layers": "0-2+7", "base": "all")"));
  EXPECT_EQ(own.name, "paper-printed");
  EXPECT_DOUBLE_EQ(own.rule.threshold, 0.05);
  EXPECT_EQ(own.rule.saved_layers, (std::vector<int>{0, 1, 2, 7}));
  EXPECT_TRUE(own.rule.base_all);
  EXPECT_TRUE(own_variant(rule_of(R"("keep-layers": "none")")).rule.saved_layers.empty());
}

TEST(ReleasedCode, ASharedOfRowsIsRoundedAsKvreelDoes) {
  const RunRule rule = rule_of(R"("rows": "5%")");
  EXPECT_EQ(rule.at(10).metric_rows, 1);  // 0.5 to even, and at least one
  EXPECT_EQ(rule.at(30).metric_rows, 2);  // 1.5
  EXPECT_EQ(rule.at(50).metric_rows, 2);  // 2.5
  EXPECT_EQ(rule_of(R"("rows": "8")").at(3).metric_rows, 3);
}

TEST(ReleasedCode, ParametersOfANewerKvreelAreAnError) {
  EXPECT_THROW(read_run_rule("[]"), Error);
  EXPECT_THROW(rule_of(R"("threshold": "much")"), Error);
  EXPECT_THROW(rule_of(R"("sinks": "-1")"), Error);
  EXPECT_THROW(rule_of(R"("keep-layers": "0+x")"), Error);
}

}  // namespace
}  // namespace kvreel::exports::testing
