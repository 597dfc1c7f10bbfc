// Dot products of queries and keys, and rows of unmasked attention.
#include "engine/policy/query_logits.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace kvreel::engine {
namespace {

// Eight running sums keep the order of additions fixed and let the compiler use vectors.
float dot(const float* a, const float* b, int64_t count) {
  constexpr int64_t kLanes = 8;
  std::array<float, kLanes> sums{};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      sums[static_cast<size_t>(lane)] += a[i + lane] * b[i + lane];
    }
  }
  for (; i < count; ++i) sums[0] += a[i] * b[i];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

}  // namespace

std::vector<float> query_logits(std::span<const float> queries, std::span<const float> keys,
                                int64_t head_dim) {
  const auto dim = static_cast<size_t>(head_dim);
  const size_t rows = queries.size() / dim;
  const size_t count = keys.size() / dim;
  const float scale = 1 / std::sqrt(static_cast<float>(head_dim));
  std::vector<float> logits(rows * count);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t key = 0; key < count; ++key) {
      logits[row * count + key] =
          dot(queries.data() + row * dim, keys.data() + key * dim, head_dim) * scale;
    }
  }
  return logits;
}

void softmax(std::span<double> row, double temperature) {
  const double largest = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (double& value : row) {
    value = std::exp((value - largest) / temperature);
    sum += value;
  }
  for (double& value : row) value /= sum;
}

AttentionStatistics unmasked_last_rows(const LayerView& layer, int64_t rows) {
  const AttentionStatistics& paid = layer.statistics;
  AttentionStatistics unmasked;
  unmasked.q_heads = paid.q_heads;
  unmasked.queries = paid.queries;
  unmasked.keys = paid.keys;
  unmasked.last_rows = rows;
  unmasked.probabilities.reserve(static_cast<size_t>(paid.q_heads * rows * paid.keys));
  const int kv_heads = layer.cache.shape().kv_heads;
  const int64_t group = paid.q_heads / kv_heads;
  std::vector<float> keys;
  std::vector<double> probabilities(static_cast<size_t>(paid.keys));
  for (int64_t head = 0; head < paid.q_heads; ++head) {
    if (head % group == 0 && rows > 1) keys = layer.keys(static_cast<int>(head / group));
    for (int64_t r = 0; r + 1 < rows; ++r) {
      const std::span<const float> query = paid.query(head, paid.last_queries - rows + r);
      const std::vector<float> logits = query_logits(query, keys, paid.head_dim);
      std::copy(logits.begin(), logits.end(), probabilities.begin());
      softmax(probabilities);
      for (const double value : probabilities) {
        unmasked.probabilities.push_back(static_cast<float>(value));
      }
    }
    const std::span<const float> last = paid.row(head, paid.last_rows - 1);
    unmasked.probabilities.insert(unmasked.probabilities.end(), last.begin(), last.end());
  }
  return unmasked;
}

}  // namespace kvreel::engine
