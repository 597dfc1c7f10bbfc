// Which positions a head's cached keys have when a step attends to them.
#include "exports/tables/cached_positions.h"

#include <algorithm>
#include <utility>

#include "exports/tables/provenance.h"

namespace kvreel::exports {

using tracer::Decisions;
using tracer::RowRange;

CachedPositions::CachedPositions(const Source& source) : source_(source) {
  const Provenance provenance(source.trace);
  const double query_heads = provenance.positive("/model/q_heads").value_or(1);
  const double kv_heads = provenance.positive("/model/kv_heads").value_or(query_heads);
  if (kv_heads >= 1 && query_heads >= kv_heads)
    heads_per_kv_head_ = static_cast<int32_t>(std::min(query_heads / kv_heads, 1e6));
}

void CachedPositions::load(int32_t run, int32_t sample) {
  if (run == run_ && sample == sample_) return;
  run_ = run;
  sample_ = sample;
  step_ = -1;
  prompt_tokens_ = static_cast<int32_t>(source_.labels.tokens(sample).count());
  const std::optional<tracer::PassRows> pass = source_.trace.pass(run, sample);
  const RowRange rows = pass ? pass->decisions : source_.trace.unfinished().decisions;
  const auto read = [&](auto member) {
    decisions_.*member = source_.trace.read_column(member, rows.begin, rows.end);
  };
  read(&Decisions::step);
  read(&Decisions::layer);
  read(&Decisions::kv_head);
  read(&Decisions::kept_ranges);
}

const std::vector<int32_t>& CachedPositions::at(int32_t run, int32_t sample, int32_t step,
                                                int16_t layer, int16_t head, uint64_t keys) {
  load(run, sample);
  const int32_t kv_head = head / heads_per_kv_head_;
  std::optional<size_t> last;  // decision that cut this head's cache before the step
  for (size_t i = 0; i < decisions_.step.size(); ++i) {
    const bool is_ours = decisions_.layer[i] == layer && decisions_.step[i] < step &&
                         (decisions_.kv_head[i] == -1 || decisions_.kv_head[i] == kv_head);
    if (is_ours && (!last || decisions_.step[i] >= decisions_.step[*last])) last = i;
  }
  if (last != decision_ || step != step_ || keys != keys_) collect(last, step, keys);
  return positions_;
}

void CachedPositions::collect(std::optional<size_t> decision, int32_t step, uint64_t keys) {
  decision_ = decision;
  step_ = step;
  keys_ = keys;
  positions_.clear();
  std::vector<std::pair<int64_t, int64_t>> ranges;  // [begin, end)
  int64_t next = 0;                                 // position that was appended first since then
  if (decision) {
    const auto& kept = decisions_.kept_ranges;
    for (uint64_t at = kept.begin_of(*decision); at + 1 < kept.end_of(*decision); at += 2)
      ranges.emplace_back(kept.values[at], kept.values[at + 1]);
    next = int64_t{prompt_tokens_} + decisions_.step[*decision];
  }
  // Step s appends the token of the step before it, at position prompt + s - 1.
  ranges.emplace_back(next, int64_t{prompt_tokens_} + step);
  // Counted first: a damaged range may claim two thousand million positions.
  int64_t count = 0;
  for (const auto& [begin, end] : ranges) count += std::max<int64_t>(end - begin, 0);
  if (count != static_cast<int64_t>(keys)) return;
  for (const auto& [begin, end] : ranges) {
    for (int64_t p = begin; p < end; ++p) positions_.push_back(static_cast<int32_t>(p));
  }
}

}  // namespace kvreel::exports
