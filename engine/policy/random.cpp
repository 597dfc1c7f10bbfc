// Eviction by chance: what a policy must beat.
//
// Every position of a layer's KV head has a lot of its own, drawn from a hash of the seed, the
// layer, the head and the position; the lowest lots go. So a seed gives the same choice whatever
// the number of threads or the order of the work, and the rows that stay while decoding are at any
// time a random set of all positions so far.
#include "engine/mix_bits.h"
#include "engine/policy/fixed_budget.h"
#include "engine/policy/policies.h"

namespace kvreel::engine {
namespace {

// From 0 to 1, of 24 bits, so that the fp32 scores of a trace are the lots themselves.
double lot(uint64_t seed, uint64_t layer, uint64_t head, uint64_t position) {
  const uint64_t hash = split_mix(split_mix(split_mix(split_mix(seed) ^ layer) ^ head) ^ position);
  return static_cast<double>(hash >> 40) / static_cast<double>(uint64_t{1} << 24);
}

class Random final : public FixedBudgetPolicy {
 public:
  explicit Random(PolicyOptions& options)
      : FixedBudgetPolicy(FixedBudget::take("random", options, FixedBudget::Decoding::offered)),
        seed_(options.take_seed("seed", 0)),
        protection_(take_protection(options)) {}

 private:
  std::vector<std::pair<std::string, std::string>> own_parameters() const override {
    auto parameters = parameters_of(protection_);
    parameters.emplace_back("seed", std::to_string(seed_));
    return parameters;
  }

  std::vector<Decision> cut(const LayerView& layer, int64_t capacity) const override {
    const int kv_heads = layer.cache.shape().kv_heads;
    const auto longest = static_cast<size_t>(layer.cache.longest(layer.point.layer));
    std::vector<double> scores;
    for (int head = 0; head < kv_heads; ++head) {
      for (const int32_t position : layer.positions(head)) {
        scores.push_back(lot(static_cast<uint64_t>(seed_), static_cast<uint64_t>(layer.point.layer),
                             static_cast<uint64_t>(head), static_cast<uint64_t>(position)));
      }
      scores.resize(static_cast<size_t>(head + 1) * longest);
    }
    return cut_heads(layer, scores, capacity, protection_);
  }

  int64_t seed_;
  Protection protection_;
};

}  // namespace

PolicyInfo random_policy() {
  return {.name = "random",
          .summary = "positions drawn by lot, in each layer and KV head: what a rule must beat",
          .options =
              std::string(kBudgetOptions) + "\nseed=0              of the lots\n" + kProtectionHelp,
          .make = [](PolicyOptions& options) { return std::make_unique<Random>(options); }};
}

}  // namespace kvreel::engine
