// ReFreeKV's metrics (arXiv 2502.16886, eq. 1 to 3, and --metric of the released code).
//
// The released code's other metrics are sums over the columns or rows of the whole attention matrix
// A, and need no matrix. Of those on the removed part of A (norm-1, norm-fro) this holds only where
// the oldest go first: the code zeroes the rows and the columns of what is evicted, E = {s, ..,
// e - 1} behind s sinks. A row in E sees, by causality, columns of E and of the sinks. The sinks'
// columns lie outside the metric (base=candidates) or, as the sinks are never evicted, stay whole
// in every row (base=all; the released code has no sinks there). So all that goes of a row in E
// lies in columns of E, and the removed part is the columns of E: its sum is the sum of their
// column sums, its square sum that of their square sums. With another ranking a row in E also loses
// entries in columns that stay, which no column sum tells.
#include "engine/policy/refreekv_metric.h"

#include <algorithm>

#include "base/error.h"
#include "engine/policy/query_logits.h"

namespace kvreel::engine {
namespace {

using Of = ReFreeKvMetric::Of;

std::vector<ReFreeKvMetric> known_metrics() {
  constexpr CurveRule kDropOfNorm{.root = true, .removed = false};
  constexpr CurveRule kDropOfSum{.root = false, .removed = false};
  return {{"last-row", Of::last_rows, kDropOfNorm},
          {"col-square-sum", Of::column_squares, kDropOfSum},
          {"col-sqrt-sum", Of::column_squares, kDropOfNorm},
          {"row-square-sum", Of::row_squares, kDropOfSum},
          {"row-sqrt-sum", Of::row_squares, kDropOfNorm},
          {"norm-1", Of::columns, {.root = false, .removed = true}},
          {"norm-2", Of::column_squares, {.root = true, .removed = true}},  // entry-wise: the same
          {"norm-fro", Of::column_squares, {.root = true, .removed = true}}};
}

ReFreeKvMetric take_metric(PolicyOptions& options) {
  const std::vector<ReFreeKvMetric> known = known_metrics();
  std::vector<std::string> names;
  for (const ReFreeKvMetric& metric : known) names.push_back(metric.name);
  names.push_back("norm-inf");
  const std::string name = options.take_choice("metric", "last-row", names);
  for (const ReFreeKvMetric& metric : known) {
    if (metric.name == name) return metric;
  }
  fail_usage(
      "Policy 'refreekv': metric=norm-inf needs the largest entry of every column of the attention "
      "matrix, which is not collected; take metric=norm-1 or metric=norm-fro.");
}

int64_t rows_of(const Amount& rows, int64_t prompt_tokens) {
  return std::clamp<int64_t>(rows.of(prompt_tokens), 1, prompt_tokens);
}

template <typename Value>
void clear(std::vector<Value>& of_heads, int64_t keys, int64_t begin, int64_t end) {
  for (auto head = of_heads.begin(); head != of_heads.end(); head += keys) {
    std::fill(head + begin, head + end, Value{});
  }
}

}  // namespace

ReFreeKvMetric ReFreeKvMetric::take(PolicyOptions& options, bool bf16_unless_said,
                                    bool rank_by_attention) {
  ReFreeKvMetric metric = take_metric(options);
  const bool last_row = metric.of == Of::last_rows;
  metric.rows = options.take_amount("rows", metric.rows);
  metric.average = options.take_choice("normalize", "mean", {"mean", "sum"}) == "mean";
  metric.causal = options.take_choice("rows-mask", "causal", {"causal", "none"}) == "causal";
  metric.bf16 = options.take_choice("rounding", bf16_unless_said && last_row ? "bf16" : "fp32",
                                    {"fp32", "bf16"}) == "bf16";
  const bool one_row = metric.rows.text() == "1";
  if (!last_row && !(one_row && metric.average && metric.causal && !metric.bf16)) {
    fail_usage(
        "Policy 'refreekv': rows, normalize, rows-mask and rounding=bf16 are about "
        "metric=last-row; "
        "metric={} takes sums over all rows as they are.",
        metric.name);
  }
  if (metric.rule.removed && rank_by_attention) {
    fail_usage(
        "Policy 'refreekv': metric={} with rank=attention needs the n x n attention matrix, which "
        "is "
        "never kept; rank by position, or take metric=col-square-sum or metric=col-sqrt-sum.",
        metric.name);
  }
  return metric;
}

void ReFreeKvMetric::add_needs(StatisticsRequest& request, int64_t prompt_tokens) const {
  switch (of) {
    case Of::last_rows: {
      const int64_t wanted = rows_of(rows, prompt_tokens);
      request.last_rows = std::max(request.last_rows, wanted);
      if (!causal) request.last_queries = std::max(request.last_queries, wanted);
      break;
    }
    case Of::columns:
      request.column_sums = true;
      break;
    case Of::column_squares:
      request.column_square_sums = true;
      break;
    case Of::row_squares:
      request.row_norms = true;
      break;
  }
}

NormCurve ReFreeKvMetric::curve(const LayerView& layer, int64_t gap_begin, int64_t gap_end,
                                std::span<const std::vector<int32_t>> rankings) const {
  const AttentionStatistics& statistics = layer.statistics;
  if (of == Of::last_rows) {
    const int64_t wanted = std::min(rows_of(rows, statistics.keys), statistics.last_rows);
    std::vector<float> reduced =
        causal ? reduce_last_rows(statistics, wanted, average)
               : reduce_last_rows(unmasked_last_rows(layer, wanted), wanted, average);
    if (bf16) round_to_bf16(reduced);
    clear(reduced, statistics.keys, gap_begin, gap_end);
    return norm_curve(reduced, statistics.q_heads, rankings);
  }
  const std::vector<float>& sums = of == Of::columns          ? statistics.column_sums
                                   : of == Of::column_squares ? statistics.column_square_sums
                                                              : statistics.row_square_sums;
  std::vector<double> energies(sums.begin(), sums.end());
  clear(energies, statistics.keys, gap_begin, gap_end);
  return energy_curve(energies, statistics.q_heads, rankings, rule);
}

}  // namespace kvreel::engine
