// What policies with a budget given beforehand share: the capacity of every layer, whether it is
// held while decoding, and the cut of scored rows to it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/policy/budget.h"
#include "engine/policy/policy.h"
#include "engine/policy/registry.h"

namespace kvreel::engine {

// Rows of a KV head that stay whatever their score, before they are fitted into a capacity.
struct Protection {
  int64_t sinks = 0;   // oldest rows
  int64_t recent = 0;  // newest rows

  // The same within a capacity: the newest come first, and sinks take what room is left, so that
  // what is protected never exceeds the capacity and every cut can be exact.
  Protection within(int64_t capacity) const;
};

// Cuts each KV head to `capacity` rows: one decision for each. scores: [kv_heads,
// statistics.keys], of cached rows; the lowest goes first. In a decode step a head that loses
// nothing has no decision, and a ranking ends with the candidate at which eviction stopped: one row
// goes of many, and whole orders, in every step, layer and KV head, would be most of a trace.
std::vector<Decision> cut_heads(const LayerView& layer, std::span<const double> scores,
                                int64_t capacity, const Protection& protection);
// The same for KV heads that hold the same positions: one decision for all. scores: [cached rows].
std::vector<Decision> cut_layer(const LayerView& layer, std::span<const double> scores,
                                int64_t capacity, const Protection& protection);

// Capacity counts everything that stays, protected rows included. After prefill every KV head of a
// layer holds min(prompt, capacity) positions. While decoding (decode=on) the same capacity is
// restored after every M-th step (every=M), so that there are at most M - 1 rows more in between.
class FixedBudget {
 public:
  // Whether the policy's rule says what to evict while decoding.
  enum class Decoding : uint8_t { not_offered, offered };

  // Takes budget, layer-budgets and keep-layers (LayerBudgets), and, where it is offered,
  // decode=off|on and every=STEPS. Throws UsageError for values that keep nothing, and for `every`
  // where nothing is evicted while decoding. `policy` is the name in messages.
  static FixedBudget take(const std::string& policy, PolicyOptions& options, Decoding decoding);

  std::vector<std::pair<std::string, std::string>> parameters() const;
  void check(const ModelConfig& config) const { budgets_.check(policy_, config); }

  bool is_exempt(int layer) const { return budgets_.is_exempt(layer); }
  bool is_own(int layer) const { return budgets_.is_own(layer); }
  bool while_decoding() const { return decode_; }
  // Whether rows of the layer may go at this point; of layers left whole, in step 0 only, where a
  // decision says so.
  bool evicts(const DecisionPoint& point) const;
  // Rows that stay in each KV head of the point's layer. A count may exceed the prompt; it is then
  // reached while decoding.
  int64_t capacity(const DecisionPoint& point) const {
    return budgets_.capacity(point.layer, point.prompt_tokens);
  }

 private:
  std::string policy_;
  LayerBudgets budgets_;
  bool offered_ = false;
  bool decode_ = false;
  int64_t every_ = 1;
};

// A policy that cuts to a fixed budget. What its rule adds is cut().
class FixedBudgetPolicy : public Policy {
 public:
  explicit FixedBudgetPolicy(FixedBudget budget) : budget_(std::move(budget)) {}

  std::vector<std::pair<std::string, std::string>> parameters() const final;
  void check(const ModelConfig& config) const final { budget_.check(config); }
  bool acts(const DecisionPoint& point) const override { return budget_.evicts(point); }
  std::vector<Decision> decide(const LayerView& layer) const override;

 protected:
  const FixedBudget& budget() const { return budget_; }
  // Parameters beside the budget's.
  virtual std::vector<std::pair<std::string, std::string>> own_parameters() const { return {}; }
  // The decisions about a layer that is not left whole.
  virtual std::vector<Decision> cut(const LayerView& layer, int64_t capacity) const = 0;

 private:
  FixedBudget budget_;
};

// sinks=0 and recent=0, for rules that protect nothing by themselves.
Protection take_protection(PolicyOptions& options);
std::vector<std::pair<std::string, std::string>> parameters_of(const Protection& protection);

// First line of PolicyInfo::options, and the explanation that --help gives once for all policies.
inline constexpr const char* kPrefillBudgetOptions =
    "budget, layer-budgets, keep-layers                 fixed budget: see below";
inline constexpr const char* kBudgetOptions =
    "budget, layer-budgets, keep-layers, decode, every  fixed budget: see below";
inline constexpr const char* kFixedBudgetHelp =
    "budget=50%          what stays, all counted: a share of the prompt, or positions (128)\n"
    "layer-budgets=none  layers with a budget of their own: 0-1@100%+31@128\n"
    "keep-layers=none    layers left whole: 0-1, 0+1+31\n"
    "decode=off          on: hold the budget while decoding, too\n"
    "every=1             with decode=on: steps from one eviction to the next";
inline constexpr const char* kProtectionHelp =
    "sinks=0             first positions that always stay\n"
    "recent=0            newest positions that always stay";

}  // namespace kvreel::engine
