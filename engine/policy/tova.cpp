// TOVA (Oren et al. 2024, arXiv 2401.06104): what the last row attends to least goes, by the mean
// over all query heads of the layer, so that its KV heads lose the same positions.
//
// There is no window; only the row's own position, the newest, always stays. While decoding each
// step's row decides.
#include "engine/policy/fixed_budget.h"
#include "engine/policy/observation_window.h"
#include "engine/policy/policies.h"
#include "engine/policy/ranked.h"

namespace kvreel::engine {
namespace {

class Tova final : public FixedBudgetPolicy {
 public:
  explicit Tova(PolicyOptions& options)
      : FixedBudgetPolicy(FixedBudget::take("tova", options, FixedBudget::Decoding::offered)) {}

  StatisticsRequest needs(const DecisionPoint&) const override { return {.last_rows = 1}; }

 private:
  std::vector<Decision> cut(const LayerView& layer, int64_t capacity) const override {
    const std::vector<double> row = window_sums(layer.statistics, 1);
    return cut_layer(layer, reduce_heads(row, layer.statistics.q_heads, 1, HeadReduction::mean),
                     capacity, {.recent = 1});
  }
};

}  // namespace

PolicyInfo tova_policy() {
  return {.name = "tova",
          .summary = "what the last row attends to most, in the mean over a layer's query heads",
          .options = kBudgetOptions,
          .make = [](PolicyOptions& options) { return std::make_unique<Tova>(options); }};
}

}  // namespace kvreel::engine
