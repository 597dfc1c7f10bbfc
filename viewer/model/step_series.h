// Values by step as lines: fewer points than values, and labels that do not cover each other.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace kvreel::viewer {

struct SeriesPoint {
  size_t index = 0;
  double value = 0;
  bool operator==(const SeriesPoint&) const = default;
};

// At most four points per column of pixels: the first, the least, the largest and the last, in
// order, so that a line through them covers the same pixels as one through all (M4; U. Jugel et
// al., VLDB 2014). NaN values are left out. All values where there are no more than that.
std::vector<SeriesPoint> reduce_series(std::span<const double> values, size_t columns);

// Middles of labels that want to stand at `wanted`: at least `height` apart and within [low, high]
// where there is room, in the order of their wishes, near them.
std::vector<float> place_labels(std::span<const float> wanted, float height, float low, float high);

}  // namespace kvreel::viewer
