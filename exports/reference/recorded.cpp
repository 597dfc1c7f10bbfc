// Rows of two tables into layers.
#include "exports/reference/recorded.h"

#include <algorithm>

#include "base/error.h"

namespace kvreel::exports {
namespace {

// The pass that has the prefill's rows: a sweep's runs share the first one's.
tracer::PassRows prefill_of(const tracer::Trace& trace, const tracer::PassRows& pass) {
  const int64_t shared =
      trace.read_column(&tracer::Passes::prefill_pass, pass.row, pass.row + 1)[0];
  if (shared == 0) return pass;
  if (shared < 0 || static_cast<uint64_t>(shared) > trace.rows<tracer::Passes>()) {
    fail("pass {} of {} shares the prefill of pass {}, which is not there; the file is damaged",
         pass.row, trace.path(), shared - 1);
  }
  return trace.pass_at(static_cast<uint64_t>(shared - 1));
}

struct LayerRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  int64_t heads = 0;
  int64_t rows = 0;
};

}  // namespace

std::map<int32_t, RecordedDecision> read_prefill_decisions(const tracer::Trace& trace,
                                                           const tracer::PassRows& pass) {
  const tracer::Decisions rows =
      trace.read<tracer::Decisions>(pass.decisions.begin, pass.decisions.end);
  std::map<int32_t, RecordedDecision> layers;
  for (size_t i = 0; i < rows.step.size(); ++i) {
    if (rows.step[i] != 0) continue;
    RecordedDecision& layer = layers[rows.layer[i]];
    if (layer.kept.empty()) {
      layer.cached = rows.cached[i];
      layer.cut = rows.cut[i];
      layer.threshold = rows.threshold[i];
    } else if (layer.cut != rows.cut[i] || layer.cached != rows.cached[i]) {
      fail(
          "the KV heads of layer {} of {} were cut after {} and {} candidates, and ReFreeKV cuts "
          "a layer's heads alike; the file is damaged",
          rows.layer[i], trace.path(), layer.cut, rows.cut[i]);
    }
    layer.kept.emplace_back(rows.kv_head[i], trace.kept_positions(pass.decisions.begin + i));
  }
  return layers;
}

std::map<int32_t, LayerRows> read_prefill_rows(const tracer::Trace& trace,
                                               const tracer::PassRows& pass) {
  using tracer::AttentionRows;
  const tracer::RowRange range = prefill_of(trace, pass).attention_rows;
  const auto column = [&](auto member) {
    return trace.read_column(member, range.begin, range.end);
  };
  const tracer::Column<int32_t> step = column(&AttentionRows::step);
  const tracer::Column<int16_t> layer = column(&AttentionRows::layer);
  const tracer::Column<int16_t> head = column(&AttentionRows::head);
  const tracer::Column<int16_t> row = column(&AttentionRows::row);
  std::map<int32_t, LayerRange> found;
  for (size_t i = 0; i < step.size(); ++i) {
    if (step[i] != 0) continue;
    LayerRange& of = found[layer[i]];
    if (of.heads == 0) of.begin = range.begin + i;
    of.end = range.begin + i + 1;
    of.heads = std::max<int64_t>(of.heads, head[i] + 1);
    of.rows = std::max<int64_t>(of.rows, row[i] + 1);
  }
  std::map<int32_t, LayerRows> layers;
  for (const auto& [number, of] : found) {
    const tracer::List<float> lists =
        trace.read_column(&AttentionRows::probabilities, of.begin, of.end);
    const auto expected = static_cast<size_t>(of.heads * of.rows);
    const auto keys = lists.values.size() / expected;
    LayerRows& rows = layers[number];
    rows = {.heads = of.heads,
            .rows = of.rows,
            .keys = static_cast<int64_t>(keys),
            .probabilities = std::vector<float>(lists.values.size())};
    std::vector<bool> seen(expected, false);
    for (size_t i = 0; i < lists.rows(); ++i) {
      const size_t at = of.begin + i - range.begin;
      const bool placed = step[at] == 0 && layer[at] == number && head[at] >= 0 && row[at] >= 0;
      const auto slot = placed ? static_cast<size_t>(head[at] * of.rows + row[at]) : expected;
      if (slot >= expected || seen[slot] || lists.rows() != expected ||
          lists.end_of(i) - lists.begin_of(i) != keys) {
        fail(
            "the attention rows of layer {} of pass {} of {} are not one of each head and row, "
            "all of one length; the file is damaged, or rows were dropped while it was recorded",
            number, pass.row, trace.path());
      }
      seen[slot] = true;
      std::copy_n(lists.values.begin() + static_cast<ptrdiff_t>(lists.begin_of(i)), keys,
                  rows.probabilities.begin() + static_cast<ptrdiff_t>(slot * keys));
    }
  }
  return layers;
}

}  // namespace kvreel::exports
