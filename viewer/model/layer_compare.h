// What runs keep of a prompt, layer by layer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

// Share of cached positions that a layer keeps after prefill, over its KV heads together; nothing
// where the trace has no decision of the layer. [layers]
std::vector<std::optional<double>> budgets_by_layer(const PassDetail& pass, int layers);

// Positions of the prompt in one layer after prefill. Where a run decides for each KV head, a
// position counts once for each head.
struct KeptOverlap {
  int64_t both = 0;
  int64_t only_a = 0;
  int64_t only_b = 0;
  int64_t neither = 0;
  bool by_head = false;  // counted for each KV head
  int64_t total() const { return both + only_a + only_b + neither; }
  bool operator==(const KeptOverlap&) const = default;
};

// Nothing for a layer that one of them has no decision of, or where they decided about another
// number of positions. [layers]
std::vector<std::optional<KeptOverlap>> kept_overlap(const PassDetail& a, const PassDetail& b,
                                                     int layers, int kv_heads);

// Positions that both sets of ranges hold. Both ascending, without overlaps of their own.
int64_t common_positions(const std::vector<Range>& a, const std::vector<Range>& b);

}  // namespace kvreel::viewer
