// SnapKV (Li et al. 2024, arXiv 2404.14469): the positions that the last rows of the prompt attend
// to most, smoothed along the keys, and these rows' own.
//
// Defaults are those of the released ReFreeKV code's baseline. Two things differ from that code:
// scores of the query heads that share a KV head become one, because the cache is never repeated to
// query heads, and nothing is rounded to the model's dtype.
#include "engine/policy/fixed_budget.h"
#include "engine/policy/observation_window.h"
#include "engine/policy/policies.h"

namespace kvreel::engine {
namespace {

class SnapKv final : public FixedBudgetPolicy {
 public:
  explicit SnapKv(PolicyOptions& options)
      : FixedBudgetPolicy(FixedBudget::take("snapkv", options, FixedBudget::Decoding::not_offered)),
        window_(ObservationWindow::take("snapkv", options)) {}

  StatisticsRequest needs(const DecisionPoint&) const override { return window_.needs(); }

 private:
  std::vector<std::pair<std::string, std::string>> own_parameters() const override {
    return window_.parameters();
  }

  std::vector<Decision> cut(const LayerView& layer, int64_t capacity) const override {
    const int64_t rows = window_.rows(capacity);
    return cut_heads(layer, window_.scores(layer, rows), capacity, {.recent = rows});
  }

  ObservationWindow window_;
};

}  // namespace

PolicyInfo snapkv_policy() {
  return {.name = "snapkv",
          .summary = "what the last prompt rows attend to most, smoothed, and these rows",
          .options = std::string(kPrefillBudgetOptions) + "\n" + kObservationWindowHelp,
          .make = [](PolicyOptions& options) { return std::make_unique<SnapKv>(options); }};
}

}  // namespace kvreel::engine
