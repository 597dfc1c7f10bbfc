// Scores of runs, and what share of another run's score they retain, with intervals.
//
// Today's traces hold one score, the exact match of a pass's text with a reference answer. Another
// would be one more column of WholePasses and one more name here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "exports/figures/samples.h"

namespace kvreel::exports {

inline constexpr std::string_view kScoreName = "Exact match";  // of an axis
inline constexpr std::string_view kScoreNoun = "exact match";  // in a sentence

struct Score {
  int64_t n = 0;     // samples with a score
  double value = 0;  // mean over them
  double low = 0;    // 95 % interval
  double high = 0;
};

// Mean score of a run over samples, which it must have finished: with exact match the share of
// those with answers whose text equals one, and Wilson's interval (statistics.h). None where no
// sample has answers.
std::optional<Score> score_of(const WholePasses& passes, int32_t run,
                              std::span<const int32_t> samples);

// The run's score / the reference's, over the same samples. The interval is that of Bonett and
// Price, "Confidence intervals for a ratio of binomial proportions based on paired data",
// Statistics in Medicine 25 (2006), the hybrid of two Wilson intervals. None where no sample has
// answers, or the reference answers none right.
std::optional<Score> retention_of(const WholePasses& passes, int32_t run, int32_t reference,
                                  std::span<const int32_t> samples);

// Throws Error: no sample of the trace has answers, and how to record them.
[[noreturn]] void fail_without_answers(const FigureTrace& trace);

// The interval of retention_of(), from counts: samples that both answer right, only the run, only
// the reference. Needs both + only_reference > 0.
struct Interval {
  double low = 0, high = 0;
};
Interval paired_ratio_interval(int64_t both, int64_t only_run, int64_t only_reference);

}  // namespace kvreel::exports
