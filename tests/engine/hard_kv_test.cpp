// HARD-KV: calibration by hand and by property, the selection, and a pass of the demo model.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "engine/policy/logits_calibration.h"
#include "engine/toy_attention.h"

namespace kvreel::engine {
namespace {

using namespace testing;

double mass_of_best(std::vector<double> values, int64_t count) {
  std::sort(values.begin(), values.end(), std::greater<>());
  return std::accumulate(values.begin(), values.begin() + count, 0.0);
}

TEST(LogitsCalibration, FitsTheTemperatureOfTwoLogits) {
  // softmax of (x, 0) / T puts 1 / (1 + exp(-x / T)) on the first: 0.75 where x / T = log 3.
  const std::vector<double> logits = {5, 0};
  EXPECT_NEAR(fit_temperature(logits, 2, 1, 0.75), 5 / std::log(3.0), 1e-9);
}

TEST(LogitsCalibration, StopsAtItsBounds) {
  EXPECT_EQ(fit_temperature(std::vector<double>{1e6, 0}, 2, 1, 0.75), kMostTemperature);
  EXPECT_EQ(fit_temperature(std::vector<double>{0, 0}, 2, 1, 0.75), kLeastTemperature);
}

TEST(LogitsCalibration, GivesTheBestTheirMass) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<double> logits(3 * 40);
    for (double& value : logits) value = 3 * normal(random);
    const std::vector<double> pooled = largest_of_neighbours(logits, 40, 7);
    const int64_t count = fewest_with_share(mean_softmax(logits, 40, 1), 0.8);
    const double temperature = fit_temperature(pooled, 40, count, 0.8);
    if (temperature == kLeastTemperature || temperature == kMostTemperature) continue;
    EXPECT_NEAR(mass_of_best(mean_softmax(pooled, 40, temperature), count), 0.8, 1e-6);
  }
}

TEST(LogitsCalibration, LeavesTheCountOfRawAttentionAsItIs) {
  // Scores that are the attention: at the fitted temperature the same number holds the share.
  std::mt19937 random(2);
  std::normal_distribution<double> normal;
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<double> logits(40);
    for (double& value : logits) value = 2 * normal(random);
    const int64_t count = fewest_with_share(mean_softmax(logits, 40, 1), 0.8);
    const double temperature = fit_temperature(logits, 40, count, 0.8);
    EXPECT_GE(temperature, 1 - 1e-9);  // they hold the share with some to spare
    EXPECT_EQ(fewest_with_share(mean_softmax(logits, 40, temperature), 0.8), count);
  }
}

TEST(LogitsCalibration, CountsTheFewest) {
  EXPECT_EQ(fewest_with_share({0.125, 0.5, 0.125, 0.25}, 0.5), 1);
  EXPECT_EQ(fewest_with_share({0.125, 0.5, 0.125, 0.25}, 0.75), 2);
  EXPECT_EQ(fewest_with_share({0.125, 0.5, 0.125, 0.25}, 0.76), 3);
  EXPECT_EQ(fewest_with_share({0.125, 0.5, 0.125, 0.25}, 1), 4);
}

TEST(LogitsCalibration, TakesTheLargestNeighbourOfItsRow) {
  EXPECT_EQ(largest_of_neighbours(std::vector<double>{1, 5, 2, 0, 7, 0, 0, 0}, 4, 3),
            (std::vector<double>{5, 5, 5, 2, 7, 7, 0, 0}));
}

TEST(HardKv, LooksWhereTheNextCompressionWillAndDecidesThen) {
  const auto policy = make_policy(parse_policy_specs("hard-kv:every=10,window=3").at(0));
  std::set<int> acting;
  for (int step = 0; step <= 20; ++step) {
    if (policy->acts({.step = step})) acting.insert(step);
  }
  EXPECT_EQ(acting, (std::set<int>{0, 8, 9, 10, 18, 19, 20}));
}

