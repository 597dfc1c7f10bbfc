// Medians, spreads and confidence intervals.
#include "exports/tables/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvreel::exports {

double quantile(std::span<const double> ascending, double q) {
  const double at = q * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<size_t>(std::floor(at));
  const size_t above = std::min(below + 1, ascending.size() - 1);
  const double part = at - std::floor(at);
  return ascending[below] + part * (ascending[above] - ascending[below]);
}

std::optional<Spread> spread_of(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  const double mean = sum / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);

  Spread spread;
  spread.n = static_cast<int64_t>(values.size());
  spread.mean = mean;
  spread.sd =
      values.size() > 1 ? std::sqrt(squares / (n - 1)) : std::numeric_limits<double>::quiet_NaN();
  spread.median = quantile(values, 0.5);
  spread.p10 = quantile(values, 0.1);
  spread.p90 = quantile(values, 0.9);
  spread.p99 = quantile(values, 0.99);
  spread.least = values.front();
  spread.most = values.back();
  return spread;
}

std::optional<Proportion> proportion_of(int64_t hits, int64_t n) {
  if (n <= 0) return std::nullopt;
  constexpr double kZ = 1.959963984540054;  // 97.5 % quantile of the standard normal distribution
  constexpr double kZ2 = kZ * kZ;
  const auto count = static_cast<double>(n);
  const double p = static_cast<double>(hits) / count;
  const double centre = (p + kZ2 / (2 * count)) / (1 + kZ2 / count);
  const double half =
      kZ / (1 + kZ2 / count) * std::sqrt(p * (1 - p) / count + kZ2 / (4 * count * count));
  return Proportion{hits, n, std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

}  // namespace kvreel::exports
