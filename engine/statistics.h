// What can be known about one layer's attention without its n x n matrix, and what is asked for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kvreel::engine {

// Statistics that somebody (a policy, an observer) wants of one layer's attention in one step.
struct StatisticsRequest {
  int64_t last_rows = 0;  // probabilities of the last k query rows; capped at the rows there are
  bool row_norms = false;
  bool row_entropy = false;
  bool column_sums = false;
  bool column_square_sums = false;
  int64_t last_queries = 0;    // query vectors of the last k rows; capped at the rows there are
  bool query_moments = false;  // sums and products of the query vectors before rotation

  bool any() const {
    return last_rows > 0 || row_norms || row_entropy || column_sums || column_square_sums;
  }
  // Everything that either asks for.
  StatisticsRequest merged(const StatisticsRequest& other) const;
};

// First cached keys, and first rows of a prompt, that statistics treat as attention sinks.
inline constexpr int64_t kSinkPositions = 4;

// Attention probabilities a_ij of one layer in one step, summed up: i over the step's query rows, j
// over the cached keys at the time (before any eviction). Empty where not requested. There may be
// more than one asked for: several requests are met by one pass (a reader of the last k rows takes
// the last k of last_rows).
struct AttentionStatistics {
  int64_t q_heads = 0;
  int64_t queries = 0;  // query rows of the step
  int64_t keys = 0;     // cached positions
  int64_t last_rows = 0;
  std::vector<float> probabilities;       // [q_heads, last_rows, keys]
  std::vector<float> row_square_sums;     // [q_heads, queries], sum_j a_ij^2
  std::vector<float> row_entropy;         // [q_heads, queries], nats
  std::vector<float> column_sums;         // [q_heads, keys], sum_i a_ij
  std::vector<float> column_square_sums;  // [q_heads, keys], sum_i a_ij^2

  int64_t head_dim = 0;
  int64_t last_queries = 0;
  std::vector<float> query_vectors;  // [q_heads, last_queries, head_dim], rotary phase applied
  // Over the step's rows from kSinkPositions on (the first rows of a prompt have outlying queries),
  // before rotation:
  int64_t moment_rows = 0;
  std::vector<double> query_sums;      // [q_heads, head_dim], sum_i q_i
  std::vector<double> query_products;  // [q_heads, head_dim, head_dim], sum_i q_i q_i^T

  // Sizes and zeroes what is requested.
  static AttentionStatistics make(const StatisticsRequest& request, int64_t q_heads,
                                  int64_t queries, int64_t keys, int64_t head_dim);
  // Row r (0 = oldest of the last rows) of one query head: [keys].
  std::span<const float> row(int64_t q_head, int64_t r) const;
  // Query vector r (0 = oldest of the last queries) of one query head: [head_dim].
  std::span<const float> query(int64_t q_head, int64_t r) const;
};

// One query head's attention in numbers.
struct HeadNorms {
  float frobenius = 0;         // sqrt(sum_ij a_ij^2) over the step's query rows
  float last_row = 0;          // L2 norm of the last query row over all keys
  float mean_entropy = 0;      // mean over the query rows, nats
  float last_row_entropy = 0;  // nats
  float last_row_sinks =
      0;  // probability mass of the last row on the first kSinkPositions cached keys
};
// Per query head; NaN where the statistics that a number needs were not requested.
std::vector<HeadNorms> head_norms(const AttentionStatistics& statistics);

}  // namespace kvreel::engine
