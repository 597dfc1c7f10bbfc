// Scores of runs, and what share of another run's score they retain, with intervals.
//
// A figure shows one metric (tables/metrics.h): the one that FigureOptions::metric names, else the
// first that the traces' samples are scored by, which is exact match where nothing else is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exports/figures/samples.h"

namespace kvreel::exports {

// The metric that a figure shows. Throws UsageError, with the nearest name, for one that no trace
// has scores by.
std::string metric_of(const FigureSource& source);

// What an axis of the metric's scores is called: "Exact match", "token-f1". Markup.
std::string score_label(std::string_view metric);
// The same in a sentence: "exact match", "token-f1".
std::string score_noun(std::string_view metric);

// How an interval was found.
enum class IntervalKind : uint8_t {
  wilson,        // of a share
  student,       // of a mean
  paired_ratio,  // of two shares of the same samples
  bootstrap,     // of a ratio of means of the same samples
};

struct Score {
  int64_t n = 0;     // samples with a score
  double value = 0;  // mean over them
  double low = 0;    // 95 % interval; of one sample that has none, the value
  double high = 0;
  IntervalKind kind = IntervalKind::wilson;
};

// Mean score of a run over samples, which it must have finished, with the interval of
// tables/score_statistics.h. None where no sample is scored.
std::optional<Score> score_of(const WholePasses& passes, int32_t run,
                              std::span<const int32_t> samples);

// The run's mean score / the reference's, over the same samples. Where all scores are 0 or 1 the
// interval is that of Bonett and Price, "Confidence intervals for a ratio of binomial proportions
// based on paired data", Statistics in Medicine 25 (2006), the hybrid of two Wilson intervals; else
// that of bootstrap_ratio_interval(). None where no sample is scored, or the reference's scores are
// all 0.
std::optional<Score> retention_of(const WholePasses& passes, int32_t run, int32_t reference,
                                  std::span<const int32_t> samples);

// Throws Error: no sample of the trace has scores by the metric, and how to record them.
[[noreturn]] void fail_without_scores(const FigureTrace& trace, std::string_view metric);

// The interval of retention_of() of shares, from counts: samples that both answer right, only the
// run, only the reference. Needs both + only_reference > 0.
struct Interval {
  double low = 0, high = 0;
};
Interval paired_ratio_interval(int64_t both, int64_t only_run, int64_t only_reference);

inline constexpr int kBootstrapResamples = 10000;
inline constexpr uint32_t kBootstrapSeed = 1;

// 2.5th and 97.5th percentile of sum(mine) / sum(theirs) over resamples of the samples, with
// replacement, pairs kept together (the percentile bootstrap: Efron and Tibshirani, "An
// Introduction to the Bootstrap", 1993, chapter 13). Resamples in which `theirs` are all 0 are left
// out. Index j of a resample is the next number of a 32-bit Mersenne Twister (std::mt19937) that
// begins at kBootstrapSeed, modulo n: the same for every run, machine and call. Needs sum(theirs) >
// 0.
Interval bootstrap_ratio_interval(std::span<const double> mine, std::span<const double> theirs);

// "Bars: Wilson's 95 % interval." and the like, of the kinds that are shown.
std::string interval_remark(std::span<const IntervalKind> kinds);

}  // namespace kvreel::exports
