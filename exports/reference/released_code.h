// The released code's eviction rule, stated anew from its description and sharing nothing with the
// policy that kvreel runs: what it evicts from a layer, given the attention of the last prompt
// rows.
//
// Source: ReFreeKV (Ni et al. 2025, arXiv 2502.16886) section 2 and the code released with it
// (github.com/Patrick-Ni/ReFreeKV, commit cc68486): StreamingLLMKVCluster and H2OKVCluster with
// --dynamic and last_token_attn. All sums are in double precision.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kvreel::exports {

// Attention of one layer's last prompt rows, causal.
struct LayerRows {
  int64_t heads = 0;                 // query heads
  int64_t rows = 0;                  // recorded of each; row 0 is the prompt's last
  int64_t keys = 0;                  // prompt positions
  std::vector<float> probabilities;  // [heads, rows, keys]

  std::span<const float> row(int64_t head, int64_t back) const {
    return std::span(probabilities)
        .subspan(static_cast<size_t>((head * rows + back) * keys), static_cast<size_t>(keys));
  }
};

// What may differ between the released code's variants, and between them and kvreel's parameters.
struct Rule {
  double threshold = 0.01;
  std::vector<int> saved_layers;  // left whole, ascending
  int64_t sinks = 4;              // first positions, which stay and are no candidates
  int64_t window = 0;             // newest positions, likewise
  // The released code's windows are 1 where the prompt is no longer than the window.
  bool window_shrinks = false;
  bool by_attention = false;  // candidates are ranked weakest first instead of oldest first
  bool per_kv_head = false;   // rankings of KV heads, by the sum over their query heads, instead of
                              // rankings of query heads
  int64_t score_rows = 8;     // last rows whose attention ranks
  int64_t metric_rows = 1;  // last rows that the norm is taken of: sums over rows per key, divided
                            // by the rows that are not zero there (the paper's equation 2)
  bool base_all = false;    // norms over all positions instead of over the candidates
  bool round_metric = false;  // probabilities to bf16 before the norms
  bool round_scores = false;  // probabilities to bf16 before they are summed up, and the sums

  // Recorded rows that the rule reads of a prompt of so many positions.
  int64_t rows_needed(int64_t keys) const;
};

struct Outcome {
  int64_t cut = 0;               // candidates evicted in every ranking
  std::vector<double> distance;  // [candidates]: drop of the norm when the first i candidates go
  // Candidates, first to go first: one ranking for the layer, or one of each KV or query head.
  std::vector<std::vector<int32_t>> order;
  std::vector<std::vector<double>> scores;  // of the candidates in order; empty by position
};

// The rule on one layer. kv_heads divides rows.heads; at least rule.rows_needed() rows are there.
Outcome apply_rule(const Rule& rule, const LayerRows& rows, int layer, int64_t kv_heads);

// To the nearest bf16, halves to even.
float to_bf16(float value);

}  // namespace kvreel::exports
