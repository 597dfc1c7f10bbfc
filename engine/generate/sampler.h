// From logits to a token.
#pragma once

#include <cstdint>
#include <span>

namespace kvreel::engine {

struct SamplingOptions {
  double temperature = 0;  // 0: greedy, the most probable token (the lowest id of equals)
  int64_t top_k = 0;       // 0: all
  double top_p = 1;
  uint64_t seed = 0;
};

struct Sampled {
  int32_t token = 0;
  float logprob = 0;  // natural log of softmax(logits)[token], whatever the temperature
};

// `sample` and `step` choose the random number, so that every run draws the same ones for the same
// step of the same sample, and a recording can be repeated. Throws Error where a logit is not
// finite, since nothing true can follow.
Sampled sample_token(std::span<const float> logits, const SamplingOptions& options, int32_t sample,
                     int32_t step);

}  // namespace kvreel::engine
