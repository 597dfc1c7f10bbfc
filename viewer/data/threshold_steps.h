// What a pass would evict at prefill at any threshold: its norm curves, reduced to what a sum over
// layers needs, so that every pass of a run can be held at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

// Which norm the drop is a share of: the run's parameter `base`.
enum class CurveBase : uint8_t { candidates, all };
CurveBase curve_base(const RunInfo& run);

// Of a decision, null where it has none.
const std::vector<float>* curve_of(const Decision& decision, CurveBase base);

// Whether the threshold decides: reason `threshold`, with a curve and a ranking.
bool follows_threshold(const Decision& decision, CurveBase base);

// A curve gives up its candidate i, for i >= 1, as soon as the threshold reaches curve[i]: of the
// sum over layers only those values matter, not whose they are. Four bytes a candidate and layer.
struct ThresholdSteps {
  int64_t full_rows = 0;   // of the whole prompt, over layers and KV heads
  int64_t whole_rows = 0;  // cached rows where no layer that follows the threshold evicts anything
  // Rows that go together, KV heads that one curve decides for: at each of `drops`, ascending.
  struct Group {
    int64_t rows = 1;
    std::vector<float> drops;
  };
  std::vector<Group> groups;
  // Whether the trace says what another threshold evicts: no layer lacks the curve it was cut by,
  // and none follows the threshold again while decoding.
  bool known = true;

  // Cached rows after prefill at a threshold, over layers and KV heads.
  int64_t rows_at(double threshold) const;
  uint64_t bytes() const;  // of memory that this takes
};

// `decisions` are a pass's, by step, layer and KV head; those of prefill count. Curves rise, as the
// engine's do; of a damaged one that falls, the largest value so far counts. Layers beyond `layers`
// count where there is a decision about them.
ThresholdSteps threshold_steps(std::span<const Decision> decisions, int32_t prompt_tokens,
                               int layers, int kv_heads, CurveBase base);

}  // namespace kvreel::viewer
