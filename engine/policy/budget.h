// Budgets given beforehand: so many positions of a prompt, per layer where asked.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/config.h"
#include "engine/policy/registry.h"

namespace kvreel::engine {

// How many positions of a prompt stay in each layer.
class LayerBudgets {
 public:
  // Takes the options budget=AMOUNT (default 50%), layer-budgets=LAYERS@AMOUNT+LAYERS@AMOUNT (such
  // as 0-1@100%+31@128: layers that differ; "none") and keep-layers=LAYERS (layers left whole).
  // Throws UsageError for a budget of 0 or above 100 %.
  static LayerBudgets take(PolicyOptions& options);

  // Positions out of n; n itself for layers left whole. At least 1.
  int64_t of(int layer, int64_t n) const;
  // The same for a cache that grows while decoding: a count is not cut down to the prompt, and a
  // layer left whole has no bound.
  int64_t capacity(int layer, int64_t prompt) const;
  bool is_exempt(int layer) const;
  // Whether the layer has a budget of its own.
  bool is_own(int layer) const;
  // The options that were taken, for Policy::parameters().
  std::vector<std::pair<std::string, std::string>> parameters() const;
  // Throws UsageError where a layer is named that the model lacks.
  void check(const std::string& policy, const ModelConfig& config) const;

 private:
  Amount amount_of(int layer) const;

  Amount common_{.value = 0.5, .is_share = true};
  std::vector<std::pair<int, Amount>> by_layer_;  // ascending
  std::vector<int> exempt_;                       // ascending
};

// Throws UsageError where `layers`, the value of `option`, names one that the model lacks.
void check_layers(const std::string& policy, const std::string& option,
                  const std::vector<int>& layers, const ModelConfig& config);

}  // namespace kvreel::engine
