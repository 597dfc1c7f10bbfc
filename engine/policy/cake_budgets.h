// CAKE's numbers (cake.cpp says what they are for): moments of a window's attention, and budgets.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/statistics.h"

namespace kvreel::engine {

// One query head's last `window` attention rows over the first `before` keys.
struct WindowMoments {
  double entropy = 0;            // -sum of a log a over rows and keys, nats
  std::vector<double> mean;      // [before], over the rows
  std::vector<double> variance;  // [before], of a sample: over rows - 1; 0 with one row
};
WindowMoments window_moments(const AttentionStatistics& statistics, int64_t head, int64_t window,
                             int64_t before);

// Mean over `kernel` neighbours, centred, zeros beyond the ends counted in.
std::vector<double> average_of_neighbours(std::span<const double> values, int64_t kernel);

// min(most, factor * preference) of each layer with the factor at which they sum up to `total`;
// `most` for all where the total reaches that; equal shares where no layer has a preference.
std::vector<double> cake_shares(std::span<const double> preferences, int64_t total, int64_t most);
// Shares rounded up.
std::vector<int64_t> early_cake_budgets(std::span<const double> preferences, int64_t total,
                                        int64_t most);
// Shares rounded down, plus one for the largest remainders until the sum is `total` (or all there
// is).
std::vector<int64_t> final_cake_budgets(std::span<const double> preferences, int64_t total,
                                        int64_t most);

}  // namespace kvreel::engine
