// Sums of attention over rows and over positions.
#include "engine/policy/attention_mass.h"

#include <algorithm>
#include <numeric>

namespace kvreel::engine {

std::vector<double> mean_last_rows(const AttentionStatistics& statistics, int64_t rows) {
  const auto keys = static_cast<size_t>(statistics.keys);
  const int64_t used = std::min(rows, statistics.last_rows);
  std::vector<double> mean(static_cast<size_t>(statistics.q_heads) * keys, 0.0);
  for (int64_t head = 0; head < statistics.q_heads; ++head) {
    double* of_head = mean.data() + static_cast<size_t>(head) * keys;
    for (int64_t r = statistics.last_rows - used; r < statistics.last_rows; ++r) {
      const std::span<const float> row = statistics.row(head, r);
      for (size_t key = 0; key < keys; ++key) of_head[key] += static_cast<double>(row[key]);
    }
    for (size_t key = 0; key < keys; ++key) of_head[key] /= static_cast<double>(used);
  }
  return mean;
}

int64_t mass_cut(const RankedRows& rows, const std::vector<int32_t>& order, double share) {
  const auto score = [&](int32_t row) { return rows.scores[static_cast<size_t>(row)]; };
  std::vector<bool> is_candidate(rows.positions.size(), false);
  for (const int32_t row : order) is_candidate[static_cast<size_t>(row)] = true;
  double held = 0;
  for (size_t row = 0; row < is_candidate.size(); ++row) {
    if (!is_candidate[row]) held += rows.scores[row];
  }
  // held[i]: what stays where the first i candidates go; it grows as i falls.
  std::vector<double> held_from(order.size() + 1);
  held_from[order.size()] = held;
  for (size_t i = order.size(); i-- > 0;) held_from[i] = held_from[i + 1] + score(order[i]);
  const double needed = share * held_from[0];
  if (!(held_from[0] > 0)) return 0;
  auto cut = static_cast<int64_t>(order.size());
  while (held_from[static_cast<size_t>(cut)] < needed) --cut;
  return cut;
}

void normalise(std::span<double> values) {
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  if (!(sum > 0)) return;
  for (double& value : values) value /= sum;
}

}  // namespace kvreel::engine
