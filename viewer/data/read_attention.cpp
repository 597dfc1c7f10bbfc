// Attention norms and rows of one pass, out of a trace.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "viewer/data/read_pass.h"

namespace kvreel::viewer {
namespace {

using tracer::Attention;
using tracer::AttentionRows;
using tracer::RowRange;
using tracer::Trace;

// Layers or heads that there are: as many as the model has, or as the rows name.
template <typename T>
int extent(const std::vector<T>& numbers, int of_the_model, std::string_view what,
           const std::string& path) {
  if (numbers.empty()) return of_the_model;
  const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
  if (*least < 0 || (of_the_model > 0 && *most >= of_the_model)) {
    fail("attention norms of {} name {} {}, and the model has {}; the file is damaged", path, what,
         *least < 0 ? *least : *most, of_the_model);
  }
  return of_the_model > 0 ? of_the_model : *most + 1;
}

}  // namespace

std::shared_ptr<const AttentionNorms> read_attention(const Trace& trace, const Overview& overview,
                                                     const PassInfo& pass) {
  // Those of the prefill come first, from the run that made it where that is another.
  const RowRange shared = pass.prefill_attention;
  const RowRange range = pass.rows.attention;
  std::vector<bool> wanted;  // of the shared rows: those of the prefill
  for (const int32_t step_of_row : trace.read_column(&Attention::step, shared.begin, shared.end))
    wanted.push_back(step_of_row == 0);
  const auto column = [&](auto member) {
    auto values = trace.read_column(member, shared.begin, shared.end);
    size_t kept = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      if (wanted[i]) values[kept++] = values[i];
    }
    values.resize(kept);
    const auto own = trace.read_column(member, range.begin, range.end);
    values.insert(values.end(), own.begin(), own.end());
    return values;
  };
  const auto step = column(&Attention::step);
  const auto layer = column(&Attention::layer);
  const auto head = column(&Attention::head);
  auto norms = std::make_shared<AttentionNorms>();
  if (step.empty()) return norms;
  norms->layers = extent(layer, overview.layers, "layer", trace.path());
  norms->heads = extent(head, overview.query_heads, "head", trace.path());
  norms->steps = step;
  std::sort(norms->steps.begin(), norms->steps.end());
  norms->steps.erase(std::unique(norms->steps.begin(), norms->steps.end()), norms->steps.end());

  // Rows that were dropped leave gaps, but not many times what there is.
  const uint64_t cells = static_cast<uint64_t>(norms->layers) *
                         static_cast<uint64_t>(norms->heads) * norms->steps.size();
  if (cells > 256 * step.size() + (uint64_t{1} << 16)) {
    fail("{} has {} attention norms of a pass with {} steps, {} layers and {} heads; it is damaged",
         trace.path(), step.size(), norms->steps.size(), norms->layers, norms->heads);
  }
  std::vector<size_t> places(step.size());
  for (size_t i = 0; i < step.size(); ++i) {
    const auto at = std::lower_bound(norms->steps.begin(), norms->steps.end(), step[i]);
    places[i] = norms->index(static_cast<size_t>(at - norms->steps.begin()), layer[i], head[i]);
  }
  const auto spread = [&](auto member, std::vector<float>& out) {
    out.assign(static_cast<size_t>(cells), std::numeric_limits<float>::quiet_NaN());
    const auto values = column(member);
    for (size_t i = 0; i < places.size(); ++i) out[places[i]] = values[i];
  };
  spread(&Attention::frobenius, norms->frobenius);
  spread(&Attention::last_row_norm, norms->last_row_norm);
  spread(&Attention::mean_entropy, norms->mean_entropy);
  spread(&Attention::last_row_entropy, norms->last_row_entropy);
  spread(&Attention::last_row_sinks, norms->last_row_sinks);
  return norms;
}

std::shared_ptr<const AttentionRowSet> read_attention_rows(const Trace& trace,
                                                           const Overview& overview,
                                                           const PassInfo& pass, int32_t step,
                                                           int32_t layer) {
  const RowRange range =
      step == 0 && pass.prefill_run >= 0 ? pass.prefill_attention_rows : pass.rows.attention_rows;
  const auto column = [&](auto member) {
    return trace.read_column(member, range.begin, range.end);
  };
  const auto steps = column(&AttentionRows::step);
  const auto layers = column(&AttentionRows::layer);
  const auto heads = column(&AttentionRows::head);
  const auto from_last = column(&AttentionRows::row);
  auto rows = std::make_shared<AttentionRowSet>();
  rows->by_head.resize(static_cast<size_t>(overview.query_heads));
  // The rows of a layer lie together: neighbours are read as one.
  for (size_t i = 0; i < steps.size();) {
    if (steps[i] != step || layers[i] != layer) {
      ++i;
      continue;
    }
    size_t end = i + 1;
    while (end < steps.size() && steps[end] == step && layers[end] == layer) ++end;
    const auto lists =
        trace.read_column(&AttentionRows::probabilities, range.begin + i, range.begin + end);
    for (size_t row = i; row < end; ++row) {
      if (from_last[row] != 0) continue;  // a row before the last
      const int16_t head = heads[row];
      if (head < 0 || (overview.query_heads > 0 && head >= overview.query_heads)) {
        fail("an attention row of {} names head {}, and the model has {}; the file is damaged",
             trace.path(), head, overview.query_heads);
      }
      const auto at = static_cast<size_t>(head);
      if (at >= rows->by_head.size()) rows->by_head.resize(at + 1);
      const auto value = [&](uint64_t place) {
        return lists.values.begin() + static_cast<std::ptrdiff_t>(place);
      };
      rows->by_head[at].assign(value(lists.begin_of(row - i)), value(lists.end_of(row - i)));
    }
    i = end;
  }
  return rows;
}

}  // namespace kvreel::viewer
