// Picking and averaging attention norms and rows.
#include "viewer/model/attention_view.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace kvreel::viewer {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

void find_extent(NormGrid& grid) {
  for (const float value : grid.values) {
    if (!std::isfinite(value)) continue;
    grid.least = grid.any ? std::min(grid.least, value) : value;
    grid.most = grid.any ? std::max(grid.most, value) : value;
    grid.any = true;
  }
}

void finish(NormLines& lines) {
  lines.mean.assign(lines.steps.size(), std::numeric_limits<double>::quiet_NaN());
  for (size_t s = 0; s < lines.steps.size(); ++s) {
    double sum = 0;
    int count = 0;
    for (const std::vector<double>& head : lines.by_head) {
      if (!std::isfinite(head[s])) continue;
      sum += head[s];
      ++count;
      lines.least = lines.any ? std::min(lines.least, head[s]) : head[s];
      lines.most = lines.any ? std::max(lines.most, head[s]) : head[s];
      lines.any = true;
    }
    if (count > 0) lines.mean[s] = sum / count;
  }
}

// The decision that a head's cache was cut by first: the layer's, or its KV head's.
const Decision* first_decision(const PassDetail& pass, int32_t layer, int kv_head) {
  for (const Decision& decision : pass.decisions) {
    if (decision.layer != layer) continue;
    if (decision.kv_head == -1 || decision.kv_head == kv_head) return &decision;
  }
  return nullptr;
}

bool decides_again(const PassDetail& pass, int32_t layer, int kv_head, int32_t before_step) {
  int count = 0;
  for (const Decision& decision : pass.decisions) {
    if (decision.layer != layer || decision.step >= before_step) continue;
    if (decision.kv_head == -1 || decision.kv_head == kv_head) ++count;
  }
  return count > 1;
}

int kv_head_of(int head, int query_heads, int kv_heads) {
  if (kv_heads <= 0 || query_heads < kv_heads) return head;
  return head / (query_heads / kv_heads);
}

}  // namespace

const std::vector<float>& metric_values(const AttentionNorms& norms, int metric) {
  switch (metric) {
    case 1:
      return norms.frobenius;
    case 2:
      return norms.mean_entropy;
    case 3:
      return norms.last_row_entropy;
    case 4:
      return norms.last_row_sinks;
    default:
      return norms.last_row_norm;
  }
}

int recorded_step(const AttentionNorms& norms, int32_t step) {
  if (norms.steps.empty()) return -1;
  const auto after = std::upper_bound(norms.steps.begin(), norms.steps.end(), step);
  return std::max(0, static_cast<int>(after - norms.steps.begin()) - 1);
}

NormGrid norm_grid(const AttentionNorms& norms, int metric, int step_row) {
  NormGrid grid{norms.layers, norms.heads, {}, 0, 0, false};
  if (step_row < 0 || static_cast<size_t>(step_row) >= norms.steps.size()) return grid;
  const std::vector<float>& values = metric_values(norms, metric);
  const auto cells = static_cast<ptrdiff_t>(norms.layers) * norms.heads;
  const auto begin = values.begin() + step_row * cells;
  grid.values.assign(begin, begin + cells);
  find_extent(grid);
  return grid;
}

NormGrid norm_difference(const AttentionNorms& of, const AttentionNorms& reference, int metric,
                         int32_t step) {
  NormGrid grid{of.layers, of.heads, {}, 0, 0, false};
  const auto row = [&](const AttentionNorms& norms) {
    const int found = recorded_step(norms, step);
    return found >= 0 && norms.steps[static_cast<size_t>(found)] == step ? found : -1;
  };
  const NormGrid a = norm_grid(of, metric, row(of));
  const NormGrid b = norm_grid(reference, metric, row(reference));
  if (a.values.empty() || a.layers != b.layers || a.heads != b.heads || b.values.empty()) {
    return grid;
  }
  for (size_t i = 0; i < a.values.size(); ++i) grid.values.push_back(a.values[i] - b.values[i]);
  find_extent(grid);
  const float widest = std::max(std::abs(grid.least), std::abs(grid.most));
  grid.least = -widest;
  grid.most = widest;
  return grid;
}

