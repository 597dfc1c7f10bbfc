// What the columns of the comparison as text mean.
#include "exports/tables/compare_legend.h"

#include <algorithm>
#include <string_view>

#include "exports/tables/metrics.h"

namespace kvreel::exports {
namespace {

constexpr std::string_view kLegend =
    "n            samples that the run and the reference have finished\n"
    "budget       kept / prompt positions, mean over layers: mean \u00b1 sd [min-max] over "
    "samples\n"
    "asked, held  cache bytes after prefill: what the kept rows need, what their pages take; "
    "means\n"
    "of full      asked / what the unpruned prompt would need\n"
    "peak, ref.   most cache bytes held during prefill, by the run, by the reference; means\n"
    "same         samples whose generated tokens all equal the reference's\n"
    "differs at   first token that does not, from 0: median (least) over samples that differ\n"
    "agrees for   leading tokens that equal the reference's, mean\n"
    "prefill      to the first token, deciding included: median [10th-90th percentile]\n"
    "decide       deciding and compacting the cache, median\n"
    "per token    decode steps: median [10th-90th percentile]; tok/s: 1 / median\n"
    "MB/tok       weights read per token + mean cache asked; GB/s: that / median time per token\n";

// What is said of scores: which interval they have.
std::string score_legend(const Comparison& comparison) {
  if (comparison.metrics.empty()) return "";
  bool shares = false;
  bool means = false;
  for (const RunComparison& run : comparison.runs) {
    for (const MetricComparison& metric : run.scores) {
      if (!metric.score) continue;
      (metric.score->hits ? shares : means) = true;
    }
  }
  std::string out;
  const bool exact = std::find(comparison.metrics.begin(), comparison.metrics.end(), kExactMatch) !=
                     comparison.metrics.end();
  if (exact) out += "exact match  the text equals an answer\n";
  if (shares) {
    out +=
        "score        of only zeros and ones: share (ones/samples scored) [Wilson 95 % interval]\n";
  }
  if (means) {
    out += "score        others: mean over samples scored, per cent [95 % interval, Student's t]\n";
  }
  return out +
         "less the reference's: mean over the same samples, points [95 % interval: paired shares "
         "after\n"
         "             Bonett and Price 2012, else Student's t]; lost, gained: samples below, "
         "above "
         "it\n";
}

constexpr std::string_view kFidelityLegend =
    "KL           KL(full cache || run) of the next token along the reference's output: mean over\n"
    "             steps, then over samples [95 % interval, Student's t]; p95: over all steps\n"
    "same top     steps at which both have the same most probable token, mean over samples "
    "[Student's t;\n"
    "             Wilson's where the shares of all samples are 0 or 1]\n"
    "lost         attention that the full cache pays to evicted positions: mean over heads, "
    "steps,\n"
    "             layers and samples; worst: of the layer that loses most (which)\n";
constexpr std::string_view kSharedLegend =
    "*            not end to end: prefill shared within a sweep. The time is that of "
    "the shared\n"
    "             model pass and the run's own deciding: to be compared with others "
    "marked so\n";

}  // namespace

std::string compare_legend(const Comparison& comparison) {
  const auto any = [&](auto has) {
    return std::any_of(comparison.runs.begin(), comparison.runs.end(), has);
  };
  std::string out = std::string(kLegend) + score_legend(comparison);
  if (any([](const RunComparison& run) { return run.fidelity.has_value(); }))
    out += kFidelityLegend;
  if (any([](const RunComparison& run) { return run.shared_prefills > 0; })) out += kSharedLegend;
  return out;
}

}  // namespace kvreel::exports
