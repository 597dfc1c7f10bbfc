// Medians, spreads and confidence intervals.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace kvreel::exports {

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

// Nothing for n = 0. Source: E. B. Wilson, "Probable inference, the law of succession, and
// statistical inference", JASA 22 (1927); z = 1.959964.
std::optional<Proportion> proportion_of(int64_t hits, int64_t n);

}  // namespace kvreel::exports
