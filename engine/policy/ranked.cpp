// Orders of eviction from scores, and decisions from orders.
#include "engine/policy/ranked.h"

#include <algorithm>
#include <memory>
#include <numeric>

namespace kvreel::engine {

HeadReduction take_head_reduction(PolicyOptions& options, const std::string& fallback) {
  const std::string name = options.take_choice("reduce", fallback, {"mean", "sum", "max"});
  return name == "mean"  ? HeadReduction::mean
         : name == "sum" ? HeadReduction::sum
                         : HeadReduction::max;
}

std::string name_of(HeadReduction reduction) {
  switch (reduction) {
    case HeadReduction::mean:
      return "mean";
    case HeadReduction::sum:
      return "sum";
    case HeadReduction::max:
      return "max";
  }
  return "?";
}

std::vector<double> reduce_heads(std::span<const double> scores, int64_t q_heads, int64_t kv_heads,
                                 HeadReduction reduction) {
  const size_t keys = scores.size() / static_cast<size_t>(q_heads);
  const int64_t group = q_heads / kv_heads;
  std::vector<double> reduced(static_cast<size_t>(kv_heads) * keys);
  for (int64_t head = 0; head < q_heads; ++head) {
    const double* from = scores.data() + static_cast<size_t>(head) * keys;
    double* to = reduced.data() + static_cast<size_t>(head / group) * keys;
    const bool first = head % group == 0;
    for (size_t key = 0; key < keys; ++key) {
      to[key] = first                             ? from[key]
                : reduction == HeadReduction::max ? std::max(to[key], from[key])
                                                  : to[key] + from[key];
    }
  }
  if (reduction == HeadReduction::mean) {
    for (double& value : reduced) value /= static_cast<double>(group);
  }
  return reduced;
}

std::vector<int32_t> eviction_order(const RankedRows& rows) {
  return eviction_order(rows, static_cast<int64_t>(rows.positions.size()));
}

std::vector<int32_t> eviction_order(const RankedRows& rows, int64_t count) {
  const auto n = static_cast<int64_t>(rows.positions.size());
  const int64_t first = std::min(rows.protected_first, n);
  const int64_t candidates = std::max<int64_t>(n - first - rows.protected_last, 0);
  std::vector<int32_t> order(static_cast<size_t>(candidates));
  std::iota(order.begin(), order.end(), static_cast<int32_t>(first));
  const auto goes_before = [&](int32_t a, int32_t b) {
    const double of_a = rows.scores[static_cast<size_t>(a)];
    const double of_b = rows.scores[static_cast<size_t>(b)];
    return of_a != of_b ? of_a < of_b : a < b;
  };
  if (count >= candidates) {
    std::stable_sort(order.begin(), order.end(), goes_before);
    return order;
  }
  std::partial_sort(order.begin(), order.begin() + count, order.end(), goes_before);
  order.resize(static_cast<size_t>(count));
  return order;
}

Decision cut_to_capacity(const RankedRows& rows, int64_t capacity) {
  const std::vector<int32_t> order = eviction_order(rows);
  const auto n = static_cast<int64_t>(rows.positions.size());
  return cut_order(rows, order,
                   std::clamp<int64_t>(n - capacity, 0, static_cast<int64_t>(order.size())));
}

Decision cut_order(const RankedRows& rows, const std::vector<int32_t>& order, int64_t cut) {
  Decision decision{.reason = cut > 0 ? Reason::fixed_budget : Reason::too_short,
                    .cached = static_cast<int64_t>(rows.positions.size()),
                    .cut = cut};
  std::vector<int32_t> ranking(order.size());
  std::vector<float> scores(order.size());
  std::vector<bool> evicted(rows.positions.size(), false);
  for (size_t i = 0; i < order.size(); ++i) {
    const auto row = static_cast<size_t>(order[i]);
    ranking[i] = rows.positions[row];
    scores[i] = static_cast<float>(rows.scores[row]);
    if (static_cast<int64_t>(i) < cut) evicted[row] = true;
  }
  std::vector<int32_t> kept;
  for (size_t row = 0; row < rows.positions.size(); ++row) {
    if (!evicted[row]) kept.push_back(rows.positions[row]);
  }
  decision.kept = KeptSet::all(kept);
  if (cut < static_cast<int64_t>(ranking.size())) {
    decision.halt_position = ranking[static_cast<size_t>(cut)];
  }
  decision.ranking = std::make_shared<const std::vector<int32_t>>(std::move(ranking));
  decision.scores = std::make_shared<const std::vector<float>>(std::move(scores));
  return decision;
}

Decision keep_all(const LayerView& layer, Reason reason) {
  const std::span<const int32_t> cached = layer.positions(0);
  return {.reason = reason,
          .cached = static_cast<int64_t>(cached.size()),
          .kept = KeptSet::all(cached)};
}

}  // namespace kvreel::engine
