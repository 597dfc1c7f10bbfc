// What lies under a rectangle.
#include "exports/plot/clutter.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace kvreel::plot {

void Clutter::add_line(std::span<const Point> points) {
  if (points.size() == 1) pieces_.push_back({points[0], points[0]});
  for (std::size_t i = 1; i < points.size(); ++i) pieces_.push_back({points[i - 1], points[i]});
}

void Clutter::add_area(const Area& area) {
  areas_.push_back(area);
}

void Clutter::add_text(const Area& area) {
  texts_.push_back(area);
}

int Clutter::under(const Area& area) const {
  const auto overlaps = [&](const Area& other) { return area.overlaps(other); };
  return static_cast<int>(
      std::count_if(pieces_.begin(), pieces_.end(),
                    [&](const Piece& piece) { return meets(piece.a, piece.b, area); }) +
      std::count_if(areas_.begin(), areas_.end(), overlaps) +
      std::count_if(texts_.begin(), texts_.end(), overlaps));
}

bool Clutter::covers_text(const Area& area) const {
  return std::any_of(texts_.begin(), texts_.end(),
                     [&](const Area& text) { return area.overlaps(text); });
}

bool Clutter::crosses_text(Point a, Point b) const {
  return std::any_of(texts_.begin(), texts_.end(),
                     [&](const Area& text) { return meets(a, b, text); });
}

bool meets(Point a, Point b, const Area& area) {
  // Liang and Barsky's clipping: the part of a..b inside, in units of its length.
  double from = 0, to = 1;
  const auto cut = [&](double start, double length, double low, double high) {
    if (length == 0) return start >= low && start <= high;
    double enter = (low - start) / length, leave = (high - start) / length;
    if (enter > leave) std::swap(enter, leave);
    from = std::max(from, enter);
    to = std::min(to, leave);
    return from <= to;
  };
  return cut(a.x, b.x - a.x, area.left, area.right) && cut(a.y, b.y - a.y, area.top, area.bottom);
}

}  // namespace kvreel::plot
