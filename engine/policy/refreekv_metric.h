// What ReFreeKV's curve is measured on: the last rows' attention, or one of the released code's
// other metrics.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/policy/norm_curve.h"
#include "engine/policy/policy.h"
#include "engine/policy/registry.h"

namespace kvreel::engine {

struct ReFreeKvMetric {
  // What a candidate's energy is: the square of its entry in the reduced last rows, or the sum over
  // its column, the sum of squares over its column, or over its row, of the attention matrix.
  enum class Of : uint8_t { last_rows, columns, column_squares, row_squares };

  std::string name = "last-row";
  Of of = Of::last_rows;
  CurveRule rule;
  Amount rows{.value = 1, .is_share = false};  // of last-row
  bool average = true;                         // several rows become one by their mean
  bool causal = true;                          // rows before the last do not see later tokens
  bool bf16 = false;                           // probabilities rounded as the released code does

  // Takes metric, rows, normalize, rows-mask and rounding. Throws UsageError for combinations that
  // mean nothing and for what the statistics cannot give.
  static ReFreeKvMetric take(PolicyOptions& options, bool bf16_unless_said, bool rank_by_attention);

  // Adds what curve() reads.
  void add_needs(StatisticsRequest& request, int64_t prompt_tokens) const;

  // Cached rows [gap_begin, gap_end) are outside the metric, as if nobody had looked at them.
  NormCurve curve(const LayerView& layer, int64_t gap_begin, int64_t gap_end,
                  std::span<const std::vector<int32_t>> rankings) const;
};

}  // namespace kvreel::engine
