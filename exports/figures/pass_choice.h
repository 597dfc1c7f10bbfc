// Which runs, samples and passes a figure is made from, and the ways through their rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "exports/figures/definitions.h"
#include "exports/figures/runs.h"
#include "exports/plot/figure.h"

namespace kvreel::exports {

// A pass that finished and was not interrupted: others are in no figure.
struct PassAt {
  size_t row = 0;  // of the table `passes`
  int32_t run = 0;
  int32_t sample = 0;
};

// A run and those of its passes that the figure's filter wants, in the trace's order.
struct RunChoice {
  FigureRun info;
  std::string series;  // markup: short, tells the run from the others that are shown
  std::vector<PassAt> passes;

  const Source& source() const { return info.trace->source; }
  const std::string& sample_id(const PassAt& pass) const {
    return source().labels.sample(pass.sample);
  }
  // The pass of a sample, by its id.
  std::optional<PassAt> pass_of(std::string_view sample) const;
};

// Every run that has a pass, trace by trace. Throws Error where there is none.
std::vector<RunChoice> chosen_runs(const FigureSource& source);

// Names runs again, by what tells these few from each other.
void rename_runs(std::vector<RunChoice>& runs);

// Leaves only the passes of samples that every run has finished (samples.h, shared_samples), so
// that runs are compared on the same prompts; adds remarks on what n is, and the runs' whole names
// to the metadata.
void compare_on_shared_samples(const FigureSource& source, std::vector<RunChoice>& runs,
                               plot::Figure& figure);

// The sample that a figure of one sample shows: the first that all of the runs have, else the
// first run's first. Where the filter left a choice, a remark says which was taken.
std::string one_sample(const FigureSource& source, const std::vector<RunChoice>& runs,
                       plot::Figure& figure);

// Leaves the first `most` runs and says so, unless runs were asked for by name.
void keep_first_runs(const FigureSource& source, std::vector<RunChoice>& runs, size_t most,
                     plot::Figure& figure);

// Says which run was taken where the filter left a choice.
void remark_run(const FigureSource& source, const RunChoice& run, plot::Figure& figure);

// What n is where runs are not compared: the passes of each.
void remark_counts(std::span<const RunChoice> runs, plot::Figure& figure);

// Whole names of the runs that are shown, for the file's metadata.
void add_shown_runs(std::span<const RunChoice> runs, plot::Figure& figure);

// Throws UsageError where there are several traces: for figures of one run.
void require_one_trace(const FigureSource& source, std::string_view figure);

// Says how many rows of a table the recorder dropped, where it did.
void remark_drops(std::span<const RunChoice> runs, std::string_view table, plot::Figure& figure);

// Says which of the runs share their prefill with others: its time is not measured end to end.
void remark_shared_prefill(std::span<const RunChoice> runs, plot::Figure& figure);

// The paths of the runs' traces, for errors: "a.h5" or "a.h5, b.h5".
std::string paths_of(std::span<const RunChoice> runs);

// Bytes of a trace as one line of markup: what a terminal would not show is escaped, at most
// `width` columns.
std::string shown(std::string_view bytes, size_t width = 24);

// Rows of one pass in the table that `ends`, a column of passes, is about.
tracer::RowRange pass_rows(const Source& source, std::vector<uint64_t> tracer::Passes::*ends,
                           size_t pass);

// Calls use(index of the run, block, row in the block) for the rows of all of the runs' passes, in
// one sweep through each trace, reading no rows of other passes.
template <typename Table, typename Use>
void for_each_row_of(std::span<const RunChoice> runs, std::vector<uint64_t> tracer::Passes::*ends,
                     Use&& use) {
  for (size_t first = 0; first < runs.size(); ++first) {
    const FigureTrace* trace = runs[first].info.trace;
    if (first > 0 && runs[first - 1].info.trace == trace)
      continue;  // runs of a trace stand together
    const Source& source = trace->source;
    std::vector<int> index(source.labels.runs().size(), -1);  // of `runs`, by the trace's number
    std::vector<size_t> passes;
    for (size_t i = first; i < runs.size() && runs[i].info.trace == trace; ++i) {
      index.at(static_cast<size_t>(runs[i].info.run)) = static_cast<int>(i);
      for (const PassAt& pass : runs[i].passes) passes.push_back(pass.row);
    }
    std::sort(passes.begin(), passes.end());
    const std::vector<uint64_t> all_ends = source.trace.read_column(ends, 0, source.passes.size());
    const auto take = [&](const Table& block, size_t i, uint64_t row) {
      const auto run = static_cast<size_t>(block.run[i]);
      if (block.run[i] < 0 || run >= index.size() || index[run] < 0) {
        fail(
            "row {} of table '{}' of {} belongs to run {}, and the pass that it lies in does not; "
            "the file is damaged",
            row, Table::kName, source.trace.path(), block.run[i]);
      }
      use(static_cast<size_t>(index[run]), block, i);
    };
    // Neighbouring passes are read as one.
    tracer::RowRange next;
    for (const size_t pass : passes) {
      const tracer::RowRange rows = source.passes.rows(all_ends, pass);
      if (rows.begin != next.end) {
        for_each_row<Table>(source.trace, next, take);
        next.begin = rows.begin;
      }
      next.end = rows.end;
    }
    for_each_row<Table>(source.trace, next, take);
  }
}

}  // namespace kvreel::exports
