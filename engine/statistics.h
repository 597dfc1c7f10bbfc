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

  bool any() const {
    return last_rows > 0 || row_norms || row_entropy || column_sums || column_square_sums;
  }
  // Everything that either asks for.
  StatisticsRequest merged(const StatisticsRequest& other) const;
};

// Attention probabilities a_ij of one layer in one step, summed up: i over the step's query rows, j
// over the cached keys at the time (before any eviction). Empty where not requested.
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

  // Sizes and zeroes what is requested.
  static AttentionStatistics make(const StatisticsRequest& request, int64_t q_heads,
                                  int64_t queries, int64_t keys);
  // Row r (0 = oldest of the last rows) of one query head: [keys].
  std::span<const float> row(int64_t q_head, int64_t r) const;
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
inline constexpr int64_t kSinkPositions = 4;

// Per query head; NaN where the statistics that a number needs were not requested.
std::vector<HeadNorms> head_norms(const AttentionStatistics& statistics);

}  // namespace kvreel::engine
