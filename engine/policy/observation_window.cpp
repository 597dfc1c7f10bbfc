// Sums over a window, pooled.
#include "engine/policy/observation_window.h"

#include <algorithm>

#include "base/error.h"

namespace kvreel::engine {
namespace {

std::string name_of(Pooling pooling) {
  switch (pooling) {
    case Pooling::none:
      return "none";
    case Pooling::mean:
      return "mean";
    case Pooling::max:
      return "max";
  }
  return "?";
}

}  // namespace

std::vector<double> window_sums(const AttentionStatistics& statistics, int64_t rows) {
  const auto keys = static_cast<size_t>(statistics.keys);
  const int64_t first = std::max<int64_t>(statistics.last_rows - rows, 0);
  std::vector<double> sums(static_cast<size_t>(statistics.q_heads) * keys, 0.0);
  for (int64_t head = 0; head < statistics.q_heads; ++head) {
    double* of_head = sums.data() + static_cast<size_t>(head) * keys;
    for (int64_t r = first; r < statistics.last_rows; ++r) {
      const std::span<const float> row = statistics.row(head, r);
      for (size_t key = 0; key < keys; ++key) of_head[key] += static_cast<double>(row[key]);
    }
  }
  return sums;
}

void pool(std::span<double> values, Pooling pooling, int64_t kernel) {
  if (pooling == Pooling::none) return;
  const std::vector<double> from(values.begin(), values.end());
  const auto n = static_cast<int64_t>(from.size());
  for (int64_t j = 0; j < n; ++j) {
    const auto begin = from.begin() + std::max<int64_t>(j - kernel / 2, 0);
    const auto end = from.begin() + std::min(j + kernel / 2 + 1, n);
    double& pooled = values[static_cast<size_t>(j)];
    if (pooling == Pooling::max) {
      pooled = *std::max_element(begin, end);
    } else {
      pooled = 0;
      for (auto value = begin; value != end; ++value) pooled += *value;
      pooled /= static_cast<double>(kernel);
    }
  }
}

ObservationWindow ObservationWindow::take(const std::string& policy, PolicyOptions& options) {
  ObservationWindow window;
  window.window_ = options.take_count("window", window.window_);
  const std::string pooling = options.take_choice("pool", "max", {"max", "mean", "none"});
  window.pooling_ = pooling == "max"    ? Pooling::max
                    : pooling == "mean" ? Pooling::mean
                                        : Pooling::none;
  window.kernel_ = options.take_count("kernel", window.kernel_);
  window.reduction_ = take_head_reduction(options, "mean");
  if (window.window_ == 0) {
    fail_usage("Policy '{}': window=0 leaves no row to score by; write window=8.", policy);
  }
  if (window.kernel_ % 2 == 0) {
    fail_usage(
        "Policy '{}': kernel={} is not an odd number, and could not be centred on a key; write "
        "kernel=7.",
        policy, window.kernel_);
  }
  return window;
}

std::vector<std::pair<std::string, std::string>> ObservationWindow::parameters() const {
  return {{"window", std::to_string(window_)},
          {"pool", name_of(pooling_)},
          {"kernel", std::to_string(kernel_)},
          {"reduce", engine::name_of(reduction_)}};
}

std::vector<double> ObservationWindow::scores(const LayerView& layer, int64_t rows) const {
  std::vector<double> sums = window_sums(layer.statistics, rows);
  const auto keys = static_cast<size_t>(layer.statistics.keys);
  const size_t before = keys - std::min(keys, static_cast<size_t>(rows));
  for (size_t begin = 0; begin < sums.size(); begin += keys) {
    pool(std::span(sums).subspan(begin, before), pooling_, kernel_);
  }
  return reduce_heads(sums, layer.statistics.q_heads, layer.cache.shape().kv_heads, reduction_);
}

}  // namespace kvreel::engine
