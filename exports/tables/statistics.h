// Medians, spreads and confidence intervals.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace kvreel::exports {

// 97.5 % quantile of the standard normal distribution: of two-sided intervals at 95 %.
inline constexpr double kNormalQuantile = 1.959963984540054;

// Quantile q in [0, 1] of ascending, non-empty values: linear between the two nearest order
// statistics (Hyndman and Fan's definition 7, NumPy's default).
double quantile(std::span<const double> ascending, double q);

struct Spread {
  int64_t n = 0;
  double mean = 0;
  double sd = 0;  // with n - 1 in the denominator; NaN where n = 1
  double median = 0;
  double p10 = 0;
  double p90 = 0;
  double p99 = 0;
  double least = 0;
  double most = 0;
};

// NaN values are left out. Nothing for no values.
std::optional<Spread> spread_of(std::vector<double> values);

struct Proportion {
  int64_t hits = 0;
  int64_t n = 0;
  double low = 0;  // Wilson's score interval at 95 %, without continuity correction
  double high = 0;
  double share() const { return static_cast<double>(hits) / static_cast<double>(n); }
};

struct MeanInterval {
  double low = 0;
  double high = 0;
};

// 95 % interval of the mean of a normal distribution: mean -+ t sd / sqrt(n), t the 97.5 % quantile
// of Student's distribution with n - 1 degrees of freedom. Nothing for n = 1.
std::optional<MeanInterval> mean_interval_of(const Spread& spread);

// 97.5 % quantile of Student's t distribution with that many (at least 1) degrees of freedom, to
// 1e-9. Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4 (the
// distribution for whole degrees), 26.7.5 (the expansion for many).
double student_t_975(int64_t degrees);

// Nothing for n = 0. Source: E. B. Wilson, "Probable inference, the law of succession, and
// statistical inference", JASA 22 (1927); z = 1.959964.
std::optional<Proportion> proportion_of(int64_t hits, int64_t n);

}  // namespace kvreel::exports
