// Cuts and budgets at a threshold.
#include "viewer/model/what_if.h"

#include <algorithm>
#include <cmath>

namespace kvreel::viewer {

int64_t cut_of(const Decision& decision, const WhatIf& what_if) {
  const auto recorded = std::max<int64_t>(decision.cut, 0);
  if (!decision.ranking) return recorded;
  const auto ranked = static_cast<int64_t>(decision.ranking->size());
  if (!what_if.threshold || !follows_threshold(decision, what_if.base)) {
    return std::min(recorded, ranked);
  }
  return std::min(cut_at(*curve_of(decision, what_if.base), *what_if.threshold), ranked);
}

std::optional<double> recorded_threshold(const PassDetail& pass, CurveBase base) {
  std::optional<double> found;
  for (const Decision& decision : pass.decisions) {
    if (!follows_threshold(decision, base) || std::isnan(decision.threshold)) continue;
    if (found && *found != decision.threshold) return std::nullopt;
    found = decision.threshold;
  }
  return found;
}

std::string what_if_obstacle(const PassDetail& pass, CurveBase base) {
  bool any = false;
  for (const Decision& decision : pass.decisions) {
    if (!follows_threshold(decision, base)) continue;
    any = true;
    // What a later step finds in the cache depends on the earlier cuts.
    if (decision.step > 0) {
      return "The run evicts again while it decodes: its curves hold for the recorded threshold "
             "only.";
    }
  }
  return any ? "" : "No layer of this run was cut at a threshold.";
}

WhatIf applicable(const PassDetail& pass, WhatIf what_if) {
  if (what_if.threshold && !what_if_obstacle(pass, what_if.base).empty()) what_if.threshold.reset();
  return what_if;
}

CacheShape cache_shape(const Overview& overview) {
  return {overview.layers, overview.kv_heads, overview.page_rows, overview.head_dim,
          overview.kv_bytes};
}

Budget budget_at(const PassDetail& pass, const CacheShape& shape, const WhatIf& what_if) {
  const int64_t prompt = pass.info.prompt_tokens;
  const auto heads = static_cast<size_t>(std::max(shape.kv_heads, 1));
  const auto layers = static_cast<size_t>(std::max(shape.layers, 0));
  std::vector<int64_t> rows(layers * heads, prompt);
  for (const Decision& decision : pass.decisions) {
    if (decision.step != 0 || decision.layer < 0 || static_cast<size_t>(decision.layer) >= layers) {
      continue;
    }
    const bool moved = what_if.threshold && follows_threshold(decision, what_if.base);
    const int64_t kept =
        moved ? decision.cached - cut_of(decision, what_if) : int64_t{decision.kept};
    int64_t* const of_layer = rows.data() + static_cast<size_t>(decision.layer) * heads;
    if (decision.kv_head < 0) {
      std::fill_n(of_layer, heads, kept);
    } else if (static_cast<size_t>(decision.kv_head) < heads) {
      of_layer[decision.kv_head] = kept;
    }
  }

  Budget budget;
  budget.layers.resize(layers);
  int64_t all_rows = 0;
  int64_t pages = 0;
  double shares = 0;
  for (size_t layer = 0; layer < layers; ++layer) {
    LayerBudget& of_layer = budget.layers[layer];
    of_layer.full_rows = prompt * static_cast<int64_t>(heads);
    for (size_t head = 0; head < heads; ++head) {
      const int64_t kept = std::max<int64_t>(rows[layer * heads + head], 0);
      of_layer.rows += kept;
      if (shape.page_rows > 0) pages += (kept + shape.page_rows - 1) / shape.page_rows;
    }
    all_rows += of_layer.rows;
    budget.evicted_rows += of_layer.full_rows - of_layer.rows;
    shares += of_layer.share();
  }
  if (layers > 0) budget.mean = shares / static_cast<double>(layers);
  if (shape.kv_heads > 0 && shape.head_dim > 0 && shape.kv_bytes > 0) {
    // A key and a value.
    const auto row_bytes =
        uint64_t{2} * static_cast<uint64_t>(shape.head_dim) * static_cast<uint64_t>(shape.kv_bytes);
    budget.asked = static_cast<uint64_t>(all_rows) * row_bytes;
    budget.full_asked = static_cast<uint64_t>(prompt) * heads * layers * row_bytes;
    if (shape.page_rows > 0) {
      budget.held =
          static_cast<uint64_t>(pages) * static_cast<uint64_t>(shape.page_rows) * row_bytes;
    }
  }
  return budget;
}

}  // namespace kvreel::viewer
