// KeyDiff (Park et al. 2025, arXiv 2504.15364): keys that resemble the others go first. The measure
// is the cosine with the mean of all normalised keys of the KV head. Needs no attention at all.
//
// Keys are compared as they are cached, with the rotary phase of their position.
#include <cmath>

#include "engine/policy/fixed_budget.h"
#include "engine/policy/policies.h"

namespace kvreel::engine {
namespace {

// keys: [rows, dim] -> the rows divided by their norms, zero where that is zero.
std::vector<double> normalised(const std::vector<float>& keys, size_t dim) {
  std::vector<double> unit(keys.begin(), keys.end());
  for (size_t begin = 0; begin < unit.size(); begin += dim) {
    double squares = 0;
    for (size_t i = begin; i < begin + dim; ++i) squares += unit[i] * unit[i];
    if (squares == 0) continue;
    for (size_t i = begin; i < begin + dim; ++i) unit[i] /= std::sqrt(squares);
  }
  return unit;
}

// Minus the cosine of each row with the mean of all: [rows].
std::vector<double> distinctness(const std::vector<double>& unit, size_t dim) {
  const size_t rows = unit.size() / dim;
  std::vector<double> anchor(dim, 0.0);
  for (size_t i = 0; i < unit.size(); ++i) anchor[i % dim] += unit[i] / static_cast<double>(rows);
  double squares = 0;
  for (const double value : anchor) squares += value * value;
  std::vector<double> scores(rows, 0.0);
  if (squares == 0) return scores;
  for (size_t i = 0; i < unit.size(); ++i) scores[i / dim] -= unit[i] * anchor[i % dim];
  for (double& score : scores) score /= std::sqrt(squares);
  return scores;
}

class KeyDiff final : public FixedBudgetPolicy {
 public:
  explicit KeyDiff(PolicyOptions& options)
      : FixedBudgetPolicy(FixedBudget::take("key-diff", options, FixedBudget::Decoding::offered)),
        protection_(take_protection(options)) {}

 private:
  std::vector<std::pair<std::string, std::string>> own_parameters() const override {
    return parameters_of(protection_);
  }

  std::vector<Decision> cut(const LayerView& layer, int64_t capacity) const override {
    const KvCache::Shape& shape = layer.cache.shape();
    const auto dim = static_cast<size_t>(shape.page.head_dim);
    const auto longest = static_cast<size_t>(layer.cache.longest(layer.point.layer));
    std::vector<double> scores;
    for (int head = 0; head < shape.kv_heads; ++head) {
      const std::vector<double> own = distinctness(normalised(layer.keys(head), dim), dim);
      scores.insert(scores.end(), own.begin(), own.end());
      scores.resize(static_cast<size_t>(head + 1) * longest);
    }
    return cut_heads(layer, scores, capacity, protection_);
  }

  Protection protection_;
};

}  // namespace

PolicyInfo key_diff_policy() {
  return {.name = "key-diff",
          .summary = "keys that resemble the mean of all keys least",
          .options = std::string(kBudgetOptions) + "\n" + kProtectionHelp,
          .make = [](PolicyOptions& options) { return std::make_unique<KeyDiff>(options); }};
}

}  // namespace kvreel::engine
