// Softmax means, and the temperature that gives them a mass.
#include "engine/policy/logits_calibration.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "engine/policy/query_logits.h"

namespace kvreel::engine {

std::vector<double> mean_softmax(std::span<const double> logits, int64_t keys, double temperature) {
  const auto width = static_cast<size_t>(keys);
  const size_t rows = logits.size() / width;
  std::vector<double> mean(width, 0.0);
  std::vector<double> row(width);
  for (size_t r = 0; r < rows; ++r) {
    std::copy_n(logits.data() + r * width, width, row.data());
    softmax(row, temperature);
    for (size_t key = 0; key < width; ++key) mean[key] += row[key];
  }
  for (double& value : mean) value /= static_cast<double>(rows);
  return mean;
}

int64_t fewest_with_share(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end(), std::greater<>());
  std::vector<double> sums(values.size());
  std::partial_sum(values.begin(), values.end(), sums.begin());
  const auto reached = std::lower_bound(sums.begin(), sums.end(), share * sums.back());
  return std::min<int64_t>(reached - sums.begin() + 1, std::ssize(values));
}

double fit_temperature(std::span<const double> logits, int64_t keys, int64_t count, double share) {
  const auto mass = [&](double temperature) {
    std::vector<double> mean = mean_softmax(logits, keys, temperature);
    std::nth_element(mean.begin(), mean.begin() + (count - 1), mean.end(), std::greater<>());
    return std::accumulate(mean.begin(), mean.begin() + count, 0.0);
  };
  if (mass(kMostTemperature) >= share) return kMostTemperature;
  if (mass(kLeastTemperature) < share) return kLeastTemperature;
  // 40 halvings of [ln 0.001, ln 10] leave a relative error below 1e-11.
  double low = std::log(kLeastTemperature);
  double high = std::log(kMostTemperature);
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (mass(std::exp(middle)) >= share ? low : high) = middle;
  }
  return std::exp(low);
}

std::vector<double> largest_of_neighbours(std::span<const double> logits, int64_t keys,
                                          int64_t kernel) {
  const int64_t reach = kernel / 2;
  std::vector<double> pooled(logits.size());
  for (size_t begin = 0; begin < logits.size(); begin += static_cast<size_t>(keys)) {
    const std::span<const double> row = logits.subspan(begin, static_cast<size_t>(keys));
    for (int64_t key = 0; key < keys; ++key) {
      const auto from = row.begin() + std::max<int64_t>(key - reach, 0);
      const auto to = row.begin() + std::min(key + reach + 1, keys);
      pooled[begin + static_cast<size_t>(key)] = *std::max_element(from, to);
    }
  }
  return pooled;
}

}  // namespace kvreel::engine
