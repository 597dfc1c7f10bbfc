// A run beside a reference of the same or another trace, aligned by the samples' ids, and the order
// of the samples by how much runs differ.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exports/tables/compare.h"
#include "viewer/data/outputs.h"
#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

struct RunSource {
  TraceId trace;
  std::shared_ptr<const Overview> overview;
  std::shared_ptr<const Outputs> outputs;  // null: not loaded (yet)
  int32_t run = 0;
};

// The figures of exports::compare(), for a reference of any trace. Over the samples that the run
// and the reference have finished, interrupted passes left out; where they have none in common,
// over all that the run has finished, and nothing is said about agreement.
struct RunFigures {
  exports::RunComparison figures;
  bool aligned = false;  // there are samples in common
  // Whether the generated tokens were compared: else equal_outputs, agreement and first_differing
  // are not known.
  bool outputs = false;
  // They cannot be: the two have different tokenizers, whose numbers say nothing of each other.
  bool other_tokens = false;
};

RunFigures compare_run(const RunSource& run, const RunSource& reference);

// The sample's value of the metadata field that samples are grouped by ("task"), "" where it has
// none.
std::string group_of(const SampleInfo& sample);

// The field of metadata that is a sample's group.
inline constexpr std::string_view kGroupField = "task";

// --- Samples by difference ---

struct SampleDifference {
  std::string sample;
  // Share of the longer output that begins at the first token that differs; 0: equal outputs, none:
  // not known. Of several runs: the largest.
  std::optional<double> output;
  std::optional<int64_t> first_differing;  // earliest, of the run above
  double budget = 0;                       // |budget - the reference's|, the largest
  int worst = -1;  // run (index of the argument) that says `output`, else `budget`
};

// Every sample that the reference and at least one run have finished, most different first: by
// `output`, then by `budget`, then in the reference's order.
std::vector<SampleDifference> rank_differences(const RunFigures& reference,
                                               std::span<const RunFigures> runs);

// Row of the sample to go to from `sample`: `step` rows on, beginning again at the end; the first
// where `sample` is not among them. -1 where there is nothing.
int next_different(std::span<const SampleDifference> ranked, std::string_view sample, int step);

}  // namespace kvreel::viewer