NormLines norm_lines(const AttentionNorms& norms, int metric, int layer) {
  NormLines lines;
  if (layer < 0 || layer >= norms.layers) return lines;
  lines.steps = norms.steps;
  const std::vector<float>& values = metric_values(norms, metric);
  for (int head = 0; head < norms.heads; ++head) {
    std::vector<double>& line = lines.by_head.emplace_back();
    for (size_t s = 0; s < norms.steps.size(); ++s) {
      line.push_back(static_cast<double>(values[norms.index(s, layer, head)]));
    }
  }
  finish(lines);
  return lines;
}

NormLines norm_line_difference(const AttentionNorms& of, const AttentionNorms& reference,
                               int metric, int layer) {
  NormLines a = norm_lines(of, metric, layer);
  const NormLines b = norm_lines(reference, metric, layer);
  NormLines lines;
  lines.steps = a.steps;
  for (size_t head = 0; head < a.by_head.size(); ++head) {
    std::vector<double>& line = lines.by_head.emplace_back();
    for (size_t s = 0; s < a.steps.size(); ++s) {
      const auto at = std::lower_bound(b.steps.begin(), b.steps.end(), a.steps[s]);
      const bool has = head < b.by_head.size() && at != b.steps.end() && *at == a.steps[s];
      line.push_back(has ? a.by_head[head][s] -
                               b.by_head[head][static_cast<size_t>(at - b.steps.begin())]
                         : static_cast<double>(kNone));
    }
  }
  finish(lines);
  return lines;
}

std::optional<std::vector<int32_t>> key_positions(const PassDetail& pass, int32_t step,
                                                  int32_t layer, int head, int query_heads,
                                                  int kv_heads, size_t keys) {
  const int32_t prompt = pass.info.prompt_tokens;
  std::vector<int32_t> positions;
  const int kv_head = kv_head_of(head, query_heads, kv_heads);
  const Decision* const decision = first_decision(pass, layer, kv_head);
  if (step == 0 || decision == nullptr || decision->step >= step) {
    positions.resize(static_cast<size_t>(prompt) + static_cast<size_t>(std::max(0, step)));
    std::iota(positions.begin(), positions.end(), 0);
  } else {
    if (decides_again(pass, layer, kv_head, step)) return std::nullopt;
    for (const Range& range : decision->kept_ranges) {
      for (int32_t p = range.begin; p < range.end; ++p) positions.push_back(p);
    }
    // What was generated after the decision, in whatever step that was.
    const int32_t seen = prompt + decision->step;
    for (int32_t p = seen; p < prompt + step; ++p) positions.push_back(p);
  }
  if (positions.size() != keys) return std::nullopt;
  return positions;
}

namespace {

// By position where that is known of every head, else by key where all have as many; nothing
// otherwise.
AttentionRow mean_row(const AttentionRowSet& rows, const PassDetail& pass, int32_t step,
                      int32_t layer, int query_heads, int kv_heads) {
  std::map<int32_t, double> by_position;
  std::vector<double> by_key;
  bool known = true;
  bool alike = true;
  int heads = 0;
  for (size_t h = 0; h < rows.by_head.size(); ++h) {
    const std::vector<float>& values = rows.by_head[h];
    if (values.empty()) continue;
    if (heads++ == 0) by_key.resize(values.size());
    alike = alike && values.size() == by_key.size();
    for (size_t i = 0; alike && i < values.size(); ++i) {
      by_key[i] += static_cast<double>(values[i]);
    }
    const auto positions =
        key_positions(pass, step, layer, static_cast<int>(h), query_heads, kv_heads, values.size());
    known = known && positions;
    // Ascending: each goes in right after the one before.
    auto at = by_position.begin();
    for (size_t i = 0; known && i < values.size(); ++i) {
      at = by_position.try_emplace(at, (*positions)[i], 0.);
      at->second += static_cast<double>(values[i]);
      ++at;
    }
  }
  AttentionRow row;
  row.any = heads > 0 && (known || alike);
  if (!row.any) return row;
  if (known) {
    for (const auto& [position, sum] : by_position) {
      row.position.push_back(position);
      row.probability.push_back(static_cast<float>(sum / heads));
    }
  } else {
    for (const double sum : by_key) row.probability.push_back(static_cast<float>(sum / heads));
  }
  return row;
}

}  // namespace

