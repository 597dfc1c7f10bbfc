// Which tokens are gone after k evictions, by hand and against brute force.
#include "viewer/model/replay_state.h"

#include <gtest/gtest.h>

#include "viewer/made_pass.h"

namespace kvreel::viewer::testing {
namespace {

std::vector<int32_t> kept_of(const ReplayIndex& index, int layer, int64_t k, WhatIf what_if = {}) {
  const std::vector<int32_t> limits = index.limits(k, -1, what_if);
  std::vector<int32_t> kept;
  for (int32_t token = 0; token < index.tokens(); ++token) {
    if (index.kept_heads(layer, token, limits) > 0) kept.push_back(token);
  }
  return kept;
}

TEST(ReplayState, TokensGoOneByOneInTheOrderOfTheRankingUntilTheCut) {
  const auto pass = made_pass(6, {ranked({.cached = 6, .ranking = {3, 2, 5, 4}, .cut = 3})});
  const ReplayIndex index(pass, 1, 2);
  EXPECT_EQ(eviction_count(*pass, -1, {}), 3);
  EXPECT_EQ(kept_of(index, 0, 0), (std::vector<int32_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(kept_of(index, 0, 1), (std::vector<int32_t>{0, 1, 2, 4, 5}));
  EXPECT_EQ(kept_of(index, 0, 2), (std::vector<int32_t>{0, 1, 4, 5}));
  EXPECT_EQ(kept_of(index, 0, 3), (std::vector<int32_t>{0, 1, 4}));
  EXPECT_EQ(kept_of(index, 0, 100), (std::vector<int32_t>{0, 1, 4}));
  EXPECT_EQ(kept_of(index, 0, -1), (std::vector<int32_t>{0, 1, 4}));
  EXPECT_EQ(index.order(0, 5), 2);
  EXPECT_EQ(index.order(0, 0), kNever);
}

TEST(ReplayState, SinksAreTheLeadingPositionsThatAreNeverCandidates) {
  const auto pass =
      made_pass(6, {ranked({.cached = 6, .ranking = {3, 2, 5, 4}}),
                    ranked({.layer = 1, .cached = 6, .ranking = {1}}), unranked(2, 6, {{0, 6}})});
  const ReplayIndex index(pass, 4, 1);
  EXPECT_EQ(index.sinks(0), 2);
  EXPECT_EQ(index.sinks(1), 1);
  EXPECT_EQ(index.sinks(2), 0);  // ranks nothing
  EXPECT_EQ(index.sinks(3), 0);  // decided nothing
  EXPECT_EQ(index.sinks(-1), 1);
}

TEST(ReplayState, ADecisionWithoutARankingEvictsAtOnce) {
  const auto pass = made_pass(5, {unranked(0, 5, {{0, 1}, {3, 5}}), unranked(1, 5, {{0, 5}})});
  const ReplayIndex index(pass, 2, 1);
  EXPECT_EQ(eviction_count(*pass, -1, {}), 1);
  EXPECT_EQ(kept_of(index, 0, 0).size(), 5u);
  EXPECT_EQ(kept_of(index, 0, 1), (std::vector<int32_t>{0, 3, 4}));
  EXPECT_EQ(kept_of(index, 1, -1).size(), 5u);
}

TEST(ReplayState, LaterStepsGoOnWhereEarlierOnesStopped) {
  const auto pass =
      made_pass(6, {ranked({.cached = 6, .ranking = {1, 2, 3}, .cut = 2}),
                    ranked({.reason = 4, .cached = 4, .ranking = {5, 0}, .cut = 1, .step = 4}),
                    unranked(0, 3, {{3, 4}}, 5)});
  const ReplayIndex index(pass, 1, 1);
  EXPECT_EQ(eviction_count(*pass, -1, {}), 4);
  EXPECT_EQ(kept_of(index, 0, 2), (std::vector<int32_t>{0, 3, 4, 5}));
  EXPECT_EQ(kept_of(index, 0, 3), (std::vector<int32_t>{0, 3, 4}));
  EXPECT_EQ(kept_of(index, 0, 4), (std::vector<int32_t>{3}));
}

TEST(ReplayState, HeadsOfALayerThatDifferGiveAShare) {
  const auto pass = made_pass(4, {ranked({.kv_head = 0, .cached = 4, .ranking = {1, 2}, .cut = 2}),
                                  ranked({.kv_head = 1, .cached = 4, .ranking = {2, 3}, .cut = 1}),
                                  ranked({.layer = 1, .cached = 4, .ranking = {0, 1}, .cut = 1})});
  const ReplayIndex index(pass, 2, 2);
  EXPECT_EQ(index.heads(), 2);
  const auto end = index.limits(-1, -1, {});
  EXPECT_DOUBLE_EQ(index.kept_share(0, 0, end), 1);
  EXPECT_DOUBLE_EQ(index.kept_share(0, 1, end), 0.5);
  EXPECT_DOUBLE_EQ(index.kept_share(0, 2, end), 0);
  EXPECT_DOUBLE_EQ(index.kept_share(1, 0, end), 0);  // decided for both heads
  EXPECT_DOUBLE_EQ(index.kept_share(1, 1, end), 1);
  EXPECT_EQ(index.order(0, 2), 0);
}

TEST(ReplayState, OneLayerIsPlayedWhileTheOthersStandAtTheirEnd) {
  const auto pass = made_pass(4, {ranked({.cached = 4, .ranking = {1, 2, 3}, .cut = 2}),
                                  ranked({.layer = 1, .cached = 4, .ranking = {1, 2}, .cut = 1})});
  const ReplayIndex index(pass, 2, 1);
  EXPECT_EQ(index.limits(0, 1, {}), (std::vector<int32_t>{2, 0}));
  EXPECT_EQ(index.limits(0, -1, {}), (std::vector<int32_t>{0, 0}));
  EXPECT_EQ(eviction_count(*pass, 1, {}), 1);
}

TEST(ReplayState, RankingsThatNameNoTokenChangeNothing) {
  Decision decision = ranked({.cached = 3, .ranking = {1}, .cut = 1});
  decision.ranking = std::make_shared<const std::vector<int32_t>>(std::vector<int32_t>{-5, 99, 1});
  decision.cut = 2;
  Decision outside = unranked(0, 3, {{-4, 2}, {2, 900}});
  outside.layer = 1;
  outside.kept = 0;
  Decision no_layer = decision;
  no_layer.layer = 77;
  const ReplayIndex index(made_pass(3, {decision, outside, no_layer}), 2, 1);
  EXPECT_EQ(kept_of(index, 0, -1).size(), 3u);
  EXPECT_EQ(kept_of(index, 1, -1).size(), 3u);
}

// Every position of every layer, at several thresholds, against a walk along the ranking.
TEST(ReplayState, AgreesWithAWalkAlongTheRankings) {
  std::mt19937 random(7);
  const auto pass = random_pass(97, 4, 3, 5, random);
  const ReplayIndex index(pass, 4, 3);
  for (const std::optional<double> threshold : {std::optional<double>(), std::optional(0.3)}) {
    const WhatIf what_if{threshold, CurveBase::candidates};
    const int64_t length = eviction_count(*pass, -1, what_if);
    for (int64_t k = 0; k <= length; k += 7) {
      std::vector<int> kept(4 * 97, 3);
      for (const Decision& decision : pass->decisions) {
        const int64_t cut = threshold ? cut_at(*decision.curve, *threshold) : int64_t{decision.cut};
        for (int64_t i = 0; i < std::min(k, cut); ++i) {
          const int32_t token = (*decision.ranking)[static_cast<size_t>(i)];
          kept[static_cast<size_t>(decision.layer * 97 + token)] -= decision.kv_head < 0 ? 3 : 1;
        }
      }
      const std::vector<int32_t> limits = index.limits(k, -1, what_if);
      for (int layer = 0; layer < 4; ++layer) {
        for (int32_t token = 0; token < 97; ++token) {
          ASSERT_EQ(index.kept_heads(layer, token, limits),
                    kept[static_cast<size_t>(layer * 97 + token)])
              << "k " << k << " layer " << layer << " token " << token;
        }
      }
    }
  }
}

}  // namespace
}  // namespace kvreel::viewer::testing
