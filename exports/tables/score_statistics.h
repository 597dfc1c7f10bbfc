// Means of scores and differences between runs, with 95 % intervals.
//
// Scores lie between 0 and 1. Where all of them are 0 or 1 their mean is a share, and has Wilson's
// interval; a share's is the widest that scores of that mean can ask for, so that few scores that
// happen to be 0 or 1 are not made surer than they are. Other means have Student's interval, cut
// off at 0 and 1. A score counts as 0, 1 or equal to another within kScoreRounding: ROUGE of equal
// texts is 1 - 5e-9, for the 1e-8 in its formula's denominator.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "exports/tables/statistics.h"

namespace kvreel::exports {

inline constexpr double kScoreRounding = 1e-6;

struct MeanScore {
  int64_t n = 0;
  double mean = 0;
  std::optional<MeanInterval> interval;  // none: one score that is neither 0 nor 1
  std::optional<int64_t> hits;           // of a share: scores of 1
};

// NaN values are left out. Nothing for no values.
std::optional<MeanScore> mean_score(std::span<const double> scores);

// A run's scores less the reference's, sample by sample.
struct MeanDifference {
  int64_t n = 0;
  double mean = 0;
  std::optional<MeanInterval> interval;
  int64_t lost = 0;    // samples with less than the reference
  int64_t gained = 0;  // samples with more
};

// Of scores of the same samples; a pair with a NaN is left out. Nothing for no pairs. Where all
// scores are 0 or 1 the interval is Bonett and Price's for paired shares, "Adjusted Wald confidence
// interval for a difference of binomial proportions based on paired data", Journal of Educational
// and Behavioral Statistics 37 (2012): with g gained and l lost of n samples, a = (g + 1)/(n + 2),
// b = (l + 1)/(n + 2): a - b -+ 1.96 sqrt((a + b - (a - b)^2)/(n + 2)). Else it is Student's of the
// mean of the differences.
std::optional<MeanDifference> paired_difference(std::span<const double> mine,
                                                std::span<const double> theirs);

// Whether every value is 0, 1 or NaN, but for rounding.
bool are_shares(std::span<const double> scores);

}  // namespace kvreel::exports
