// Greedy and seeded sampling.
#include "engine/generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "engine/mix_bits.h"

namespace kvreel::engine {
namespace {

// Uniform in [0, 1), a function of its arguments alone.
double uniform(uint64_t seed, int32_t sample, int32_t step) {
  const uint64_t bits = split_mix(split_mix(split_mix(seed) ^ static_cast<uint64_t>(sample)) ^
                                  static_cast<uint64_t>(step));
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

double log_sum_exp(std::span<const float> logits, double highest) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - highest);
  return highest + std::log(sum);
}

}  // namespace

Sampled sample_token(std::span<const float> logits, const SamplingOptions& options, int32_t sample,
                     int32_t step) {
  size_t best = 0;
  for (size_t id = 0; id < logits.size(); ++id) {
    if (!std::isfinite(logits[id])) {
      fail(
          "The model gave a logit that is not finite (token {}, step {} of sample {}): its weights "
          "or its "
          "configuration are broken.",
          id, step, sample);
    }
    if (logits[id] > logits[best]) best = id;
  }
  const double highest = logits[best];
  const double norm = log_sum_exp(logits, highest);
  const auto chosen = [&](size_t id) {
    return Sampled{static_cast<int32_t>(id), static_cast<float>(logits[id] - norm)};
  };
  if (options.temperature <= 0) return chosen(best);

  // Most probable first; equals by id, so that the order is one.
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) {
    const float la = logits[static_cast<size_t>(a)];
    const float lb = logits[static_cast<size_t>(b)];
    return la != lb ? la > lb : a < b;
  });
  if (options.top_k > 0) ids.resize(std::min(ids.size(), static_cast<size_t>(options.top_k)));
  std::vector<double> weights(ids.size());
  double total = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    weights[i] = std::exp((logits[static_cast<size_t>(ids[i])] - highest) / options.temperature);
    total += weights[i];
  }
  // top_p: the fewest tokens whose share reaches p.
  double kept = 0;
  size_t count = 0;
  while (count < ids.size() && (count == 0 || kept < options.top_p * total))
    kept += weights[count++];

  double left = uniform(options.seed, sample, step) * kept;
  for (size_t i = 0; i + 1 < count; ++i) {
    if (left < weights[i]) return chosen(static_cast<size_t>(ids[i]));
    left -= weights[i];
  }
  return chosen(static_cast<size_t>(ids[count - 1]));
}

}  // namespace kvreel::engine
