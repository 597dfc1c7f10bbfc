// Expected attention: cases whose order is known beforehand.
#include <cmath>

#include "engine/model/rope.h"
#include "engine/toy_attention.h"

namespace kvreel::engine {
namespace {

using namespace testing;

constexpr int64_t kPositions = 12;
constexpr float kUnit[4] = {0.6f, 0.0f, 0.8f, 0.0f};

// The rotation of a position: pairs (0, 2) and (1, 3).
std::vector<double> rotated(const ModelConfig& config, int64_t position, const float* x) {
  const std::vector<double> frequencies = rope_inverse_frequencies(config.rope, 4);
  std::vector<double> y(4);
  for (size_t i = 0; i < 2; ++i) {
    const double angle = static_cast<double>(position) * frequencies[i];
    const auto a = static_cast<double>(x[i]);
    const auto b = static_cast<double>(x[i + 2]);
    y[i] = std::cos(angle) * a - std::sin(angle) * b;
    y[i + 2] = std::sin(angle) * a + std::cos(angle) * b;
  }
  return y;
}

void set_queries(ToyAttention& toy, const std::function<float(int64_t)>& factor) {
  for (int head = 0; head < toy.config().q_heads; ++head) {
    for (int64_t i = 0; i < toy.n(); ++i) {
      for (int a = 0; a < 4; ++a) toy.query(0, head, i)[a] = factor(i) * kUnit[a];
    }
  }
}

// Key j is `factor` times where a query of kUnit would lie at position n.
void set_keys(ToyAttention& toy, const std::function<float(int64_t)>& factor) {
  const std::vector<double> there = rotated(toy.config(), toy.n(), kUnit);
  for (int head = 0; head < toy.config().kv_heads; ++head) {
    for (int64_t j = 0; j < toy.n(); ++j) {
      for (size_t a = 0; a < 4; ++a) {
        toy.key(0, head, j)[a] = factor(j) * static_cast<float>(there[a]);
      }
    }
  }
}

TEST(ExpectedAttention, TurnsTheMeanQueryToThePositionsThatCome) {
  // All queries are the same and the only future position is n: logits are factor / 2 (sqrt of 4).
  ToyAttention toy(kPositions, 1);
  set_queries(toy, [](int64_t) { return 1.0f; });
  const std::vector<float> factors = {9, 9, 9, 9, 3, 1, 7, 2, 8, 5, 4, 6};
  set_keys(toy, [&](int64_t j) { return factors[static_cast<size_t>(j)]; });
  const Decision decision = toy.prefill("expected-attention:budget=7,future=1,value-norm=no").at(0);
  EXPECT_EQ(*decision.ranking, (std::vector<int32_t>{5, 7, 4, 10, 9, 11, 6, 8}));
  EXPECT_EQ(decision.kept, KeptSet::of({0, 1, 2, 3, 6, 8, 11}));
  EXPECT_EQ(decision.reason, Reason::fixed_budget);
  // The softmax runs over the positions behind the sinks, whose keys would outweigh it.
  double sum = 0;
  for (size_t j = 4; j < factors.size(); ++j) {
    sum += std::exp(static_cast<double>(factors[j]) / 2);
  }
  EXPECT_NEAR(decision.scores->back(), std::exp(4.0) / sum, 1e-6);
}

TEST(ExpectedAttention, CountsHowQueriesSpread) {
  // Queries point both ways: their mean is 0 and their variance along the unit vector 4. A key of
  // factor f has the logit 4 f^2 / (2 * 4), and by the mean alone nothing.
  ToyAttention toy(kPositions, 1);
  set_queries(toy, [](int64_t i) { return i % 2 == 0 ? 2.0f : -2.0f; });
  set_keys(toy, [](int64_t j) { return j == 7 ? -2.0f : j == 9 ? 1.0f : 0.0f; });
  const Decision decision = toy.prefill("expected-attention:budget=6,future=1,value-norm=no").at(0);
  EXPECT_EQ(decision.kept, KeptSet::of({0, 1, 2, 3, 7, 9}));
  const double sum = 6 + std::exp(2.0) + std::exp(0.5);
  EXPECT_NEAR(decision.scores->back(), std::exp(2.0) / sum, 1e-6);
  EXPECT_NEAR((*decision.scores)[6], std::exp(0.5) / sum, 1e-6);

  ToyAttention again(kPositions, 1);
  set_queries(again, [](int64_t i) { return i % 2 == 0 ? 2.0f : -2.0f; });
  set_keys(again, [](int64_t j) { return j == 7 ? -2.0f : j == 9 ? 1.0f : 0.0f; });
  const Decision flat =
      again.prefill("expected-attention:budget=6,future=1,value-norm=no,covariance=no").at(0);
  for (const float score : *flat.scores) EXPECT_NEAR(score, 1.0 / 8, 1e-6);
}

TEST(ExpectedAttention, WeighsByTheNormOfTheValue) {
  ToyAttention toy(kPositions, 3);
  set_keys(toy, [](int64_t) { return 0.0f; });
  for (int64_t j = 0; j < kPositions; ++j) {
    for (int a = 0; a < 4; ++a) {
      toy.value(0, 0, j)[a] = a == 0 ? static_cast<float>((7 * j) % kPositions) : 0.0f;
    }
  }
  // Norms of positions 4 to 11: 4, 11, 6, 1, 8, 3, 10, 5; all have an eighth of the attention.
  const Decision decision = toy.prefill("expected-attention:budget=6").at(0);
  EXPECT_EQ(*decision.ranking, (std::vector<int32_t>{7, 9, 4, 11, 6, 8, 10, 5}));
  EXPECT_FLOAT_EQ(decision.scores->back(), 11.0f / 8);
}

TEST(ExpectedAttention, KeepsItsBudgetAndTheSinks) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    ToyAttention toy(30, seed);
    const auto decisions = toy.prefill("expected-attention:budget=40%");
    ASSERT_EQ(decisions.size(), 2u);
    for (const Decision& decision : decisions) {
      EXPECT_EQ(decision.kept.count(), 12);
      for (int32_t sink = 0; sink < 4; ++sink) EXPECT_TRUE(decision.kept.contains(sink));
    }
  }
}

TEST(ExpectedAttention, LeavesPromptsOfSinksWhole) {
  ToyAttention toy(4, 1);
  const Decision decision = toy.prefill("expected-attention:budget=50%").at(0);
  EXPECT_EQ(decision.reason, Reason::too_short);
  EXPECT_EQ(decision.kept.count(), 4);
}

TEST(ExpectedAttention, RefusesWhatMeansNothing) {
  EXPECT_TRUE(contains(spec_error("expected-attention:future=0"), "future must be at least 1"));
  EXPECT_TRUE(contains(spec_error("expected-attention:epsilon=-1"), "epsilon=-1"));
  EXPECT_TRUE(contains(spec_error("expected-attention:budget=0"), "keeps nothing"));
}

}  // namespace
}  // namespace kvreel::engine
