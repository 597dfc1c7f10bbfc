// The norm of attention as candidates are evicted one by one: ReFreeKV's metrics, without a policy.
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
// one row it is the row itself. Without `average` it is the plain sum (the released code without
// --normalize). Result: [q_heads, keys].
std::vector<float> reduce_last_rows(const AttentionStatistics& statistics, int64_t rows,
                                    bool average = true);

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

// What of the attention is measured, and how it is compared. Every candidate has an energy in every
// query head (the square of its entry in the reduced row; a sum over its column or row of the
// attention matrix); a measure is the sum of the energies of a set of candidates, or its root.
struct CurveRule {
  bool root = true;      // a head's measure is the root of the sum: a norm
  bool removed = false;  // distance: the measure of what is evicted, over the base; else: the drop
                         // of the measure of what is left, over the base
};
// energies: [q_heads, keys], not negative. With E_h(A) = the sum of the energies of A in head h, f
// the root or nothing, F = sum_h f(E_h(candidates)):
//   drop:    distance[i] = (F - sum_h f(E_h(candidates i and later))) / F
//   removed: distance[i] = sum_h f(E_h(candidates before i)) / F
// distance_all counts what is no candidate as well: in F, and in the drop as what always stays. The
// base norms are F over the number of heads. norm_curve() is the drop of the root of squares.
NormCurve energy_curve(std::span<const double> energies, int64_t q_heads,
                       std::span<const std::vector<int32_t>> rankings, CurveRule rule);

// The number of candidates to evict: the largest i with distance[i] <= threshold, 0 for an empty
// curve. The comparison is made on the stored fp32 values, so that a cut read off a recorded curve
// is the cut that was made.
int64_t cut_at(std::span<const float> distance, double threshold);

}  // namespace kvreel::engine
