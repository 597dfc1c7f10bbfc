// Which passes a figure counts: whole ones, of samples that all runs it compares have finished.
//
// Runs of one trace share its prompts. Runs of several traces may be
//  - shown apart, every trace with series of its own: then each has its own samples, and models and
//    prompts may differ (threshold figures, budgets by layer);
//  - compared run by run in one plane: then traces must be of one model, and a sample counts only
//    where it is in every trace with the same text and answers (scores against budget or bytes).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/figures/definitions.h"
#include "exports/figures/runs.h"

namespace kvreel::exports {

// The passes of a trace that finished and were not interrupted, with their columns whole.
class WholePasses {
 public:
  // metric: whose scores are read (tables/metrics.h); "": none.
  explicit WholePasses(const FigureTrace& trace, std::string_view metric = {});

  // Row of the columns; none where the run has not finished the sample.
  std::optional<size_t> find(int32_t run, int32_t sample) const;
  // Rows of `decisions` that the pass has.
  tracer::RowRange decisions(size_t pass) const;

  std::vector<int32_t> prompt_tokens;
  std::vector<double> budget;
  std::vector<double> score;  // by the metric; NaN: the pass has none. Empty: nothing was read
  std::vector<uint64_t> prefill_held;

 private:
  const FigureTrace& trace_;
  std::map<std::pair<int32_t, int32_t>, size_t> rows_;  // by (run, sample)
  std::vector<uint64_t> decisions_end_;
};

struct SampleSet {
  std::vector<int32_t> samples;  // rows of the trace's samples, ascending
  int64_t left_out = 0;          // selected samples that some of the runs have not finished
};

// Samples of a trace that the filter wants and all of these runs (of this trace) have finished.
// Throws Error where there is none.
SampleSet finished_samples(const FigureTrace& trace, const WholePasses& passes,
                           std::span<const FigureRun> runs);

// Of runs that are compared across traces: the same samples, by id, for every trace.
struct SharedSamples {
  std::vector<std::vector<int32_t>> samples;  // [trace][i], rows of that trace's samples
  int64_t left_out = 0;                       // selected samples, of any trace, that do not count
};

// passes: by trace. Throws Error, naming two traces and what differs, where they cannot be compared
// run by run:
//  - another model: other weight files, or where a trace names none, another shape or directory;
//  - a sample of one id with other text or other answers: other prompts, template or truncation;
//  - other samples from other prompt files. Traces of one prompt file may hold different numbers of
//    its prompts, as after --limit or Ctrl-C: those that all have are compared, and `left_out` says
//    how many are not;
//  - no sample that all runs have finished.
SharedSamples shared_samples(const FigureSource& source, std::span<const WholePasses> passes,
                             std::span<const FigureRun> runs);

// Groups by the field of FigureOptions::by; one group without name where it is not set.
struct SampleGroup {
  std::string name;             // markup
  std::vector<size_t> members;  // indices into the samples given
};

// In the order in which the values first appear. Throws UsageError for a field that no sample has.
std::vector<SampleGroup> group_samples(const FigureSource& source, const FigureTrace& trace,
                                       std::span<const int32_t> samples);

// The rows of a group, or of any choice of indices.
std::vector<int32_t> chosen(std::span<const int32_t> samples, std::span<const size_t> members);

// How many samples count, by trace and group, as sentences: "n = 35 samples.", "n = 5 (fact), 7
// (list) samples.", "2 samples are left out: not every run has finished them."
class SampleCounts {
 public:
  explicit SampleCounts(const FigureSource& source) : source_(source) {}
  void add(const FigureTrace& trace, const SampleGroup& group);
  void leave_out(int64_t samples) { left_out_ += samples; }
  std::vector<std::string> remarks() const;

 private:
  const FigureSource& source_;
  std::vector<std::pair<std::string, int64_t>> counts_;
  int64_t left_out_ = 0;
};

}  // namespace kvreel::exports
