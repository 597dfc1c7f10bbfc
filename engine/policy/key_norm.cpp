// Eviction by the norm of keys (Devoto et al. 2024, arXiv 2406.11430): keys with a low L2 norm draw
// much attention, so those with the highest go first. Needs no attention at all.
//
// The rotary embedding turns keys and does not change their norms.
#include <cmath>

#include "engine/policy/fixed_budget.h"
#include "engine/policy/policies.h"

namespace kvreel::engine {
namespace {

class KeyNorm final : public FixedBudgetPolicy {
 public:
  explicit KeyNorm(PolicyOptions& options)
      : FixedBudgetPolicy(FixedBudget::take("key-norm", options, FixedBudget::Decoding::offered)),
        protection_(take_protection(options)) {}

 private:
  std::vector<std::pair<std::string, std::string>> own_parameters() const override {
    return parameters_of(protection_);
  }

  std::vector<Decision> cut(const LayerView& layer, int64_t capacity) const override {
    const KvCache::Shape& shape = layer.cache.shape();
    const auto dim = static_cast<size_t>(shape.page.head_dim);
    const auto longest = static_cast<size_t>(layer.cache.longest(layer.point.layer));
    std::vector<double> scores(static_cast<size_t>(shape.kv_heads) * longest, 0.0);
    for (int head = 0; head < shape.kv_heads; ++head) {
      const std::vector<float> keys = layer.keys(head);
      double* of_head = scores.data() + static_cast<size_t>(head) * longest;
      for (size_t i = 0; i < keys.size(); ++i) {
        const auto value = static_cast<double>(keys[i]);
        of_head[i / dim] += value * value;
      }
      for (size_t row = 0; row < keys.size() / dim; ++row) of_head[row] = -std::sqrt(of_head[row]);
    }
    return cut_heads(layer, scores, capacity, protection_);
  }

  Protection protection_;
};

}  // namespace

PolicyInfo key_norm_policy() {
  return {.name = "key-norm",
          .summary = "keys of the lowest L2 norm",
          .options = std::string(kBudgetOptions) + "\n" + kProtectionHelp,
          .make = [](PolicyOptions& options) { return std::make_unique<KeyNorm>(options); }};
}

}  // namespace kvreel::engine
