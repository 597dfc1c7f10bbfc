// Rotary position embedding: frequencies, and tables of cosines and sines by position.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/model/config.h"

namespace kvreel::engine {

// inv_freq[i] of the pair (i, i + head_dim / 2), i < head_dim / 2, with the configured scaling.
// Sources: the formulas of Hugging Face transformers' modeling_rope_utils (default, linear, llama3,
// yarn). They are computed in double here and in fp32 there, where angles near position 4095 are
// off by up to 2.5e-4 rad (1.2e-4 by the frequency, 1.2e-4 by rounding the angle itself).
std::vector<double> rope_inverse_frequencies(const RopeConfig& rope, int head_dim);

// cos and sin of position * inv_freq, each [positions, head_dim / 2], multiplied by
// rope.attention_factor: computed in double, rounded to float once.
struct RopeTable {
  std::vector<float> cos;
  std::vector<float> sin;
};
RopeTable make_rope_table(const RopeConfig& rope, int head_dim, int64_t positions);

}  // namespace kvreel::engine
