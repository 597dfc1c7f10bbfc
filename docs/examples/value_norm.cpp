// Value norm: positions whose values are shortest say least, and go first. The worked example of
// docs/policies.md; a baseline, not a published method.
#include <cmath>
#include <memory>

#include "engine/policy/budget.h"
#include "engine/policy/ranked.h"

namespace kvreel::engine {
namespace {

class ValueNorm final : public Policy {
 public:
  explicit ValueNorm(PolicyOptions& options)
      : budgets_(LayerBudgets::take(options)),
        sinks_(options.take_count("sinks", 4)),
        recent_(options.take_count("recent", 8)) {}

  std::vector<std::pair<std::string, std::string>> parameters() const override {
    auto parameters = budgets_.parameters();
    parameters.emplace_back("sinks", std::to_string(sinks_));
    parameters.emplace_back("recent", std::to_string(recent_));
    return parameters;
  }

  void check(const ModelConfig& config) const override { budgets_.check("value-norm", config); }

  std::vector<Decision> decide(const LayerView& layer) const override {
    if (budgets_.is_exempt(layer.point.layer)) return {keep_all(layer, Reason::exempt_layer)};
    const auto dim = static_cast<size_t>(layer.config.head_dim);
    std::vector<Decision> decisions;
    for (int head = 0; head < layer.config.kv_heads; ++head) {
      const std::vector<float> values = layer.values(head);  // [rows, head_dim]
      std::vector<double> norms(values.size() / dim, 0.0);
      for (size_t i = 0; i < values.size(); ++i) {
        norms[i / dim] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
      }
      for (double& norm : norms) norm = std::sqrt(norm);

      const std::span<const int32_t> positions = layer.positions(head);
      const auto n = static_cast<int64_t>(positions.size());
      decisions.push_back(cut_to_capacity({.positions = positions,
                                           .scores = norms,
                                           .protected_first = sinks_,
                                           .protected_last = recent_},
                                          budgets_.of(layer.point.layer, n)));
      decisions.back().kv_head = head;
    }
    return decisions;
  }

 private:
  LayerBudgets budgets_;
  int64_t sinks_;
  int64_t recent_;
};

}  // namespace

PolicyInfo value_norm_policy() {
  return {.name = "value-norm",
          .summary = "evict the positions with the shortest values, to a budget fixed beforehand",
          .options =
              "budget=50%          share of the prompt, or a count of positions (128)\n"
              "layer-budgets=none  layers with a budget of their own: 0-1@100%+31@128\n"
              "keep-layers=none    layers left whole: 0-1, 0+1+31\n"
              "sinks=4             first positions that always stay\n"
              "recent=8            newest positions that always stay",
          .make = [](PolicyOptions& options) { return std::make_unique<ValueNorm>(options); }};
}

}  // namespace kvreel::engine
