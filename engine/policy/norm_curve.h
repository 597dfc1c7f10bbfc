// The norm of reduced attention rows as candidates are evicted one by one: ReFreeKV's metric,
// without a policy.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/policy/decision.h"
#include "engine/statistics.h"

namespace kvreel::engine {

// The last `rows` attention rows of a layer, reduced to one row per query head: the value of key j
// is the sum of a_ij over those rows, divided by the number of entries that are not zero (ReFreeKV,
// eq. 2). Rows that may not see key j, by causality or a sliding window, have a zero there. With
// one row it is the row itself. Result: [q_heads, keys].
std::vector<float> reduce_last_rows(const AttentionStatistics& statistics, int64_t rows);

// Rounds to bf16 and back, to nearest even: what the released code's softmax output went through.
void round_to_bf16(std::span<float> values);

// rankings[g]: indices of keys in the order of eviction, for the query heads of KV head g; or one
// ranking for all. reduced: [q_heads, keys]. With a_h the reduced row of head h and p its ranking
// of L candidates,
//   S_i = mean_h sqrt(sum_{t >= i} a_h[p_t]^2),  F = S_0,  distance[i] = (F - S_i) / F,  i = 0 .. L
//   - 1
// (ReFreeKV, eq. 3, as the released last_token_attn computes it: the mean over heads comes after
// the root). distance_all takes F and S_i over all keys: what is no candidate is never evicted.
// Sums in fp64, distances stored in fp32.
NormCurve norm_curve(std::span<const float> reduced, int64_t q_heads,
                     std::span<const std::vector<int32_t>> rankings);

// The number of candidates to evict: the largest i with distance[i] <= threshold, 0 for an empty
// curve. The comparison is made on the stored fp32 values, so that a cut read off a recorded curve
// is the cut that was made.
int64_t cut_at(std::span<const float> distance, double threshold);

}  // namespace kvreel::engine
