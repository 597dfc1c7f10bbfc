// Searching ascending times near a known place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kvreel::viewer {

// The first index after `from` whose value is `time` or later; the last index where none is. In
// growing strides: what is looked for is near.
inline size_t gallop(std::span<const int64_t> ascending, size_t from, double time) {
  const auto before = [&](size_t i) { return static_cast<double>(ascending[i]) < time; };
  const size_t last = ascending.size() - 1;
  size_t low = from;
  size_t stride = 1;
  while (low + stride < last && before(low + stride)) {
    low += stride;
    stride *= 2;
  }
  size_t high = std::min(low + stride, last);
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    (before(middle) ? low : high) = middle;
  }
  return high;
}

}  // namespace kvreel::viewer
