// The norm curve: suffix sums of squares over a ranking, mean of roots over heads.
#include "engine/policy/norm_curve.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kvreel::engine {

std::vector<float> reduce_last_rows(const AttentionStatistics& statistics, int64_t rows) {
  const auto keys = static_cast<size_t>(statistics.keys);
  std::vector<float> reduced(static_cast<size_t>(statistics.q_heads) * keys, 0.0f);
  std::vector<float> entries(keys);
  for (int64_t head = 0; head < statistics.q_heads; ++head) {
    float* sums = reduced.data() + static_cast<size_t>(head) * keys;
    std::fill(entries.begin(), entries.end(), 0.0f);
    for (int64_t r = statistics.last_rows - rows; r < statistics.last_rows; ++r) {
      const std::span<const float> row = statistics.row(head, r);
      for (size_t key = 0; key < keys; ++key) {
        sums[key] += row[key];
        entries[key] += row[key] != 0 ? 1.0f : 0.0f;
      }
    }
    for (size_t key = 0; key < keys; ++key) {
      if (entries[key] > 1) sums[key] /= entries[key];
    }
  }
  return reduced;
}

void round_to_bf16(std::span<float> values) {
  for (float& value : values) {
    const auto bits = std::bit_cast<uint32_t>(value);
    value = std::bit_cast<float>((bits + 0x7FFFu + ((bits >> 16) & 1u)) & 0xFFFF0000u);
  }
}

NormCurve norm_curve(std::span<const float> reduced, int64_t q_heads,
                     std::span<const std::vector<int32_t>> rankings) {
  const size_t candidates = rankings[0].size();
  const size_t keys = reduced.size() / static_cast<size_t>(q_heads);
  const size_t group = static_cast<size_t>(q_heads) / rankings.size();
  NormCurve curve;
  std::vector<double> kept(candidates,
                           0.0);  // sum over heads of the norm over candidates i and later
  std::vector<double> kept_all(candidates, 0.0);  // the same with what is no candidate
  double norm_all = 0;
  for (size_t head = 0; head < static_cast<size_t>(q_heads); ++head) {
    const float* row = reduced.data() + head * keys;
    const std::vector<int32_t>& ranking = rankings[head / group];
    const auto square = [&](int32_t key) {
      const double value = row[static_cast<size_t>(key)];
      return value * value;
    };
    double protected_sum = 0;
    std::vector<bool> is_candidate(keys, false);
    for (const int32_t key : ranking) is_candidate[static_cast<size_t>(key)] = true;
    for (size_t key = 0; key < keys; ++key) {
      if (!is_candidate[key]) protected_sum += square(static_cast<int32_t>(key));
    }
    double sum = 0;
    for (size_t i = candidates; i-- > 0;) {
      sum += square(ranking[i]);
      kept[i] += std::sqrt(sum);
      kept_all[i] += std::sqrt(protected_sum + sum);
    }
    norm_all += std::sqrt(protected_sum + sum);
  }

  const auto heads = static_cast<double>(q_heads);
  const auto distances = [&](const std::vector<double>& norms) {
    std::vector<float> distance(norms.size(), 0.0f);
    for (size_t i = 0; i < norms.size(); ++i) {
      distance[i] = static_cast<float>((norms[0] - norms[i]) / norms[0]);
    }
    return distance;
  };
  curve.distance = distances(kept);
  curve.distance_all = distances(kept_all);
  curve.base_norm = candidates > 0 ? kept[0] / heads : 0;
  curve.base_norm_all = norm_all / heads;
  return curve;
}

int64_t cut_at(std::span<const float> distance, double threshold) {
  if (distance.empty() || std::isnan(distance[0])) return 0;
  const auto above = std::upper_bound(
      distance.begin(), distance.end(), threshold,
      [](double limit, float value) { return limit < static_cast<double>(value); });
  return std::max<int64_t>(above - distance.begin() - 1, 0);
}

}  // namespace kvreel::engine
