// Capacities, and cuts to them.
#include "engine/policy/fixed_budget.h"

#include <algorithm>

#include "base/error.h"
#include "engine/policy/ranked.h"

namespace kvreel::engine {
namespace {

// The decision about one KV head, or about the layer where kv_head is -1.
void cut_one(const LayerView& layer, int kv_head, std::span<const double> scores, int64_t capacity,
             const Protection& protection, std::vector<Decision>& decisions) {
  const Protection fitted = protection.within(capacity);
  const std::span<const int32_t> positions = layer.positions(std::max(kv_head, 0));
  const RankedRows rows{.positions = positions,
                        .scores = scores.first(positions.size()),
                        .protected_first = fitted.sinks,
                        .protected_last = fitted.recent};
  const bool decoding = layer.point.step > 0;
  const auto excess = std::max<int64_t>(static_cast<int64_t>(positions.size()) - capacity, 0);
  if (decoding && excess == 0) return;
  // Protected rows fit into the capacity, so that as many candidates as there are in excess exist.
  decisions.push_back(decoding ? cut_order(rows, eviction_order(rows, excess + 1), excess)
                               : cut_order(rows, eviction_order(rows), excess));
  decisions.back().kv_head = kv_head;
}

}  // namespace

Protection Protection::within(int64_t capacity) const {
  const int64_t newest = std::min(recent, capacity);
  return {.sinks = std::min(sinks, capacity - newest), .recent = newest};
}

std::vector<Decision> cut_heads(const LayerView& layer, std::span<const double> scores,
                                int64_t capacity, const Protection& protection) {
  const int kv_heads = layer.cache.shape().kv_heads;
  const size_t keys = scores.size() / static_cast<size_t>(kv_heads);
  std::vector<Decision> decisions;
  for (int head = 0; head < kv_heads; ++head) {
    cut_one(layer, head, scores.subspan(static_cast<size_t>(head) * keys, keys), capacity,
            protection, decisions);
  }
  return decisions;
}

std::vector<Decision> cut_layer(const LayerView& layer, std::span<const double> scores,
                                int64_t capacity, const Protection& protection) {
  std::vector<Decision> decisions;
  cut_one(layer, -1, scores, capacity, protection, decisions);
  return decisions;
}

FixedBudget FixedBudget::take(const std::string& policy, PolicyOptions& options,
                              Decoding decoding) {
  FixedBudget budget;
  budget.policy_ = policy;
  budget.budgets_ = LayerBudgets::take(options);
  if (decoding == Decoding::not_offered) return budget;
  budget.offered_ = true;
  budget.decode_ = options.take_choice("decode", "off", {"off", "on"}) == "on";
  constexpr int64_t kAbsent = -1;
  const int64_t every = options.take_count("every", kAbsent);
  if (every == 0) {
    fail_usage("Policy '{}': every=0 is no number of steps; write every=1 to evict in each.",
               policy);
  }
  if (every != kAbsent && !budget.decode_) {
    fail_usage(
        "Policy '{}': every={} needs decode=on; without it nothing is evicted while decoding.",
        policy, every);
  }
  budget.every_ = every == kAbsent ? 1 : every;
  return budget;
}

std::vector<std::pair<std::string, std::string>> FixedBudget::parameters() const {
  auto parameters = budgets_.parameters();
  if (offered_) {
    parameters.emplace_back("decode", decode_ ? "on" : "off");
    if (decode_) parameters.emplace_back("every", std::to_string(every_));
  }
  return parameters;
}

bool FixedBudget::evicts(const DecisionPoint& point) const {
  if (point.step == 0) return true;
  return decode_ && point.step % every_ == 0 && !is_exempt(point.layer);
}

std::vector<std::pair<std::string, std::string>> FixedBudgetPolicy::parameters() const {
  auto parameters = budget_.parameters();
  for (auto& own : own_parameters()) parameters.push_back(std::move(own));
  return parameters;
}

std::vector<Decision> FixedBudgetPolicy::decide(const LayerView& layer) const {
  if (budget_.is_exempt(layer.point.layer)) return {keep_all(layer, Reason::exempt_layer)};
  return cut(layer, budget_.capacity(layer.point));
}

Protection take_protection(PolicyOptions& options) {
  Protection protection;
  protection.sinks = options.take_count("sinks", 0);
  protection.recent = options.take_count("recent", 0);
  return protection;
}

std::vector<std::pair<std::string, std::string>> parameters_of(const Protection& protection) {
  return {{"sinks", std::to_string(protection.sinks)},
          {"recent", std::to_string(protection.recent)}};
}

}  // namespace kvreel::engine
