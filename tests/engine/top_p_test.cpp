// Top-p: the fewest positions whose share of the attention reaches p.
#include <algorithm>
#include <numeric>

#include "engine/toy_attention.h"

namespace kvreel::engine {
namespace {

using namespace testing;

// Decisions about one layer with given last rows, one for each query head.
std::vector<Decision> decide(const std::string& spec, const std::vector<std::vector<float>>& rows,
                             int kv_heads = 1) {
  const auto n = static_cast<int64_t>(rows[0].size());
  ToyAttention toy(n, 1, 4, static_cast<int>(rows.size()), kv_heads);
  AttentionStatistics statistics = AttentionStatistics::make(
      {.last_rows = 1}, static_cast<int64_t>(rows.size()), n, n, toy.config().head_dim);
  statistics.probabilities.clear();
  for (const auto& row : rows) {
    statistics.probabilities.insert(statistics.probabilities.end(), row.begin(), row.end());
  }
  const DecisionPoint point{.layer = 2, .layers = 4, .prompt_tokens = n};
  return make_policy(parse_policy_specs(spec).at(0))
      ->decide(
          {.point = point, .config = toy.config(), .cache = toy.cache(), .statistics = statistics});
}

// Sixteenths, so that sums are exact.
const std::vector<float> kRow = {0.5f, 0.0625f, 0.125f, 0.0625f, 0.25f};

TEST(TopP, KeepsTheFewestThatReachTheShare) {
  const auto kept = [&](const std::string& share) {
    return decide("top-p:recent=0,p=" + share, {kRow}).at(0).kept;
  };
  EXPECT_EQ(kept("50%"), KeptSet::of({0}));
  EXPECT_EQ(kept("51%"), KeptSet::of({0, 4}));
  EXPECT_EQ(kept("75%"), KeptSet::of({0, 4}));
  EXPECT_EQ(kept("80%"), KeptSet::of({0, 2, 4}));
  EXPECT_EQ(kept("90%"), KeptSet::of({0, 2, 3, 4}));  // the older of equals goes first
  EXPECT_EQ(kept("100%"), KeptSet::of({0, 1, 2, 3, 4}));
}

TEST(TopP, SaysWhy) {
  const Decision decision = decide("top-p:recent=0,p=75%", {kRow}).at(0);
  EXPECT_EQ(decision.reason, Reason::attention_mass);
  EXPECT_EQ(decision.threshold, 0.75);
  EXPECT_EQ(*decision.ranking, (std::vector<int32_t>{1, 3, 2, 4, 0}));
  EXPECT_EQ(*decision.scores, (std::vector<float>{0.0625f, 0.0625f, 0.125f, 0.25f, 0.5f}));
  EXPECT_EQ(decision.cut, 3);
  EXPECT_EQ(decision.halt_position, 4);
  EXPECT_EQ(decision.kv_head, 0);
}

TEST(TopP, CountsWhatAlwaysStays) {
  // The newest holds a quarter, the first half: together they reach 75 %.
  EXPECT_EQ(decide("top-p:sinks=1,recent=1,p=75%", {kRow}).at(0).kept, KeptSet::of({0, 4}));
  EXPECT_EQ(decide("top-p:sinks=2,recent=1,p=50%", {kRow}).at(0).kept, KeptSet::of({0, 1, 4}));
  EXPECT_EQ(decide("top-p:sinks=4,recent=1,p=1%", {kRow}).at(0).reason, Reason::too_short);
}

TEST(TopP, ReducesQueryHeadsAndRescales) {
  const std::vector<float> other = {0.0f, 0.5f, 0.0f, 0.5f, 0.0f};
  // max: 0.5, 0.5, 0.125, 0.5, 0.25 of 1.875. Three hold 80 %.
  EXPECT_EQ(decide("top-p:recent=0,p=80%", {kRow, other}).at(0).kept, KeptSet::of({0, 1, 3}));
  // mean: 0.25, 0.28125, 0.0625, 0.28125, 0.125. Three hold 81.25 %, four 93.75 %.
  EXPECT_EQ(decide("top-p:recent=0,p=81%,reduce=mean", {kRow, other}).at(0).kept,
            KeptSet::of({0, 1, 3}));
  EXPECT_EQ(decide("top-p:recent=0,p=90%,reduce=mean", {kRow, other}).at(0).kept,
            decide("top-p:recent=0,p=90%,reduce=sum", {kRow, other}).at(0).kept);
}

TEST(TopP, DecidesForEachKvHeadOrForTheLayer) {
  const std::vector<float> other = {0.0f, 0.5f, 0.0f, 0.5f, 0.0f};
  const auto heads = decide("top-p:recent=0,p=50%", {kRow, other}, 2);
  ASSERT_EQ(heads.size(), 2u);
  EXPECT_EQ(heads[0].kept, KeptSet::of({0}));
  EXPECT_EQ(heads[1].kept, KeptSet::of({3}));
  EXPECT_EQ(heads[1].kv_head, 1);
  const auto layer = decide("top-p:recent=0,p=50%,per=layer,reduce=mean", {kRow, other}, 2);
  ASSERT_EQ(layer.size(), 1u);
  EXPECT_EQ(layer[0].kv_head, -1);
  EXPECT_EQ(layer[0].kept, KeptSet::of({1, 3}));
}

TEST(TopP, LeavesLayersWholeWhereAsked) {
  EXPECT_EQ(decide("top-p:p=1%,keep-layers=2", {kRow}).at(0).reason, Reason::exempt_layer);
  EXPECT_EQ(decide("top-p:p=1%,keep-layers=2", {kRow}).at(0).kept.count(), 5);
}

TEST(TopP, KeepsAllWhereNothingIsAttendedTo) {
  EXPECT_EQ(decide("top-p:p=1%", {std::vector<float>(5, 0.0f)}).at(0).kept.count(), 5);
}

TEST(TopP, HoldsTheShareAndNoneLessWould) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    ToyAttention toy(40, seed);
    std::vector<std::vector<double>> rows;
    for (int head = 0; head < 4; ++head) rows.push_back(toy.attention(0, head).back());
    int kv_head = 0;
    for (const Decision& decision : toy.prefill("top-p:p=70%,recent=3,sinks=2,reduce=mean")) {
      std::vector<double> row(40);
      for (size_t j = 0; j < 40; ++j) {
        row[j] = (rows[static_cast<size_t>(2 * kv_head)][j] +
                  rows[static_cast<size_t>(2 * kv_head) + 1][j]) /
                 2;
      }
      double held = 0;
      double least = 1;
      for (int32_t j = 0; j < 40; ++j) {
        if (!decision.kept.contains(j)) continue;
        held += row[static_cast<size_t>(j)];
        if (j >= 2 && j < 37) least = std::min(least, row[static_cast<size_t>(j)]);
      }
      EXPECT_GE(held, 0.7 - 1e-6);
      if (decision.cut < 35) {
        EXPECT_LT(held - least, 0.7 + 1e-6);
      }
      for (const int32_t j : {0, 1, 37, 38, 39}) EXPECT_TRUE(decision.kept.contains(j));
      ++kv_head;
    }
  }
}

TEST(TopP, RefusesWhatKeepsNothing) {
  EXPECT_TRUE(contains(spec_error("top-p:p=0"), "keeps nothing"));
  EXPECT_TRUE(contains(spec_error("top-p:p=95"), "p=95 is not a share"));
  EXPECT_TRUE(contains(spec_error("top-p:rows=0"), "rows must be at least 1"));
  EXPECT_TRUE(contains(spec_error("top-p:reduce=median"), "reduce=median is unknown"));
  const auto policy = make_policy(parse_policy_specs("top-p:keep-layers=9").at(0));
  EXPECT_TRUE(contains(error_of([&] { policy->check({.layers = 4}); }), "layers 0 to 3"));
}

}  // namespace
}  // namespace kvreel::engine
