// Ranking, norms of what is left, and the largest cut within the threshold.
#include "exports/reference/released_code.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace kvreel::exports {
namespace {

struct Candidates {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t count() const { return end - begin; }
};

Candidates candidates_of(const Rule& rule, int64_t keys) {
  const int64_t window = rule.window_shrinks && keys <= rule.window ? 1 : rule.window;
  const int64_t end = std::max<int64_t>(keys - window, 0);
  return {std::min(rule.sinks, end), end};
}

double rounded_if(bool round, double value) {
  return round ? static_cast<double>(to_bf16(static_cast<float>(value))) : value;
}

// Attention that each position gets from the last rows of heads [begin, end).
std::vector<double> scores_of(const Rule& rule, const LayerRows& rows, int64_t begin, int64_t end) {
  std::vector<double> scores(static_cast<size_t>(rows.keys), 0.0);
  for (int64_t head = begin; head < end; ++head) {
    for (int64_t back = 0; back < std::min(rule.score_rows, rows.rows); ++back) {
      const std::span<const float> row = rows.row(head, back);
      for (size_t key = 0; key < row.size(); ++key) {
        scores[key] += rounded_if(rule.round_scores, static_cast<double>(row[key]));
      }
    }
  }
  for (double& score : scores) score = rounded_if(rule.round_scores, score);
  return scores;
}

void rank(const Rule& rule, const LayerRows& rows, const Candidates& candidates, int64_t units,
          Outcome& outcome) {
  std::vector<int32_t> oldest_first(static_cast<size_t>(candidates.count()));
  std::iota(oldest_first.begin(), oldest_first.end(), static_cast<int32_t>(candidates.begin));
  outcome.order.assign(static_cast<size_t>(units), oldest_first);
  if (!rule.by_attention) return;
  const int64_t group = rows.heads / units;
  for (int64_t unit = 0; unit < units; ++unit) {
    const std::vector<double> scores = scores_of(rule, rows, unit * group, (unit + 1) * group);
    const auto score = [&](int32_t position) { return scores[static_cast<size_t>(position)]; };
    std::vector<int32_t>& order = outcome.order[static_cast<size_t>(unit)];
    std::ranges::stable_sort(order, {}, score);
    std::vector<double>& sorted = outcome.scores.emplace_back();
    for (const int32_t position : order) sorted.push_back(score(position));
  }
}

// Squares of the reduced row of one head.
std::vector<double> squares_of(const Rule& rule, const LayerRows& rows, int64_t head) {
  std::vector<double> squares(static_cast<size_t>(rows.keys));
  for (size_t key = 0; key < squares.size(); ++key) {
    double sum = 0;
    int64_t seen = 0;
    for (int64_t back = 0; back < std::min(rule.metric_rows, rows.rows); ++back) {
      const float value = rows.row(head, back)[key];
      sum += static_cast<double>(value);
      seen += value != 0;
    }
    const double reduced =
        rounded_if(rule.round_metric, seen > 0 ? sum / static_cast<double>(seen) : 0.0);
    squares[key] = reduced * reduced;
  }
  return squares;
}

// distance[i] = (F - S_i) / F, where S_i is the mean over query heads of the norm that is left when
// the first i candidates of the head's ranking are gone, and F = S_0.
std::vector<double> distances(const Rule& rule, const LayerRows& rows, const Outcome& outcome) {
  const size_t candidates = outcome.order[0].size();
  std::vector<double> left(candidates, 0.0);
  const auto units = static_cast<int64_t>(outcome.order.size());
  for (int64_t head = 0; head < rows.heads; ++head) {
    const std::vector<double> squares = squares_of(rule, rows, head);
    const std::vector<int32_t>& order =
        outcome.order[static_cast<size_t>(head * units / rows.heads)];
    double sum = 0;
    if (rule.base_all) {
      sum = std::accumulate(squares.begin(), squares.end(), 0.0);
      for (const int32_t position : order) sum -= squares[static_cast<size_t>(position)];
      sum = std::max(sum, 0.0);
    }
    for (size_t i = candidates; i-- > 0;) {
      sum += squares[static_cast<size_t>(order[i])];
      left[i] += std::sqrt(sum) / static_cast<double>(rows.heads);
    }
  }
  const double base = left.empty() ? 0.0 : left[0];
  // Where nothing has attention there is no norm to fall: NaN is within no threshold.
  for (double& norm : left) norm = (base - norm) / base;
  return left;
}

}  // namespace

float to_bf16(float value) {
  if (std::isnan(value)) return value;
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = bits + 0x7fff + ((bits >> 16) & 1);
  return std::bit_cast<float>(rounded & 0xffff0000u);
}

int64_t Rule::rows_needed(int64_t keys) const {
  return std::min(std::max(metric_rows, by_attention ? score_rows : int64_t{1}), keys);
}

Outcome apply_rule(const Rule& rule, const LayerRows& rows, int layer, int64_t kv_heads) {
  Outcome outcome;
  const Candidates candidates = candidates_of(rule, rows.keys);
  const int64_t units = !rule.by_attention ? 1 : rule.per_kv_head ? kv_heads : rows.heads;
  rank(rule, rows, candidates, units, outcome);
  outcome.distance = distances(rule, rows, outcome);
  if (std::ranges::binary_search(rule.saved_layers, layer)) return outcome;
  for (size_t i = outcome.distance.size(); i-- > 0;) {
    if (outcome.distance[i] <= rule.threshold) {
      outcome.cut = static_cast<int64_t>(i);
      break;
    }
  }
  return outcome;
}

}  // namespace kvreel::exports
