// Moments of attention, and a total dealt out in proportion.
#include "engine/policy/cake_budgets.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvreel::engine {
namespace {

// Shares are computed in fp64; what differs from a whole number by less is that number, so that a
// last bit neither adds a position on the way nor takes one at the end.
constexpr double kWhole = 1e-9;

}  // namespace

WindowMoments window_moments(const AttentionStatistics& statistics, int64_t head, int64_t window,
                             int64_t before) {
  const auto keys = static_cast<size_t>(before);
  const auto rows = static_cast<double>(window);
  WindowMoments moments;
  moments.mean.assign(keys, 0.0);
  moments.variance.assign(keys, 0.0);
  const auto each_row = [&](const auto& use) {
    for (int64_t r = statistics.last_rows - window; r < statistics.last_rows; ++r) {
      const std::span<const float> row = statistics.row(head, r);
      for (size_t key = 0; key < keys; ++key) use(key, static_cast<double>(row[key]));
    }
  };
  each_row([&](size_t key, double a) {
    moments.mean[key] += a / rows;
    if (a > 0) moments.entropy -= a * std::log(a);
  });
  if (window < 2) return moments;
  each_row([&](size_t key, double a) {
    const double off = a - moments.mean[key];
    moments.variance[key] += off * off / (rows - 1);
  });
  return moments;
}

std::vector<double> average_of_neighbours(std::span<const double> values, int64_t kernel) {
  const auto n = static_cast<int64_t>(values.size());
  const int64_t reach = kernel / 2;
  std::vector<double> averages(values.size());
  for (int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int64_t j = std::max<int64_t>(i - reach, 0); j <= std::min(i + reach, n - 1); ++j) {
      sum += values[static_cast<size_t>(j)];
    }
    averages[static_cast<size_t>(i)] = sum / static_cast<double>(kernel);
  }
  return averages;
}

std::vector<double> cake_shares(std::span<const double> preferences, int64_t total, int64_t most) {
  const size_t layers = preferences.size();
  std::vector<double> wanted(preferences.begin(), preferences.end());
  if (!(std::accumulate(wanted.begin(), wanted.end(), 0.0) > 0)) wanted.assign(layers, 1.0);

  // Layers fill up one by one; the factor is that of those that are not full.
  std::vector<double> shares(layers, 0.0);
  std::vector<bool> full(layers, false);
  auto left = static_cast<double>(std::min(total, most * static_cast<int64_t>(layers)));
  for (bool again = true; again;) {
    again = false;
    double sum = 0;
    for (size_t i = 0; i < layers; ++i) sum += full[i] ? 0 : wanted[i];
    if (!(sum > 0)) {
      // What is left goes to layers without a preference, equally.
      for (size_t i = 0; i < layers; ++i) {
        if (!full[i]) wanted[i] = sum = 1;
      }
      if (!(sum > 0)) break;
      again = true;
      continue;
    }
    const double factor = left / sum;
    for (size_t i = 0; i < layers; ++i) {
      if (full[i]) continue;
      shares[i] = wanted[i] * factor;
      if (shares[i] < static_cast<double>(most)) continue;
      shares[i] = static_cast<double>(most);
      full[i] = again = true;
    }
    left = static_cast<double>(std::min(total, most * static_cast<int64_t>(layers)));
    for (size_t i = 0; i < layers; ++i) left -= full[i] ? shares[i] : 0;
  }
  return shares;
}

std::vector<int64_t> early_cake_budgets(std::span<const double> preferences, int64_t total,
                                        int64_t most) {
  std::vector<int64_t> budgets;
  for (const double share : cake_shares(preferences, total, most)) {
    budgets.push_back(static_cast<int64_t>(std::ceil(share - kWhole)));
  }
  return budgets;
}

std::vector<int64_t> final_cake_budgets(std::span<const double> preferences, int64_t total,
                                        int64_t most) {
  const std::vector<double> shares = cake_shares(preferences, total, most);
  std::vector<int64_t> budgets;
  std::vector<double> remainders;
  for (const double share : shares) {
    budgets.push_back(static_cast<int64_t>(std::floor(share + kWhole)));
    remainders.push_back(share - static_cast<double>(budgets.back()));
  }
  int64_t missing = std::min(total, most * static_cast<int64_t>(shares.size())) -
                    std::accumulate(budgets.begin(), budgets.end(), int64_t{0});
  std::vector<size_t> order(shares.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return remainders[a] > remainders[b]; });
  for (size_t i = 0; missing > 0; ++i, --missing) ++budgets[order[i]];
  return budgets;
}

}  // namespace kvreel::engine
