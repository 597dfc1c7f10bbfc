// Medians, spreads and confidence intervals.
#include "exports/tables/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace kvreel::exports {
namespace {

// Probability that |t| is at most `t` (A&S 26.7.3 for odd degrees, 26.7.4 for even ones).
double student_within(double t, int64_t degrees) {
  const double theta = std::atan(t / std::sqrt(static_cast<double>(degrees)));
  const double cos2 = std::cos(theta) * std::cos(theta);
  const bool odd = degrees % 2 == 1;
  double term = odd ? std::cos(theta) : 1;
  double sum = degrees == 1 ? 0 : term;
  for (int64_t k = odd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= cos2 * static_cast<double>(k - 1) / static_cast<double>(k);
    sum += term;
  }
  const double partial = std::sin(theta) * sum;
  return odd ? 2 / std::numbers::pi * (theta + partial) : partial;
}

}  // namespace

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

double student_t_975(int64_t degrees) {
  constexpr int64_t kMany = 2000;
  if (degrees > kMany) {
    // Three terms of A&S 26.7.5; the next is below 4e-10 here.
    const auto n = static_cast<double>(degrees);
    const double z2 = kNormalQuantile * kNormalQuantile;
    const double g1 = kNormalQuantile * (z2 + 1) / 4;
    const double g2 = kNormalQuantile * ((5 * z2 + 16) * z2 + 3) / 96;
    return kNormalQuantile + g1 / n + g2 / (n * n);
  }
  double low = 1.9;
  double high = 13;  // one degree: 12.706
  while (high - low > 1e-12) {
    const double middle = (low + high) / 2;
    (student_within(middle, degrees) < 0.95 ? low : high) = middle;
  }
  return (low + high) / 2;
}

std::optional<MeanInterval> mean_interval_of(const Spread& spread) {
  if (spread.n < 2) return std::nullopt;
  const double half =
      student_t_975(spread.n - 1) * spread.sd / std::sqrt(static_cast<double>(spread.n));
  return MeanInterval{spread.mean - half, spread.mean + half};
}

std::optional<Proportion> proportion_of(int64_t hits, int64_t n) {
  if (n <= 0) return std::nullopt;
  constexpr double kZ2 = kNormalQuantile * kNormalQuantile;
  const auto count = static_cast<double>(n);
  const double p = static_cast<double>(hits) / count;
  const double centre = (p + kZ2 / (2 * count)) / (1 + kZ2 / count);
  const double half = kNormalQuantile / (1 + kZ2 / count) *
                      std::sqrt(p * (1 - p) / count + kZ2 / (4 * count * count));
  return Proportion{hits, n, std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

}  // namespace kvreel::exports