AttentionRow attention_row(const AttentionRowSet& rows, const PassDetail& pass, int32_t step,
                           int32_t layer, int head, int query_heads, int kv_heads) {
  AttentionRow row;
  if (head >= 0) {
    if (static_cast<size_t>(head) >= rows.by_head.size()) return row;
    row.probability = rows.by_head[static_cast<size_t>(head)];
    row.any = !row.probability.empty();
    auto positions =
        key_positions(pass, step, layer, head, query_heads, kv_heads, row.probability.size());
    if (positions) row.position = std::move(*positions);
    return row;
  }
  return mean_row(rows, pass, step, layer, query_heads, kv_heads);
}

std::vector<TokenState> token_states(const PassDetail& pass, int32_t layer, int head,
                                     int query_heads, int kv_heads, int32_t prompt_tokens,
                                     int32_t sinks) {
  const auto n = static_cast<size_t>(std::max(0, prompt_tokens));
  std::vector<TokenState> states(n, TokenState::evicted);
  bool decided = false;
  const auto keep = [&](const Decision& decision) {
    decided = true;
    for (const Range& range : decision.kept_ranges) {
      const auto end = std::min(n, static_cast<size_t>(std::max(0, range.end)));
      for (auto p = static_cast<size_t>(std::max(0, range.begin)); p < end; ++p) {
        states[p] = TokenState::kept;
      }
    }
  };
  if (head >= 0) {
    const int kv_head = kv_head_of(head, query_heads, kv_heads);
    if (const Decision* decision = first_decision(pass, layer, kv_head)) keep(*decision);
  } else {
    int32_t step = -1;
    for (const Decision& decision : pass.decisions) {
      if (decision.layer != layer) continue;
      if (step < 0) step = decision.step;
      if (decision.step == step) keep(decision);
    }
  }
  if (!decided) std::fill(states.begin(), states.end(), TokenState::kept);
  for (size_t p = 0; p < std::min(n, static_cast<size_t>(std::max(0, sinks))); ++p) {
    if (states[p] == TokenState::kept) states[p] = TokenState::sink;
  }
  return states;
}

std::vector<size_t> top_keys(std::span<const float> probabilities, size_t count) {
  std::vector<size_t> keys(probabilities.size());
  std::iota(keys.begin(), keys.end(), size_t{0});
  count = std::min(count, keys.size());
  // NaN, of damaged files, last.
  const auto value = [&](size_t key) {
    return std::isnan(probabilities[key]) ? -1.f : probabilities[key];
  };
  std::partial_sort(
      keys.begin(), keys.begin() + static_cast<ptrdiff_t>(count), keys.end(),
      [&](size_t a, size_t b) { return value(a) != value(b) ? value(a) > value(b) : a < b; });
  keys.resize(count);
  return keys;
}

std::vector<RowColumn> row_columns(std::span<const float> probabilities, size_t columns) {
  const size_t n = probabilities.size();
  columns = std::min(columns, n);
  std::vector<RowColumn> made(columns);
  for (size_t c = 0; c < columns; ++c) {
    const size_t begin = c * n / columns;
    const size_t end = (c + 1) * n / columns;
    made[c] = {begin, probabilities[begin]};
    for (size_t key = begin + 1; key < end; ++key) {
      if (probabilities[key] > made[c].probability) made[c] = {key, probabilities[key]};
    }
  }
  return made;
}

}  // namespace kvreel::viewer
