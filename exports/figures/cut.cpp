// Where a threshold cuts a recorded norm curve.
#include "exports/figures/cut.h"

#include <algorithm>
#include <cmath>

namespace kvreel::exports {

int64_t cut_at(std::span<const float> distance, double threshold) {
  if (distance.empty() || std::isnan(distance[0])) return 0;
  const auto above = std::upper_bound(
      distance.begin(), distance.end(), threshold,
      [](double limit, float value) { return limit < static_cast<double>(value); });
  return std::max<int64_t>(above - distance.begin() - 1, 0);
}

}  // namespace kvreel::exports
