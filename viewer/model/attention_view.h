// Attention norms by layer and head, and rows of probabilities by token.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

struct AttentionMetric {
  const char* name;     // "last row norm"
  const char* unit;     // "nat", "" where it has none
  const char* meaning;  // a sentence
};
inline constexpr std::array<AttentionMetric, 5> kAttentionMetrics = {{
    {"last row norm", "", "L2 norm of the last query row's probabilities over all cached keys"},
    {"Frobenius norm", "", "Root of the sum of squared probabilities over the step's query rows"},
    {"mean entropy", "nat",
     "Entropy of a query row's probabilities, mean over the step's query rows"},
    {"last row entropy", "nat", "Entropy of the last query row's probabilities"},
    {"mass on sinks", "", "Probability mass of the last query row on the first 4 cached keys"},
}};
// Of a row of kAttentionMetrics; out of range: the first.
const std::vector<float>& metric_values(const AttentionNorms& norms, int metric);

// Row of `steps` for a step: the step itself, else the last recorded before it, else the first; -1
// where nothing was recorded.
int recorded_step(const AttentionNorms& norms, int32_t step);

// One step as [layers][heads], NaN: not recorded.
struct NormGrid {
  int layers = 0;
  int heads = 0;
  std::vector<float> values;
  float least = 0;  // of the values that are numbers
  float most = 0;
  bool any = false;
  float at(int layer, int head) const {
    return values[static_cast<size_t>(layer) * static_cast<size_t>(heads) +
                  static_cast<size_t>(head)];
  }
};
NormGrid norm_grid(const AttentionNorms& norms, int metric, int step_row);
// `of` minus `reference` at the same step number; NaN where either has none. least = -most: a
// diverging scale around 0.
NormGrid norm_difference(const AttentionNorms& of, const AttentionNorms& reference, int metric,
                         int32_t step);

// A metric of one layer over steps: by head [heads][steps], and the mean over the heads that have a
// value.
struct NormLines {
  std::vector<int32_t> steps;
  std::vector<std::vector<double>> by_head;
  std::vector<double> mean;
  double least = 0;
  double most = 0;
  bool any = false;
};
NormLines norm_lines(const AttentionNorms& norms, int metric, int layer);
// Each value minus the reference's of the same step and head.
NormLines norm_line_difference(const AttentionNorms& of, const AttentionNorms& reference,
                               int metric, int layer);

enum class TokenState : uint8_t { kept, evicted, sink, generated };

// Probabilities of the last query row by prompt position, then by generated token.
struct AttentionRow {
  std::vector<float> probability;  // by key
  std::vector<int32_t> position;   // of each key, ascending; empty where it is not known
  bool any = false;
};

// Positions of the keys that a query head of a layer sees in a step, before that step's eviction;
// nothing where the trace does not tell.
std::optional<std::vector<int32_t>> key_positions(const PassDetail& pass, int32_t step,
                                                  int32_t layer, int head, int query_heads,
                                                  int kv_heads, size_t keys);
// Of one head, or for head -1 the mean over heads; a key that a head no longer has counts as 0.
AttentionRow attention_row(const AttentionRowSet& rows, const PassDetail& pass, int32_t step,
                           int32_t layer, int head, int query_heads, int kv_heads);

// State of each prompt position after the layer's first decision; for head -1 a position is kept
// where any KV head keeps it. `sinks`: the first so many are sinks where they are kept.
std::vector<TokenState> token_states(const PassDetail& pass, int32_t layer, int head,
                                     int query_heads, int kv_heads, int32_t prompt_tokens,
                                     int32_t sinks);

// Keys with the largest probabilities, descending; equal ones by position.
std::vector<size_t> top_keys(std::span<const float> probabilities, size_t count);

// Columns of pixels over keys [0, n): the largest probability of each and the key that has it.
struct RowColumn {
  size_t key = 0;
  float probability = 0;
};
std::vector<RowColumn> row_columns(std::span<const float> probabilities, size_t columns);

}  // namespace kvreel::viewer
