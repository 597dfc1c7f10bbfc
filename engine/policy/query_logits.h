// Attention logits of remembered queries against cached keys, for policies that look at attention
// which the step itself did not pay.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/policy/policy.h"

namespace kvreel::engine {

// q_r . k_j / sqrt(head_dim), without any mask. queries: [rows, head_dim], keys: [keys, head_dim],
// both with the rotary phase of their position. Result: [rows, keys]. Sums in fp32 in a fixed
// order, so that they do not depend on the machine's vector width.
std::vector<float> query_logits(std::span<const float> queries, std::span<const float> keys,
                                int64_t head_dim);

// exp(x_j / temperature - max) / sum, in place, over a row that is not empty.
void softmax(std::span<double> row, double temperature = 1);

// The last `rows` attention rows of the prompt as if no query were masked: each sees every cached
// key, later ones too, and no sliding window. The last row is the attention that was paid. needs:
// last_rows and last_queries of `rows`. Result: statistics with q_heads, keys, last_rows and
// probabilities.
AttentionStatistics unmasked_last_rows(const LayerView& layer, int64_t rows);

}  // namespace kvreel::engine
