// The norm curve: suffix sums of squares over a ranking, mean of roots over heads.
#include "engine/policy/norm_curve.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kvreel::engine {

std::vector<float> reduce_last_rows(const AttentionStatistics& statistics, int64_t rows,
                                    bool average) {
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
    for (size_t key = 0; average && key < keys; ++key) {
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
  std::vector<double> squares(reduced.size());
  std::transform(reduced.begin(), reduced.end(), squares.begin(), [](float value) {
    return static_cast<double>(value) * static_cast<double>(value);
  });
  return energy_curve(squares, q_heads, rankings, {});
}

NormCurve energy_curve(std::span<const double> energies, int64_t q_heads,
                       std::span<const std::vector<int32_t>> rankings, CurveRule rule) {
  const size_t candidates = rankings[0].size();
  const size_t keys = energies.size() / static_cast<size_t>(q_heads);
  const size_t group = static_cast<size_t>(q_heads) / rankings.size();
  const auto measure = [&](double sum) { return rule.root ? std::sqrt(sum) : sum; };
  // Sums over heads of the measure of candidates i and later, of the same with what is no
  // candidate, and of candidates before i.
  std::vector<double> kept(candidates, 0.0);
  std::vector<double> kept_all(candidates, 0.0);
  std::vector<double> gone(rule.removed ? candidates : 0, 0.0);
  double norm_all = 0;
  for (size_t head = 0; head < static_cast<size_t>(q_heads); ++head) {
    const double* of_head = energies.data() + head * keys;
    const std::vector<int32_t>& ranking = rankings[head / group];
    const auto energy = [&](int32_t key) { return of_head[static_cast<size_t>(key)]; };
    double protected_sum = 0;
    std::vector<bool> is_candidate(keys, false);
    for (const int32_t key : ranking) is_candidate[static_cast<size_t>(key)] = true;
    for (size_t key = 0; key < keys; ++key) {
      if (!is_candidate[key]) protected_sum += of_head[key];
    }
    double sum = 0;
    for (size_t i = candidates; i-- > 0;) {
      sum += energy(ranking[i]);
      kept[i] += measure(sum);
      kept_all[i] += measure(protected_sum + sum);
    }
    norm_all += measure(protected_sum + sum);
    double before = 0;
    for (size_t i = 0; i < gone.size(); ++i) {
      gone[i] += measure(before);
      before += energy(ranking[i]);
    }
  }

  const auto heads = static_cast<double>(q_heads);
  const auto distances = [&](const std::vector<double>& norms) {
    std::vector<float> distance(norms.size(), 0.0f);
    for (size_t i = 0; i < norms.size(); ++i) {
      const double distant = rule.removed ? gone[i] : norms[0] - norms[i];
      distance[i] = static_cast<float>(distant / norms[0]);
    }
    return distance;
  };
  NormCurve curve;
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
