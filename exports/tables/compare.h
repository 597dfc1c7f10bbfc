// Runs beside a reference: memory, output, time.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "exports/tables/fidelity.h"
#include "exports/tables/score_statistics.h"
#include "exports/tables/statistics.h"
#include "exports/tables/table.h"
#include "tracer/read/trace.h"

namespace kvreel::exports {

struct CompareOptions {
  std::string reference;  // a run's name; "": the run 'full' where there is one, else the first
  std::string by;         // a field of the samples' metadata to group by, such as "task"
  std::vector<std::string> runs;     // names; empty: all. The reference is always shown.
  std::vector<std::string> samples;  // ids or numbers; empty: all
};

// One sample under one run.
struct SampleComparison {
  std::string sample;
  size_t pass = 0;            // row of passes
  size_t reference_pass = 0;  // the reference's
  std::string group;          // its value of the field grouped by
  double budget = 0;
  uint64_t asked = 0;
  uint64_t held = 0;
  uint64_t peak = 0;
  uint64_t full_asked = 0;
  int64_t prefill_ns = 0;
  int64_t decide_ns = 0;
  std::optional<double> token_ns;  // median over decode steps; none without decode steps
  int64_t generated = 0;           // tokens, the stop token included
  bool shared_prefill = false;     // prefill_ns was not measured end to end
  std::optional<bool> exact_match;
  std::vector<double> scores;            // by Comparison::metrics; NaN: not scored by it
  std::vector<double> reference_scores;  // the reference's of the same sample
  PassFidelity fidelity;
  int64_t agreement = 0;  // leading tokens equal to the reference's
  std::optional<int64_t>
      first_differing;  // index of the first differing token, from 0; none: equal
};

// A run's scores by one metric.
struct MetricComparison {
  std::optional<MeanScore> score;            // over samples that are scored by it
  std::optional<MeanDifference> difference;  // to the reference's, of the same samples; none of it
};

// A run's figures over the samples that it and the reference have finished (not interrupted).
// What cannot be known from the trace is left out, never estimated.
struct RunComparison {
  std::string name;
  bool is_reference = false;
  int64_t samples = 0;
  std::optional<Spread> budget;  // kept / prompt positions, mean over layers

  // Cache bytes after prefill.
  std::optional<Spread> asked;
  std::optional<Spread> held;
  std::optional<Spread> asked_share;     // asked / the full cache's asked, per sample
  std::optional<Spread> peak;            // most held during prefill
  std::optional<Spread> reference_peak;  // of the reference, over the same samples

  // Nanoseconds.
  std::optional<Spread> prefill;  // to the first token, decisions included
  std::optional<Spread> decide;   // of it: deciding and compacting the cache
  std::optional<Spread> token;    // decode steps (steps from 1), all samples together
  // Samples whose prefill is shared with other runs: `prefill` is then the model's time, once, and
  // the run's own deciding, not measured end to end.
  int64_t shared_prefills = 0;

  std::optional<double> tokens_per_s;     // 1 / median of `token`
  std::optional<double> bytes_per_token;  // weights + mean cache asked over those steps
  std::optional<double> bytes_per_s;      // bytes_per_token / median of `token`
  std::optional<double> bandwidth_share;  // of the machine's measured read bandwidth

  std::optional<Proportion> exact_match;  // over samples with answers
  std::vector<MetricComparison> scores;   // by Comparison::metrics
  std::optional<FidelitySummary> fidelity;
  int64_t equal_outputs = 0;              // samples whose tokens equal the reference's
  std::optional<Spread> first_differing;  // over samples that differ
  std::optional<Spread> agreement;        // leading tokens equal to the reference's

  std::vector<SampleComparison> per_sample;
};

// One run on the samples of one group.
struct GroupComparison {
  std::string group;
  std::string run;
  int64_t samples = 0;
  std::optional<Proportion> exact_match;
  std::vector<MetricComparison> scores;  // by Comparison::metrics
  std::optional<FidelitySummary> fidelity;
  std::optional<Spread> budget;
  std::optional<Spread> asked_share;
  int64_t equal_outputs = 0;
};

struct Comparison {
  std::string trace;      // file name
  std::string status;     // of the trace, such as "complete"
  std::string reference;  // name of the run
  std::string by;
  // What the samples are scored by (metrics.h): the metrics of table `scores`, else exact match;
  // empty without answers.
  std::vector<std::string> metrics;
  int64_t samples = 0;  // the reference's finished ones
  std::optional<double> weight_bytes_per_token;
  std::optional<double> read_bandwidth;  // bytes/s, median measured on the machine
  std::vector<RunComparison> runs;       // in the trace's order
  std::vector<GroupComparison> groups;   // group by group, runs within; empty without `by`
};

// Throws Error where the trace has no finished pass (yet) or the reference has none, UsageError for
// an unknown run or sample and for a field that no sample has.
Comparison compare(const tracer::Trace& trace, const CompareOptions& options = {});

// Blocks of at most `width` columns, with a legend. Ends in a newline.
std::string render_compare_text(const Comparison& comparison, size_t width = 100);
nlohmann::ordered_json compare_json(const Comparison& comparison);
// One row per run.
Table compare_table(const Comparison& comparison);

}  // namespace kvreel::exports