TEST(HardKv, HoldsTheShareOfTheNewestQueriesLargestLogits) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    ToyAttention toy(60, seed);
    ToyAttention whole(60, seed);  // of which nothing goes
    const auto decisions = toy.prefill("hard-kv:budget=12,window=5,p=80%,score=attention");
    ASSERT_EQ(decisions.size(), 2u);
    for (int kv_head = 0; kv_head < 2; ++kv_head) {
      const Decision& decision = decisions[static_cast<size_t>(kv_head)];
      // Raw attention of the last five queries over positions 1 to 54, larger logit of two heads.
      std::vector<double> raw;
      for (int64_t i = 55; i < 60; ++i) {
        for (int64_t j = 1; j < 55; ++j) {
          double largest = -1e9;
          for (int head = 2 * kv_head; head < 2 * kv_head + 2; ++head) {
            double logit = 0;
            for (int a = 0; a < 4; ++a) {
              logit += static_cast<double>(whole.query(0, head, i)[a]) *
                       static_cast<double>(whole.key(0, kv_head, j)[a]);
            }
            largest = std::max(largest, logit / 2);
          }
          raw.push_back(largest);
        }
      }
      const int64_t count = fewest_with_share(mean_softmax(raw, 54, 1), 0.8);
      EXPECT_EQ(decision.kept.count(), std::max<int64_t>(1 + count + 5, 12)) << seed;
      EXPECT_EQ(decision.reason, Reason::attention_mass);
      EXPECT_EQ(decision.threshold, 0.8);
      EXPECT_GE(decision.temperature, 1 - 1e-6);
      EXPECT_TRUE(decision.kept.contains(0));
      for (int32_t j = 55; j < 60; ++j) EXPECT_TRUE(decision.kept.contains(j));
    }
  }
}

TEST(HardKv, KeepsItsBudgetWhereTheShareNeedsLess) {
  ToyAttention toy(60, 4);
  for (const Decision& decision : toy.prefill("hard-kv:budget=40,window=5,p=1%")) {
    EXPECT_EQ(decision.kept.count(), 40);
  }
}

TEST(HardKv, LeavesPromptsBelowTheBudgetWhole) {
  ToyAttention toy(60, 4);
  const auto decisions = toy.prefill("hard-kv:budget=61");
  ASSERT_EQ(decisions.size(), 1u);
  EXPECT_EQ(decisions[0].reason, Reason::too_short);
  EXPECT_EQ(decisions[0].kept.count(), 60);
}

TEST(HardKv, CompressesWhileDecodingWithTheTemperaturesOfItsFirstTime) {
  const Model model = load_model(demo_model(), {});
  CpuBackend backend(model.config, model.weights, {.threads = 1});
  const auto policy =
      make_policy(parse_policy_specs("hard-kv:budget=24,window=4,every=8,p=70%").at(0));
  std::vector<int32_t> prompt(20);
  std::iota(prompt.begin(), prompt.end(), 100);
  RememberingObserver observer;
  run_pass(model.config, backend, nullptr, sample_of(prompt), *policy,
           {.max_new_tokens = 33, .stop_ids = {}}, 0, 0, observer, never_stop());
  std::map<std::pair<int, int>, std::set<double>> temperatures;
  size_t compressions = 0;
  for (size_t i = 0; i < observer.decisions.size(); ++i) {
    const Decision& decision = observer.decisions[i];
    if (decision.reason == Reason::too_short) {
      EXPECT_EQ(decision.cached, 20);  // the prompt is below the budget
      continue;
    }
    ++compressions;
    EXPECT_GE(decision.kept.count(), 24);
    EXPECT_TRUE(decision.kept.contains(0));
    temperatures[{observer.decision_layers[i], decision.kv_head}].insert(decision.temperature);
  }
  // Steps 8, 16, 24 and 32, four layers, four KV heads.
  EXPECT_EQ(compressions, 4u * 16u);
  EXPECT_EQ(temperatures.size(), 16u);
  for (const auto& [place, values] : temperatures) EXPECT_EQ(values.size(), 1u);
}

TEST(HardKv, RefusesWhatMeansNothing) {
  EXPECT_TRUE(contains(spec_error("hard-kv:p=0"), "p must be above 0"));
  EXPECT_TRUE(contains(spec_error("hard-kv:every=0"), "every must be at least 1"));
  EXPECT_TRUE(contains(spec_error("hard-kv:kernel=2"), "kernel must be odd"));
  EXPECT_TRUE(contains(spec_error("hard-kv:score=rkv"), "score=rkv"));
}

}  // namespace
}  // namespace kvreel::engine
