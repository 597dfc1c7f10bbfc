// What policies that score positions have in common: scores of query heads become scores of KV
// heads, scores become an order of eviction, and an order is cut to a size.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/policy/policy.h"
#include "engine/policy/registry.h"

namespace kvreel::engine {

// How the scores of the query heads that share a KV head become one score.
enum class HeadReduction : uint8_t { mean, sum, max };
// Takes the option reduce=mean|sum|max.
HeadReduction take_head_reduction(PolicyOptions& options, const std::string& fallback);
std::string name_of(HeadReduction reduction);

// scores: [q_heads, keys] -> [kv_heads, keys]. kv_heads divides q_heads; kv_heads = 1 reduces over
// all heads of a layer.
std::vector<double> reduce_heads(std::span<const double> scores, int64_t q_heads, int64_t kv_heads,
                                 HeadReduction reduction);

// One KV head's cached rows and what is to be decided about them.
struct RankedRows {
  std::span<const int32_t> positions;  // cached, oldest first
  std::span<const double> scores;      // [positions]; the lowest goes first
  int64_t protected_first = 0;         // rows that are no candidates
  int64_t protected_last = 0;
};

// Indices of candidate rows in the order of eviction: ascending by score, older first of equals.
std::vector<int32_t> eviction_order(const RankedRows& rows);
// The first `count` of them, or all where there are fewer: cheaper where few go.
std::vector<int32_t> eviction_order(const RankedRows& rows, int64_t count);

// Evicts the first candidates of the order until `capacity` rows remain, protected ones included;
// these stay even where they are more. The decision has ranking, scores, cut and halt position;
// kv_head and reason are the caller's to change (fixed_budget, or too_short where nothing goes).
Decision cut_to_capacity(const RankedRows& rows, int64_t capacity);
// The same with the first `cut` of a given order evicted.
Decision cut_order(const RankedRows& rows, const std::vector<int32_t>& order, int64_t cut);

// Nothing goes: every KV head of the layer keeps all it has.
Decision keep_all(const LayerView& layer, Reason reason);

}  // namespace kvreel::engine
