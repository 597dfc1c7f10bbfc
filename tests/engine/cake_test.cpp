// CAKE: the numbers that budgets are dealt out by, and the cascade of cuts.
#include <algorithm>
#include <map>
#include <numeric>

#include "engine/policy/cake_budgets.h"
#include "engine/toy_attention.h"

namespace kvreel::engine {
namespace {

using namespace testing;

int64_t sum_of(const std::vector<int64_t>& values) {
  return std::accumulate(values.begin(), values.end(), int64_t{0});
}

TEST(CakeMoments, AreThoseOfTheWindowBeforeIt) {
  AttentionStatistics statistics =
      AttentionStatistics::make({.last_rows = 3}, /*q_heads=*/1, /*queries=*/5, /*keys=*/5, 2);
  // The first of three rows is not in the window of two; nor are the last two keys.
  statistics.probabilities = {1, 0,     0,     0,     0,  //
                              0, 0.5f,  0.25f, 0.25f, 0,  //
                              0, 0.25f, 0.25f, 0.25f, 0.25f};
  const WindowMoments moments = window_moments(statistics, 0, 2, 3);
  EXPECT_EQ(moments.mean, (std::vector<double>{0, 0.375, 0.25}));
  EXPECT_EQ(moments.variance, (std::vector<double>{0, 0.03125, 0}));  // 2 * 0.125^2 / (2 - 1)
  // -(0.5 log 0.5 + 3 * 0.25 log 0.25), and 0 log 0 is 0
  EXPECT_NEAR(moments.entropy, 0.5 * std::log(2.0) + 0.75 * std::log(4.0), 1e-12);
  EXPECT_EQ(window_moments(statistics, 0, 1, 3).variance, (std::vector<double>{0, 0, 0}));
}

TEST(CakeMoments, AreAveragedOverNeighbours) {
  EXPECT_EQ(average_of_neighbours(std::vector<double>{3, 0, 6, 9}, 3),
            (std::vector<double>{1, 3, 5, 5}));
  EXPECT_EQ(average_of_neighbours(std::vector<double>{3, 0, 6}, 1), (std::vector<double>{3, 0, 6}));
}

TEST(CakeBudgets, AreInProportion) {
  EXPECT_EQ(final_cake_budgets(std::vector<double>{1, 2, 5}, 80, 100),
            (std::vector<int64_t>{10, 20, 50}));
}

TEST(CakeBudgets, GiveWhatALayerCannotHoldToTheOthers) {
  // 8 : 1 : 1 of 60 would be 48, 6, 6; the first can hold 40, the others share 20.
  EXPECT_EQ(final_cake_budgets(std::vector<double>{8, 1, 1}, 60, 40),
            (std::vector<int64_t>{40, 10, 10}));
  // And what overflows there overflows again: 30 and 30 are full, the last gets 20.
  EXPECT_EQ(final_cake_budgets(std::vector<double>{100, 10, 1}, 80, 30),
            (std::vector<int64_t>{30, 30, 20}));
  EXPECT_EQ(final_cake_budgets(std::vector<double>{100, 10, 1}, 900, 30),
            (std::vector<int64_t>{30, 30, 30}));
}

TEST(CakeBudgets, RoundToTheLargestRemainders) {
  // 3.5, 3.25, 3.25 of 10: the unit that rounding down leaves goes to the first.
  EXPECT_EQ(final_cake_budgets(std::vector<double>{3.5, 3.25, 3.25}, 10, 100),
            (std::vector<int64_t>{4, 3, 3}));
  // Equal remainders: the lower layer first.
  EXPECT_EQ(final_cake_budgets(std::vector<double>{1, 1, 1}, 11, 100),
            (std::vector<int64_t>{4, 4, 3}));
  EXPECT_EQ(early_cake_budgets(std::vector<double>{3.5, 3.25, 3.25}, 10, 100),
            (std::vector<int64_t>{4, 4, 4}));
}

TEST(CakeBudgets, AreEqualWithoutPreferences) {
  EXPECT_EQ(final_cake_budgets(std::vector<double>{0, 0}, 10, 100), (std::vector<int64_t>{5, 5}));
  EXPECT_EQ(final_cake_budgets(std::vector<double>{1, 0, 0}, 50, 30),
            (std::vector<int64_t>{30, 10, 10}));
}

TEST(CakeBudgets, OnlyFallAsLayersCome) {
  std::mt19937 random(1);
  std::exponential_distribution<double> preference(1);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<double> preferences;
    std::vector<int64_t> before;
    const auto total = static_cast<int64_t>(random() % 500);
    const auto most = static_cast<int64_t>(1 + random() % 120);
    for (int layer = 0; layer < 12; ++layer) {
      preferences.push_back(preference(random));
      const std::vector<int64_t> early = early_cake_budgets(preferences, total, most);
      for (size_t i = 0; i < before.size(); ++i) ASSERT_LE(early[i], before[i]);
      before = early;
    }
    const std::vector<int64_t> last = final_cake_budgets(preferences, total, most);
    for (size_t i = 0; i < last.size(); ++i) ASSERT_LE(last[i], before[i]);
    ASSERT_EQ(sum_of(last), std::min(total, most * 12));
  }
}

TEST(Cake, KeepsItsTotalAndTheWindow) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    ToyAttention toy(50, seed, /*layers=*/5);
    std::map<std::pair<int, int>, Decision> final_of;
    for (const Decision& decision : toy.prefill("cake:budget=30%,window=6")) {
      if (decision.provisional) continue;
      const auto [place, fresh] = final_of.insert({{decision.layer, decision.kv_head}, decision});
      EXPECT_TRUE(fresh) << "told twice";
    }
    ASSERT_EQ(final_of.size(), 10u);
    for (int kv_head = 0; kv_head < 2; ++kv_head) {
      int64_t kept = 0;
      for (int layer = 0; layer < 5; ++layer) {
        const Decision& decision = final_of.at({layer, kv_head});
        kept += decision.kept.count();
        EXPECT_EQ(decision.cached, 50);
        EXPECT_EQ(decision.kept.count(), 50 - decision.cut);
        EXPECT_EQ(decision.ranking->size(), 44u);
        for (int32_t position = 44; position < 50; ++position) {
          EXPECT_TRUE(decision.kept.contains(position));
        }
        // What the cache holds is what was told.
        EXPECT_EQ(KeptSet::all(toy.cache().positions(layer, kv_head)), decision.kept);
      }
      EXPECT_EQ(kept, 5 * 15);
    }
  }
}

