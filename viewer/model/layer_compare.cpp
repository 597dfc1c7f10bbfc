// Kept positions of decisions, summed by layer.
#include "viewer/model/layer_compare.h"

#include <algorithm>

namespace kvreel::viewer {
namespace {

// Decisions of prefill by layer.
std::vector<std::vector<const Decision*>> by_layer(const PassDetail& pass, int layers) {
  std::vector<std::vector<const Decision*>> found(static_cast<size_t>(std::max(0, layers)));
  for (const Decision& decision : pass.decisions) {
    if (decision.step != 0 || decision.layer < 0 || decision.layer >= layers) continue;
    found[static_cast<size_t>(decision.layer)].push_back(&decision);
  }
  return found;
}

// What was decided for a KV head: its own decision, or the layer's.
const Decision* of_head(const std::vector<const Decision*>& decisions, int head) {
  const auto found = std::find_if(decisions.begin(), decisions.end(), [&](const Decision* d) {
    return d->kv_head == head || d->kv_head < 0;
  });
  return found == decisions.end() ? nullptr : *found;
}

bool decides_by_head(const std::vector<const Decision*>& decisions) {
  return std::any_of(decisions.begin(), decisions.end(),
                     [](const Decision* d) { return d->kv_head >= 0; });
}

int64_t positions_in(const std::vector<Range>& ranges) {
  int64_t sum = 0;
  for (const Range range : ranges) sum += range.end - range.begin;
  return sum;
}

}  // namespace

std::vector<std::optional<double>> budgets_by_layer(const PassDetail& pass, int layers) {
  std::vector<std::optional<double>> budgets;
  for (const auto& decisions : by_layer(pass, layers)) {
    int64_t kept = 0;
    int64_t cached = 0;
    for (const Decision* decision : decisions) {
      kept += decision->kept;
      cached += decision->cached;
    }
    budgets.push_back(cached > 0
                          ? std::optional(static_cast<double>(kept) / static_cast<double>(cached))
                          : std::nullopt);
  }
  return budgets;
}

int64_t common_positions(const std::vector<Range>& a, const std::vector<Range>& b) {
  int64_t sum = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const int32_t begin = std::max(a[i].begin, b[j].begin);
    const int32_t end = std::min(a[i].end, b[j].end);
    sum += std::max(0, end - begin);
    if (a[i].end < b[j].end) {
      ++i;
    } else {
      ++j;
    }
  }
  return sum;
}

std::vector<std::optional<KeptOverlap>> kept_overlap(const PassDetail& a, const PassDetail& b,
                                                     int layers, int kv_heads) {
  const auto of_a = by_layer(a, layers);
  const auto of_b = by_layer(b, layers);
  std::vector<std::optional<KeptOverlap>> overlaps(of_a.size());
  for (size_t layer = 0; layer < of_a.size(); ++layer) {
    KeptOverlap overlap;
    overlap.by_head = decides_by_head(of_a[layer]) || decides_by_head(of_b[layer]);
    const int heads = overlap.by_head ? kv_heads : 1;
    bool known = heads > 0;
    for (int head = 0; head < heads && known; ++head) {
      const Decision* x = of_head(of_a[layer], head);
      const Decision* y = of_head(of_b[layer], head);
      known = x != nullptr && y != nullptr && x->cached == y->cached;
      if (!known) break;
      const int64_t both = common_positions(x->kept_ranges, y->kept_ranges);
      const int64_t only_a = positions_in(x->kept_ranges) - both;
      const int64_t only_b = positions_in(y->kept_ranges) - both;
      overlap.both += both;
      overlap.only_a += only_a;
      overlap.only_b += only_b;
      overlap.neither += x->cached - both - only_a - only_b;
    }
    if (known) overlaps[layer] = overlap;
  }
  return overlaps;
}

}  // namespace kvreel::viewer
