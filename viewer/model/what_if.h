// What a run would have evicted at another threshold, exactly, from its recorded norm curves.
//
// Layers decide independently and the curve of a layer does not depend on what other layers
// evicted, so a cut at any threshold is read off the curve as the engine reads it
// (engine/policy/norm_curve.h, cut_at). What the model would have said then is not known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exports/figures/cut.h"
#include "viewer/data/threshold_steps.h"
#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

using exports::cut_at;  // the cut of a curve at a threshold, as figures and the engine make it

// A threshold and which curve it is held against; none: what was recorded.
struct WhatIf {
  std::optional<double> threshold;
  CurveBase base = CurveBase::candidates;
  bool operator==(const WhatIf&) const = default;
};

// Candidates that go. Decisions that no threshold made stay what they were.
int64_t cut_of(const Decision& decision, const WhatIf& what_if);

// The threshold of the decisions that follow one; none where there are none or they differ.
std::optional<double> recorded_threshold(const PassDetail& pass, CurveBase base);
// Why the threshold of a pass cannot be moved, as a sentence; "" where it can.
std::string what_if_obstacle(const PassDetail& pass, CurveBase base);
// Without its threshold where there is such an obstacle.
WhatIf applicable(const PassDetail& pass, WhatIf what_if);

// What the cache of a pass takes after prefill.
struct CacheShape {
  int layers = 0;
  int kv_heads = 0;
  int page_rows = 0;  // 0: not known
  int head_dim = 0;   // 0: not known
  int kv_bytes = 0;   // of one value; 0: not known
};
CacheShape cache_shape(const Overview& overview);

struct LayerBudget {
  int64_t rows = 0;       // cached, sum over KV heads
  int64_t full_rows = 0;  // of the whole prompt, sum over KV heads
  double share() const {
    return full_rows > 0 ? static_cast<double>(rows) / static_cast<double>(full_rows) : 1;
  }
};

struct Budget {
  std::vector<LayerBudget> layers;
  double mean = 1;                // of the layers' shares
  std::optional<uint64_t> asked;  // bytes that the rows need; none: the trace does not say enough
  std::optional<uint64_t> held;   // bytes of their pages
  std::optional<uint64_t> full_asked;
  int64_t evicted_rows = 0;  // over layers and KV heads
};

// After the decisions of prefill (step 0).
Budget budget_at(const PassDetail& pass, const CacheShape& shape, const WhatIf& what_if);

}  // namespace kvreel::viewer
