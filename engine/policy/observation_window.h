// Scores from an observation window: the attention that the last rows of a prompt pay to each key,
// summed and smoothed along the keys (SnapKV, Li et al. 2024, arXiv 2404.14469). PyramidKV and
// Ada-KV score in the same way.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/policy/policy.h"
#include "engine/policy/ranked.h"
#include "engine/policy/registry.h"

namespace kvreel::engine {

enum class Pooling : uint8_t { none, mean, max };

// Sum over the last `rows` query rows of their probabilities: [q_heads, keys], in fp64. There may
// be more rows in the statistics.
std::vector<double> window_sums(const AttentionStatistics& statistics, int64_t rows);

// 1-D pooling with stride 1 and as many results as values: result j is over the values within
// kernel / 2 of j. Beyond the ends the mean takes zeros and still divides by `kernel`, and the
// maximum takes nothing, as the released code's padding does. `kernel` is odd.
void pool(std::span<double> values, Pooling pooling, int64_t kernel);

class ObservationWindow {
 public:
  // Takes window, pool, kernel and reduce. Throws UsageError for a window of 0 or a kernel that is
  // not odd. `policy` is the name in messages.
  static ObservationWindow take(const std::string& policy, PolicyOptions& options);

  std::vector<std::pair<std::string, std::string>> parameters() const;
  StatisticsRequest needs() const { return {.last_rows = window_}; }

  // Rows that score, and that stay themselves: the window where the capacity is larger, else 1, as
  // in the released ReFreeKV code.
  int64_t rows(int64_t capacity) const { return capacity > window_ ? window_ : 1; }

  // [kv_heads, keys]: sums over the last `rows` rows, pooled over the keys before the window in
  // each query head, then reduced to KV heads. Keys of the window are not pooled.
  std::vector<double> scores(const LayerView& layer, int64_t rows) const;

 private:
  int64_t window_ = 8;
  Pooling pooling_ = Pooling::max;
  int64_t kernel_ = 7;
  HeadReduction reduction_ = HeadReduction::mean;
};

// Lines for PolicyInfo::options. Defaults are those that the released ReFreeKV code sets for its
// baselines; the classes it sets them in have a window of 64, a kernel of 5 and mean pooling.
inline constexpr const char* kObservationWindowHelp =
    "window=8            last prompt rows that score, and stay; 1 where the budget is no larger\n"
    "pool=max            smoothing of scores along the keys: max, mean, none\n"
    "kernel=7            keys that are pooled: an odd number\n"
    "reduce=mean         query heads of a KV head to one score: mean, sum, max";

}  // namespace kvreel::engine