TEST(Cake, CutsEarlierLayersOnTheWay) {
  ToyAttention toy(50, 3, /*layers=*/5);
  bool early = false;
  std::map<std::pair<int, int>, KeptSet> last;
  for (const Decision& decision : toy.prefill("cake:budget=30%,window=6")) {
    early = early || (decision.provisional && decision.layer < 4);
    const std::pair<int, int> place{decision.layer, decision.kv_head};
    if (last.contains(place)) {
      for (int32_t position = 0; position < 50; ++position) {
        if (decision.kept.contains(position)) {
          EXPECT_TRUE(last.at(place).contains(position));
        }
      }
    }
    last[place] = decision.kept;
  }
  EXPECT_TRUE(early);
}

TEST(Cake, GivesMoreToALayerThatSpreadsAndMoves) {
  // Queries of the first layer look everywhere and each elsewhere; the second's all at one key.
  ToyAttention toy(60, 5, /*layers=*/2);
  for (int head = 0; head < 4; ++head) {
    for (int64_t i = 0; i < 60; ++i) {
      for (int a = 0; a < 4; ++a) {
        toy.query(1, head, i)[a] = 40 * toy.key(1, head / 2, 3)[a];
      }
    }
  }
  std::vector<int64_t> kept(2);
  for (const Decision& decision : toy.prefill("cake:budget=40%,window=8")) {
    if (!decision.provisional) kept[static_cast<size_t>(decision.layer)] = decision.kept.count();
  }
  EXPECT_GT(kept[0], kept[1]);
  EXPECT_EQ(kept[0] + kept[1], 48);
}

TEST(Cake, LeavesLayersWholeOutsideTheBudget) {
  ToyAttention toy(50, 2, /*layers=*/4);
  int64_t kept = 0;
  for (const Decision& decision : toy.prefill("cake:budget=20,window=6,keep-layers=0+3")) {
    if (decision.provisional) continue;
    if (decision.layer == 0 || decision.layer == 3) {
      EXPECT_EQ(decision.reason, Reason::exempt_layer);
    } else if (decision.kv_head == 0) {
      kept += decision.kept.count();
    }
  }
  EXPECT_EQ(kept, 40);
}

TEST(Cake, LeavesPromptsWithinTheBudgetWhole) {
  ToyAttention toy(50, 2, /*layers=*/3);
  const auto decisions = toy.prefill("cake:budget=50");
  ASSERT_EQ(decisions.size(), 3u);
  for (const Decision& decision : decisions) {
    EXPECT_EQ(decision.reason, Reason::too_short);
    EXPECT_FALSE(decision.provisional);
    EXPECT_EQ(decision.kept.count(), 50);
  }
}

TEST(Cake, KeepsTheNewestWhereTheWindowFillsTheBudget) {
  ToyAttention toy(50, 2, /*layers=*/2);
  for (const Decision& decision : toy.prefill("cake:budget=10,window=32")) {
    EXPECT_EQ(decision.kept, KeptSet::of({40, 41, 42, 43, 44, 45, 46, 47, 48, 49}));
  }
}

TEST(Cake, RefusesWhatMeansNothing) {
  EXPECT_TRUE(contains(spec_error("cake:kernel=4"), "kernel must be odd"));
  EXPECT_TRUE(contains(spec_error("cake:tau1=0"), "tau1=0"));
  EXPECT_TRUE(contains(spec_error("cake:window=0"), "window must be at least 1"));
}

}  // namespace
}  // namespace kvreel::engine
