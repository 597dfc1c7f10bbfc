// A rectangle of the paper.
#pragma once

#include <algorithm>

#include "exports/plot/scene.h"

namespace kvreel::plot {

// Points, y down.
struct Area {
  double left = 0, top = 0, right = 0, bottom = 0;

  double width() const { return right - left; }
  double height() const { return bottom - top; }
  double center_x() const { return (left + right) / 2; }
  double center_y() const { return (top + bottom) / 2; }
  Area grown(double by) const { return {left - by, top - by, right + by, bottom + by}; }
  Area moved(double dx, double dy) const { return {left + dx, top + dy, right + dx, bottom + dy}; }
  bool holds(Point p) const { return p.x >= left && p.x <= right && p.y >= top && p.y <= bottom; }
  bool holds(const Area& other) const {
    return other.left >= left && other.right <= right && other.top >= top && other.bottom <= bottom;
  }
  // Areas that touch do not overlap.
  bool overlaps(const Area& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
  Area common(const Area& other) const {
    return {std::max(left, other.left), std::max(top, other.top), std::min(right, other.right),
            std::min(bottom, other.bottom)};
  }
};

}  // namespace kvreel::plot
