// Reads budgets per layer.
#include "engine/policy/budget.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace kvreel::engine {

LayerBudgets LayerBudgets::take(PolicyOptions& options) {
  LayerBudgets budgets;
  budgets.common_ = options.take_budget("budget", budgets.common_);
  budgets.by_layer_ = options.take_layer_amounts("layer-budgets");
  budgets.exempt_ = options.take_layers("keep-layers", {});
  return budgets;
}

Amount LayerBudgets::amount_of(int layer) const {
  for (const auto& [named, own] : by_layer_) {
    if (named == layer) return own;
  }
  return common_;
}

int64_t LayerBudgets::of(int layer, int64_t n) const {
  if (is_exempt(layer)) return n;
  return std::clamp<int64_t>(amount_of(layer).of(n), 1, n);
}

int64_t LayerBudgets::capacity(int layer, int64_t prompt) const {
  if (is_exempt(layer)) return std::numeric_limits<int64_t>::max();
  const Amount amount = amount_of(layer);
  return amount.is_share ? of(layer, prompt)
                         : std::max<int64_t>(static_cast<int64_t>(amount.value), 1);
}

bool LayerBudgets::is_own(int layer) const {
  return std::any_of(by_layer_.begin(), by_layer_.end(),
                     [&](const auto& own) { return own.first == layer; });
}

bool LayerBudgets::is_exempt(int layer) const {
  return std::binary_search(exempt_.begin(), exempt_.end(), layer);
}

std::vector<std::pair<std::string, std::string>> LayerBudgets::parameters() const {
  std::vector<std::string> own;
  for (const auto& [layer, amount] : by_layer_) {
    own.push_back(fmt::format("{}@{}", layer, amount.text()));
  }
  return {{"budget", common_.text()},
          {"layer-budgets", own.empty() ? "none" : fmt::format("{}", fmt::join(own, "+"))},
          {"keep-layers", layers_text(exempt_)}};
}

void LayerBudgets::check(const std::string& policy, const ModelConfig& config) const {
  std::vector<int> named;
  for (const auto& [layer, amount] : by_layer_) named.push_back(layer);
  check_layers(policy, "layer-budgets", named, config);
  check_layers(policy, "keep-layers", exempt_, config);
}

void check_layers(const std::string& policy, const std::string& option,
                  const std::vector<int>& layers, const ModelConfig& config) {
  for (const int layer : layers) {
    if (layer >= config.layers) {
      fail_usage("Policy '{}': {} names layer {}, but the model has layers 0 to {}.", policy,
                 option, layer, config.layers - 1);
    }
  }
}

}  // namespace kvreel::engine
