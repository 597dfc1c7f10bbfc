// Sizes of attention statistics, and the numbers that are read from them.
#include "engine/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kvreel::engine {

StatisticsRequest StatisticsRequest::merged(const StatisticsRequest& other) const {
  return {.last_rows = std::max(last_rows, other.last_rows),
          .row_norms = row_norms || other.row_norms,
          .row_entropy = row_entropy || other.row_entropy,
          .column_sums = column_sums || other.column_sums,
          .column_square_sums = column_square_sums || other.column_square_sums,
          .last_queries = std::max(last_queries, other.last_queries),
          .query_moments = query_moments || other.query_moments};
}

AttentionStatistics AttentionStatistics::make(const StatisticsRequest& request, int64_t q_heads,
                                              int64_t queries, int64_t keys, int64_t head_dim) {
  AttentionStatistics statistics;
  statistics.q_heads = q_heads;
  statistics.queries = queries;
  statistics.keys = keys;
  statistics.last_rows = std::min(request.last_rows, queries);
  const auto sized = [](bool wanted, int64_t size) {
    return std::vector<float>(wanted ? static_cast<size_t>(size) : 0, 0.0f);
  };
  statistics.probabilities = sized(statistics.last_rows > 0, q_heads * statistics.last_rows * keys);
  statistics.row_square_sums = sized(request.row_norms, q_heads * queries);
  statistics.row_entropy = sized(request.row_entropy, q_heads * queries);
  statistics.column_sums = sized(request.column_sums, q_heads * keys);
  statistics.column_square_sums = sized(request.column_square_sums, q_heads * keys);
  statistics.head_dim = head_dim;
  statistics.last_queries = std::min(request.last_queries, queries);
  statistics.query_vectors =
      sized(statistics.last_queries > 0, q_heads * statistics.last_queries * head_dim);
  if (request.query_moments) {
    statistics.moment_rows = std::max<int64_t>(queries - kSinkPositions, 0);
    statistics.query_sums.resize(static_cast<size_t>(q_heads * head_dim));
    statistics.query_products.resize(static_cast<size_t>(q_heads * head_dim * head_dim));
  }
  return statistics;
}

std::span<const float> AttentionStatistics::row(int64_t q_head, int64_t r) const {
  const auto begin = static_cast<size_t>((q_head * last_rows + r) * keys);
  return {probabilities.data() + begin, static_cast<size_t>(keys)};
}

std::span<const float> AttentionStatistics::query(int64_t q_head, int64_t r) const {
  const auto begin = static_cast<size_t>((q_head * last_queries + r) * head_dim);
  return {query_vectors.data() + begin, static_cast<size_t>(head_dim)};
}

std::vector<HeadNorms> head_norms(const AttentionStatistics& statistics) {
  constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();
  const auto queries = static_cast<size_t>(statistics.queries);
  std::vector<HeadNorms> norms(static_cast<size_t>(statistics.q_heads),
                               {kUnknown, kUnknown, kUnknown, kUnknown, kUnknown});
  for (size_t head = 0; head < norms.size(); ++head) {
    HeadNorms& of_head = norms[head];
    if (!statistics.row_square_sums.empty()) {
      const float* sums = statistics.row_square_sums.data() + head * queries;
      of_head.frobenius = static_cast<float>(std::sqrt(std::accumulate(sums, sums + queries, 0.0)));
      of_head.last_row = std::sqrt(sums[queries - 1]);
    }
    if (!statistics.row_entropy.empty()) {
      const float* entropy = statistics.row_entropy.data() + head * queries;
      of_head.mean_entropy = static_cast<float>(std::accumulate(entropy, entropy + queries, 0.0) /
                                                static_cast<double>(queries));
      of_head.last_row_entropy = entropy[queries - 1];
    }
    if (statistics.last_rows > 0) {
      const std::span<const float> last =
          statistics.row(static_cast<int64_t>(head), statistics.last_rows - 1);
      const auto sinks = std::min<size_t>(kSinkPositions, last.size());
      of_head.last_row_sinks = static_cast<float>(
          std::accumulate(last.begin(), last.begin() + static_cast<long>(sinks), 0.0));
    }
  }
  return norms;
}

}  // namespace kvreel::engine
