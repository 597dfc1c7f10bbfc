// What has been drawn in a panel, so that labels and legends keep clear of it.
#pragma once

#include <span>
#include <vector>

#include "exports/plot/area.h"
#include "exports/plot/scene.h"

namespace kvreel::plot {

class Clutter {
 public:
  void add_line(std::span<const Point> points);  // joined by straight lines
  void add_area(const Area& area);               // filled, or a text
  void add_text(const Area& area);               // a text: nothing may cover it

  // How much of what is drawn lies under the area: the number of lines' pieces and areas.
  int under(const Area& area) const;
  bool free(const Area& area) const { return under(area) == 0; }
  bool covers_text(const Area& area) const;
  bool crosses_text(Point a, Point b) const;

 private:
  struct Piece {
    Point a, b;
  };
  std::vector<Piece> pieces_;
  std::vector<Area> areas_;
  std::vector<Area> texts_;
};

// Whether the straight line from a to b meets the area.
bool meets(Point a, Point b, const Area& area);

}  // namespace kvreel::plot
