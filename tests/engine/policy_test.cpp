// Policies: specs as people write them, and cuts computed by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/policy/norm_curve.h"
#include "engine/policy/registry.h"
#include "engine/support.h"

namespace kvreel::engine {
namespace {

using testing::contains;
using testing::error_of;

// A cache that holds positions 0 .. n-1 in every head of `layers` layers, without data.
class Positions {
 public:
  Positions(int64_t n, int kv_heads = 1, int layers = 4)
      : cache_({.layers = layers, .kv_heads = kv_heads, .page = {.page_rows = 16, .head_dim = 2}},
               memory_) {
    for (int layer = 0; layer < layers; ++layer) cache_.extend(layer, 0, n);
  }
  const KvCache& cache() const { return cache_; }

 private:
  struct Memory final : KvMemory {
    void* allocate(size_t bytes) override { return std::malloc(bytes); }
    void release(void* page, size_t) override { std::free(page); }
    void compact(const kernels::PageLayout&, std::span<void* const>,
                 std::span<const int64_t>) override {}
    void read(const kernels::PageLayout&, std::span<void* const>, int64_t, int64_t, float*,
              float*) override {}
  };
  Memory memory_;
  KvCache cache_;
};

// Statistics of given attention rows: rows[head][r][key].
AttentionStatistics statistics_of(const std::vector<std::vector<std::vector<float>>>& rows) {
  AttentionStatistics statistics;
  statistics.q_heads = static_cast<int64_t>(rows.size());
  statistics.last_rows = static_cast<int64_t>(rows[0].size());
  statistics.keys = static_cast<int64_t>(rows[0][0].size());
  statistics.queries = statistics.keys;
  for (const auto& head : rows) {
    for (const auto& row : head) {
      statistics.probabilities.insert(statistics.probabilities.end(), row.begin(), row.end());
    }
  }
  return statistics;
}

Decision decide(const std::string& spec, const std::vector<std::vector<float>>& last_rows,
                int layer = 2) {
  std::vector<std::vector<std::vector<float>>> rows;
  for (const auto& row : last_rows) rows.push_back({row});
  const Positions positions(static_cast<int64_t>(last_rows[0].size()));
  const auto policy = make_policy(parse_policy_specs(spec).at(0));
  const DecisionPoint point{.step = 0,
                            .layer = layer,
                            .layers = 4,
                            .prompt_tokens = static_cast<int64_t>(last_rows[0].size())};
  const AttentionStatistics statistics = statistics_of(rows);
  return policy
      ->decide({.point = point, .config = {}, .cache = positions.cache(), .statistics = statistics})
      .at(0);
}

// Candidates 3, 4 and 12 of the 3-4-12-13 quadruple: norms are 13 (all), sqrt(4^2 + 12^2) = 12.649,
// and 12.
const std::vector<float> kQuadruple = {0.5f, 0.5f, 0.5f, 0.5f, 3, 4, 12};

TEST(ReFreeKv, ComputesTheCurveByHand) {
  const Decision decision = decide("refreekv", {kQuadruple});
  ASSERT_EQ(decision.curve->distance.size(), 3u);
  EXPECT_NEAR(decision.curve->base_norm, 13, 1e-6);
  EXPECT_FLOAT_EQ(decision.curve->distance[0], 0);
  EXPECT_NEAR(decision.curve->distance[1], 1 - std::sqrt(160.0) / 13, 1e-7);
  EXPECT_NEAR(decision.curve->distance[2], 1 - 12.0 / 13, 1e-7);
  // The base over all positions adds 4 * 0.25 under every root: 170, 161 and 145 of 170.
  EXPECT_NEAR(decision.curve->base_norm_all, std::sqrt(170.0), 1e-6);
  EXPECT_NEAR(decision.curve->distance_all[1], 1 - std::sqrt(161.0 / 170), 1e-7);
  EXPECT_NEAR(decision.curve->distance_all[2], 1 - std::sqrt(145.0 / 170), 1e-7);
}

TEST(ReFreeKv, EvictsWhileTheDropIsWithinTheThreshold) {
  // Distances are 0, 0.02699 and 0.07692.
  EXPECT_EQ(decide("refreekv:threshold=1%", {kQuadruple}).cut, 0);
  EXPECT_EQ(decide("refreekv:threshold=2.7%", {kQuadruple}).cut, 1);
  EXPECT_EQ(decide("refreekv:threshold=5%", {kQuadruple}).cut, 1);
  const Decision decision = decide("refreekv:threshold=0.08", {kQuadruple});
  EXPECT_EQ(decision.cut, 2);
  EXPECT_EQ(decision.halt_position, 6);
  EXPECT_EQ(decision.kept, KeptSet::of({0, 1, 2, 3, 6}));
  EXPECT_EQ(*decision.ranking, (std::vector<int32_t>{4, 5, 6}));
  EXPECT_EQ(decision.reason, Reason::threshold);
}

TEST(ReFreeKv, TakesTheMeanOverHeadsAfterTheRoot) {
  // Head norms 13 and 5 (3, 4, 0); mean 9. Without the first candidate: (12.649 + 4) / 2.
  const std::vector<float> second = {0, 0, 0, 0, 3, 4, 0};
  const Decision decision = decide("refreekv", {kQuadruple, second});
  EXPECT_NEAR(decision.curve->base_norm, 9, 1e-6);
  EXPECT_NEAR(decision.curve->distance[1], 1 - (std::sqrt(160.0) + 4) / 18, 1e-7);
  EXPECT_NEAR(decision.curve->distance[2], 1 - (12.0 + 0) / 18, 1e-7);
}

TEST(ReFreeKv, AtATieEvictsAll) {
  // Two candidates without attention: the distance stays 0, and the largest admissible index
  // counts.
  const Decision decision = decide("refreekv:threshold=0%", {{0.1f, 0.1f, 0.1f, 0.1f, 0, 0, 0.6f}});
  EXPECT_EQ(decision.cut, 2);
  EXPECT_EQ(decision.kept, KeptSet::of({0, 1, 2, 3, 6}));
}

TEST(ReFreeKv, WithThresholdZeroEvictsNothingThatIsAttendedTo) {
  EXPECT_EQ(decide("refreekv:threshold=0", {kQuadruple}).cut, 0);
}

TEST(ReFreeKv, WithThresholdOneKeepsTheLastCandidate) {
  const Decision decision = decide("refreekv:threshold=100%", {kQuadruple});
  EXPECT_EQ(decision.kept, KeptSet::of({0, 1, 2, 3, 6}));
}

TEST(ReFreeKv, LeavesShortPromptsWhole) {
  for (const size_t n : {1u, 3u, 4u}) {
    const Decision decision = decide("refreekv:threshold=100%", {std::vector<float>(n, 0.25f)});
    EXPECT_EQ(decision.reason, Reason::too_short);
    EXPECT_EQ(decision.kept.count(), static_cast<int64_t>(n));
    EXPECT_EQ(decision.curve, nullptr);
    EXPECT_EQ(decision.halt_position, -1);
  }
}

TEST(ReFreeKv, KeepsAnOnlyCandidate) {
  const Decision decision = decide("refreekv:threshold=100%", {std::vector<float>(5, 0.2f)});
  EXPECT_EQ(decision.reason, Reason::threshold);
  EXPECT_EQ(decision.cut, 0);
  EXPECT_EQ(decision.kept.count(), 5);
}

TEST(ReFreeKv, MeasuresExemptLayersWithoutCuttingThem) {
  const Decision decision = decide("refreekv:threshold=50%", {kQuadruple}, 1);
  EXPECT_EQ(decision.reason, Reason::exempt_layer);
  EXPECT_EQ(decision.kept.count(), 7);
  EXPECT_EQ(decision.cut, 0);
  EXPECT_EQ(decision.curve->distance.size(), 3u);
  EXPECT_EQ(decide("refreekv:threshold=50%,keep-layers=none", {kQuadruple}, 1).cut, 2);
}

TEST(ReFreeKv, UsesTheBaseThatItIsTold) {
  // A sink that holds nearly everything: over all positions the rest is worth less than 1 %.
  const std::vector<float> sink = {0.9f, 0, 0, 0, 0.04f, 0.03f, 0.03f};
  EXPECT_EQ(decide("refreekv", {sink}).cut, 0);
  EXPECT_EQ(decide("refreekv:base=all", {sink}).cut, 2);
}

TEST(ReFreeKv, EvictsNothingFromARowOfZeros) {
  // 0 / 0: the released code compares with NaN, finds no admissible index and keeps all.
  const Decision decision = decide("refreekv:threshold=100%", {std::vector<float>(8, 0.0f)});
  EXPECT_EQ(decision.cut, 0);
  EXPECT_EQ(decision.kept.count(), 8);
  for (const float distance : decision.curve->distance) EXPECT_TRUE(std::isnan(distance));
}

TEST(ReFreeKv, RanksByAttentionInEachKvHead) {
  const std::vector<std::vector<std::vector<float>>> rows = {{{0, 0, 0, 0, 3, 1, 2}},
                                                             {{0, 0, 0, 0, 1, 2, 3}}};
  const Positions positions(7, 2);
  const auto policy = make_policy(parse_policy_specs("refreekv:rank=attention,threshold=5%").at(0));
  const DecisionPoint point{.layer = 2, .layers = 4, .prompt_tokens = 7};
  const AttentionStatistics statistics = statistics_of(rows);
  const auto decisions = policy->decide(
      {.point = point, .config = {}, .cache = positions.cache(), .statistics = statistics});
  ASSERT_EQ(decisions.size(), 2u);
  EXPECT_EQ(*decisions[0].ranking, (std::vector<int32_t>{5, 6, 4}));
  EXPECT_EQ(*decisions[1].ranking, (std::vector<int32_t>{4, 5, 6}));
  // Without the weakest, both norms fall from sqrt(14) to sqrt(13): 3.6 %; without the next to
  // 3: 19.8 %.
  EXPECT_EQ(decisions[0].cut, 1);
  EXPECT_EQ(decisions[0].kept, KeptSet::of({0, 1, 2, 3, 4, 6}));
  EXPECT_EQ(decisions[1].kept, KeptSet::of({0, 1, 2, 3, 5, 6}));
  EXPECT_EQ(decisions[0].curve, decisions[1].curve);
}

TEST(ReFreeKv, PresetOfTheReleasedScriptSetsItsFlags) {
  const auto policy = make_policy(parse_policy_specs("refreekv:preset=released-script").at(0));
  std::map<std::string, std::string> parameters;
  for (const auto& [key, value] : policy->parameters()) parameters[key] = value;
  EXPECT_EQ(parameters["threshold"], "5%");
  EXPECT_EQ(parameters["rank"], "attention");
  EXPECT_EQ(parameters["score-rows"], "8");
  EXPECT_EQ(parameters["recent"], "8");
  EXPECT_EQ(parameters["sinks"], "0");
  EXPECT_EQ(parameters["keep-layers"], "none");
  EXPECT_EQ(parameters["rounding"], "bf16");
  EXPECT_EQ(policy->needs({.prompt_tokens = 100}).last_rows, 8);
}

TEST(ReduceLastRows, AveragesOverTheRowsThatSeeAKey) {
  // Rows of positions 2 and 3: the first does not see key 3.
  const AttentionStatistics statistics =
      statistics_of({{{0.5f, 0.25f, 0.25f, 0}, {0.1f, 0.2f, 0.3f, 0.4f}}});
  const std::vector<float> reduced = reduce_last_rows(statistics, 2);
  EXPECT_FLOAT_EQ(reduced[0], 0.3f);
  EXPECT_FLOAT_EQ(reduced[1], 0.225f);
  EXPECT_FLOAT_EQ(reduced[2], 0.275f);
  EXPECT_FLOAT_EQ(reduced[3], 0.4f);
  EXPECT_EQ(reduce_last_rows(statistics, 1), (std::vector<float>{0.1f, 0.2f, 0.3f, 0.4f}));
}

TEST(RoundToBf16, RoundsToNearestEven) {
  std::vector<float> values = {1.0f, 1.00390625f, 1.01171875f, 0.3f};
  round_to_bf16(values);
  EXPECT_EQ(values[1], 1.0f);       // halfway, down to even
  EXPECT_EQ(values[2], 1.015625f);  // halfway, up to even
  EXPECT_EQ(values[3], 0.30078125f);
}

TEST(StreamingLlm, KeepsSinksAndTheNewest) {
  const std::vector<float> row(20, 0.05f);
  EXPECT_EQ(decide("streaming-llm:budget=50%", {row}).kept,
            KeptSet::of({0, 1, 2, 3, 14, 15, 16, 17, 18, 19}));
  EXPECT_EQ(decide("streaming-llm:budget=6", {row}).kept, KeptSet::of({0, 1, 2, 3, 18, 19}));
  EXPECT_EQ(decide("streaming-llm:budget=100%", {row}).kept.count(), 20);
  EXPECT_EQ(decide("streaming-llm:budget=50%,keep-layers=2", {row}).reason, Reason::exempt_layer);
}

TEST(StreamingLlm, RoundsTheBudgetToEvenAndKeepsAtLeastTheNewest) {
  EXPECT_EQ(decide("streaming-llm:budget=50%", {std::vector<float>(13, 0.1f)}).kept.count(),
            6);  // 6.5
  EXPECT_EQ(decide("streaming-llm:budget=1%", {std::vector<float>(13, 0.1f)}).kept,
            KeptSet::of({12}));
  EXPECT_EQ(decide("streaming-llm:budget=3", {std::vector<float>(13, 0.1f)}).kept.count(), 3);
}

TEST(PolicySpecs, ListsStandForEveryCombination) {
  const auto specs = parse_policy_specs("refreekv:threshold=1%,5%,sinks=4,8");
  std::vector<std::string> texts;
  for (const PolicySpec& spec : specs) texts.push_back(spec.text);
  EXPECT_EQ(texts, (std::vector<std::string>{
                       "refreekv:threshold=1%,sinks=4", "refreekv:threshold=1%,sinks=8",
                       "refreekv:threshold=5%,sinks=4", "refreekv:threshold=5%,sinks=8"}));
}

TEST(PolicySpecs, NameTheNearestKnownWord) {
  const auto message = [](const std::string& spec) {
    return error_of([&] { make_policy(parse_policy_specs(spec).at(0)); });
  };
  EXPECT_TRUE(contains(message("refrekv"), "Did you mean 'refreekv'?"));
  EXPECT_TRUE(contains(message("refreekv:treshold=1%"), "Did you mean 'threshold'?"));
  EXPECT_TRUE(contains(message("refreekv:threshold=5"), "write threshold=1%"));
  EXPECT_TRUE(contains(message("refreekv:threshold=NaN"), "threshold=NaN"));
  EXPECT_TRUE(contains(message("refreekv:sinks=-1"), "sinks=-1"));
  EXPECT_TRUE(contains(message("refreekv:base=cand"), "Known: candidates, all."));
  EXPECT_TRUE(contains(message("refreekv:keep-layers=3-1"), "keep-layers=3-1"));
  EXPECT_TRUE(contains(message("refreekv:sinks"), "key=value"));
  EXPECT_TRUE(contains(message("refreekv:sinks=1,sinks=2"), "given twice"));
  EXPECT_TRUE(contains(message("full:x=1"), "takes no options"));
  EXPECT_TRUE(contains(message(":x=1"), "no name"));
  EXPECT_TRUE(contains(message("streaming-llm:budget=150%"), "budget=150%"));
}

TEST(PolicySpecs, AreBounded) {
  const auto message = [](const std::string& spec) {
    return error_of([&] { make_policy(parse_policy_specs(spec).at(0)); });
  };
  // Counts that a double holds exactly, and whose sums are counts.
  EXPECT_NO_THROW(make_policy(parse_policy_specs("streaming-llm:sinks=1000000000000").at(0)));
  EXPECT_TRUE(contains(message("streaming-llm:sinks=1000000000001"), "at most 1000000000000"));
  EXPECT_TRUE(contains(message("streaming-llm:budget=9223372036854775807"), "neither a share"));
  EXPECT_NO_THROW(make_policy(parse_policy_specs("random:seed=9223372036854775807").at(0)));
  // Layers that no model has.
  EXPECT_NO_THROW(make_policy(parse_policy_specs("refreekv:keep-layers=0-4095").at(0)));
  EXPECT_TRUE(contains(message("refreekv:keep-layers=0-4096"), "no list of layers"));
  EXPECT_TRUE(contains(message("streaming-llm:layer-budgets=0-3@5+3@6"), "names a layer twice"));
  // Runs that nobody means.
  std::string many = "refreekv:sinks=0";
  for (int i = 1; i < 40; ++i) many += "," + std::to_string(i);
  EXPECT_EQ(parse_policy_specs(many).size(), 40u);
  many += ",recent=0";
  for (int i = 1; i < 40; ++i) many += "," + std::to_string(i);
  EXPECT_TRUE(contains(message(many), "more than 1000 runs"));
}

TEST(CutAt, ReadsTheCutOffTheStoredCurve) {
  const std::vector<float> curve = {0, 0.005f, 0.01f, 0.01f, 0.5f};
  EXPECT_EQ(cut_at(curve, 0.01), 3);  // float(0.01) is below 0.01
  EXPECT_EQ(cut_at(curve, 0.0), 0);
  EXPECT_EQ(cut_at(curve, 1.0), 4);
  EXPECT_EQ(cut_at({}, 0.5), 0);
}

}  // namespace
}  // namespace kvreel::engine
