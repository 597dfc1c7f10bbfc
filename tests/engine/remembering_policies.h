// Policies that tests of passes need: they remember, evict while decoding, treat KV heads
// differently, and cut earlier layers again.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/policy/policy.h"
#include "engine/policy/registry.h"

namespace kvreel::engine::testing {

// Sums of the attention that positions were paid, over the steps so far, by layer.
struct AttentionSoFar final : PassState {
  std::vector<std::vector<double>> by_layer;  // [layers][positions]
};

// Keeps half of the prompt in KV head 0 and a third in the others, by attention so far, and from
// then on evicts one position for every new one.
class EvictingWhileDecoding final : public Policy {
 public:
  std::vector<std::pair<std::string, std::string>> parameters() const override { return {}; }
  bool acts(const DecisionPoint&) const override { return true; }
  StatisticsRequest needs(const DecisionPoint& point) const override {
    return point.step == 0 ? StatisticsRequest{.column_sums = true}
                           : StatisticsRequest{.last_rows = 1};
  }
  std::unique_ptr<PassState> start_pass(const ModelConfig& config, int64_t) const override {
    auto state = std::make_unique<AttentionSoFar>();
    state->by_layer.resize(static_cast<size_t>(config.layers));
    return state;
  }
  std::vector<Decision> decide(const LayerView& view) const override {
    const DecisionPoint& point = view.point;
    std::vector<double>& sums =
        dynamic_cast<AttentionSoFar&>(*view.state).by_layer[static_cast<size_t>(point.layer)];
    const int kv_heads = view.config.kv_heads;
    const int64_t group = view.config.q_heads / kv_heads;
    std::vector<Decision> decisions;
    for (int head = 0; head < kv_heads; ++head) {
      const std::span<const int32_t> cached = view.positions(head);
      // One query head stands for its group: what is remembered matters here, not the rule.
      for (size_t row = 0; row < cached.size(); ++row) {
        const auto position = static_cast<size_t>(cached[row]);
        if (sums.size() <= position) sums.resize(position + 1);
        sums[position] +=
            point.step == 0 ? static_cast<double>(view.statistics.column_sums[static_cast<size_t>(
                                  head * group * view.statistics.keys + static_cast<int64_t>(row))])
                            : static_cast<double>(view.statistics.row(
                                  head * group, view.statistics.last_rows - 1)[row]);
      }
      std::vector<int32_t> order(cached.begin(), cached.end());
      std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
        return sums[static_cast<size_t>(a)] > sums[static_cast<size_t>(b)];
      });
      const size_t capacity =
          point.step == 0 ? order.size() / (head == 0 ? 2 : 3) + 1 : order.size() - 1;
      order.resize(capacity);
      decisions.push_back({.kv_head = head,
                           .reason = Reason::fixed_budget,
                           .cached = static_cast<int64_t>(cached.size()),
                           .kept = KeptSet::of(order)});
    }
    return decisions;
  }
};

// Specs of every policy there is, and of those that evict while decoding with budgets that bind.
inline std::vector<std::string> every_policy() {
  std::vector<std::string> specs;
  for (const PolicyInfo& info : known_policies()) specs.push_back(info.name);
  specs.insert(specs.end(),
               {"h2o:budget=30%,decode=on", "tova:budget=20%,decode=on",
                "key-norm:budget=30%,decode=on,every=3", "random:budget=30%,decode=on",
                "streaming-llm:budget=30%,decode=on", "hard-kv:budget=20%,p=50%,every=4,window=8",
                "cake:budget=40%,window=8"});
  return specs;
}

// Every layer first keeps its newest two thirds, provisionally; when the last layer has attended,
// all are cut to the newest third.
class Cascading final : public Policy {
 public:
  std::vector<std::pair<std::string, std::string>> parameters() const override { return {}; }
  StatisticsRequest needs(const DecisionPoint&) const override { return {.last_rows = 3}; }
  std::vector<Decision> decide(const LayerView& view) const override {
    const auto n = static_cast<int32_t>(view.point.prompt_tokens);
    std::vector<Decision> decisions{{.reason = Reason::fixed_budget,
                                     .cached = n,
                                     .kept = newest(n, 2 * n / 3),
                                     .provisional = true}};
    if (view.point.layer + 1 < view.point.layers) return decisions;
    for (int layer = 0; layer < view.point.layers; ++layer) {
      decisions.push_back(
          {.layer = layer, .reason = Reason::fixed_budget, .cached = n, .kept = newest(n, n / 3)});
    }
    return decisions;
  }

 private:
  static KeptSet newest(int32_t n, int32_t count) {
    std::vector<int32_t> positions;
    for (int32_t position = n - count; position < n; ++position) positions.push_back(position);
    return KeptSet::all(positions);
  }
};

}  // namespace kvreel::engine::testing
