// Ways through the rows of a trace: passes that are wanted, blocks of rows, texts of positions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "exports/tables/groups.h"
#include "exports/tables/labels.h"
#include "exports/tables/table.h"
#include "tracer/read/trace.h"

namespace kvreel::exports {

// The columns of `passes` that say which rows belong to which pass.
struct PassList {
  explicit PassList(const tracer::Trace& trace);

  size_t size() const { return run.size(); }
  bool interrupted(size_t pass) const { return finish[pass] == kFinishInterrupted; }
  // Rows of the pass in the table that `ends` is about.
  tracer::RowRange rows(const std::vector<uint64_t>& ends, size_t pass) const;
  // The row of the pass whose prefill a pass shares; its own where it made its prefill itself.
  // Throws Error for a row that is not there.
  size_t prefill_owner(size_t pass) const;
  // Whether a pass shares its prefill with others, made by it or by one of them: prefill_ns is then
  // a sum of parts by one rule for all of them, not measured end to end.
  bool shares_prefill(size_t pass) const { return shares_[pass]; }

  std::string path;
  std::vector<int32_t> run;
  std::vector<int32_t> sample;
  std::vector<int8_t> finish;

 private:
  std::vector<int64_t> prefill_pass_;
  std::vector<bool> shares_;
};

// Everything that the rows of an exported table are made from.
struct Source {
  Source(const tracer::Trace& the_trace, const Filter& the_filter);

  const tracer::Trace& trace;
  Filter filter;
  Labels labels;
  Selection selection;
  PassList passes;
  // What summaries are told beside the filter.
  std::string reference;  // a run; "": full, else the first
  std::string by;         // the field that `groups` is about, "" for none
  Groups groups;
};

// Rows at most in memory at a time: one chunk of a long table.
inline constexpr uint64_t kBlockRows = 16384;

// The same of a table whose rows are as long as prompts: at a hundred thousand tokens 25 MB.
template <typename Table>
inline constexpr uint64_t kBlockRowsOf =
    std::is_same_v<Table, tracer::AttentionRows> ? 64 : kBlockRows;

// Calls use(block, row in the block, row in the trace) for rows [begin, end) of a table.
template <typename Table, typename Use>
void for_each_row(const tracer::Trace& trace, tracer::RowRange range, Use&& use) {
  constexpr uint64_t kRows = kBlockRowsOf<Table>;
  for (uint64_t begin = range.begin; begin < range.end; begin += kRows) {
    const uint64_t end = std::min(range.end, begin + kRows);
    const Table block = trace.read<Table>(begin, end);
    for (uint64_t row = begin; row < end; ++row) use(block, static_cast<size_t>(row - begin), row);
  }
}

// Whether a row of a table that describes passes, with its run, sample, step and perhaps layer, is
// wanted. Throws Error for a run or sample that is not there.
template <typename Table>
bool is_selected(const Source& source, const Table& block, size_t i) {
  source.labels.run(block.run[i]);  // a damaged row is an error, not a row of no run
  source.labels.sample(block.sample[i]);
  const Selection& selection = source.selection;
  if constexpr (requires { block.layer; }) {
    if (!selection.layer(block.layer[i])) return false;
  }
  return selection.run(block.run[i]) && selection.sample(block.sample[i]) &&
         selection.step(block.step[i]);
}

// for_each_row() where the selection wants the rows of a table that describes passes: of finished
// passes (`ends`: the table's column of passes), and of the
// unfinished one.
template <typename Table, typename Use>
void for_each_selected(const Source& source, std::vector<uint64_t> tracer::Passes::*ends,
                       Use&& use) {
  const tracer::Trace& trace = source.trace;
  const std::vector<uint64_t> all_ends = trace.read_column(ends, 0, source.passes.size());
  const Selection& selection = source.selection;
  const auto filtered = [&](const Table& block, size_t i, uint64_t row) {
    if (is_selected(source, block, i)) use(block, i, row);
  };
  // Neighbouring passes that are wanted are read as one.
  tracer::RowRange next;
  for (size_t pass = 0; pass < source.passes.size(); ++pass) {
    if (!selection.run(source.passes.run[pass]) || !selection.sample(source.passes.sample[pass]))
      continue;
    const tracer::RowRange rows = source.passes.rows(all_ends, pass);
    if (rows.begin != next.end) {
      for_each_row<Table>(trace, next, filtered);
      next.begin = rows.begin;
    }
    next.end = rows.end;
  }
  for_each_row<Table>(trace, next, filtered);
  const uint64_t finished = all_ends.empty() ? 0 : all_ends.back();
  for_each_row<Table>(trace, {finished, trace.rows<Table>()}, filtered);
}

// Calls use(pass) for every selected pass that finished and was not interrupted: what summaries
// count.
template <typename Use>
void for_each_whole_pass(const Source& source, Use&& use) {
  for (size_t pass = 0; pass < source.passes.size(); ++pass) {
    const bool wanted = source.selection.run(source.passes.run[pass]) &&
                        source.selection.sample(source.passes.sample[pass]) &&
                        !source.passes.interrupted(pass);
    if (wanted) use(pass);
  }
}

// The bytes of tokens by their position in a sample: prompt tokens, then those that a run
// generated. Cheap where questions about the same run and sample come together.
class PieceReader {
 public:
  PieceReader(const tracer::Trace& trace, const Labels& labels) : trace_(trace), labels_(labels) {}

  // None where the trace has no such token.
  std::optional<std::string> at(int32_t run, int32_t sample, int64_t position);

 private:
  const tracer::Trace& trace_;
  const Labels& labels_;
  int32_t sample_ = -1;
  int32_t run_ = -1;
  tracer::Text prompt_;
  tracer::Text generated_;
  bool has_generated_ = false;
};

// "0-3 60-262" for ascending half-open pairs [0, 4), [60, 263); "" for none.
std::string ranges_text(const int32_t* pairs, size_t numbers);
// The same for positions in any order.
std::string ranges_text(std::vector<int32_t> positions);

// What files say about a trace: its name, its SHA-256 where `hash` (the file is read whole for it),
// model, runs, number of samples, prompts.
std::vector<std::pair<std::string, std::string>> metadata_of(const Source& source,
                                                             bool hash = true);

}  // namespace kvreel::exports
