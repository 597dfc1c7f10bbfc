// The bar beside a map that says what its colours mean.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "exports/plot/area.h"
#include "exports/plot/axis.h"
#include "exports/plot/figure.h"
#include "exports/plot/sheet.h"

namespace kvreel::plot {

// What colours stand for.
struct ColorScale {
  double low = 0, high = 1;
};
// The map's own limits, else those of its values; never empty.
ColorScale color_scale(const HeatMap& map);

// How many of the map's cells one drawn cell joins.
struct JoinedCells {
  std::size_t rows = 1, columns = 1;
  bool operator==(const JoinedCells&) const = default;
};
// Cells that lie within the axes, and how many are joined where the plot has this size.
struct VisibleCells {
  std::size_t row0 = 0, row1 = 0, column0 = 0, column1 = 0;
};
VisibleCells visible_cells(const HeatMap& map, const Mapping& x, const Mapping& y);
JoinedCells joined_cells(const HeatMap& map, const Mapping& x, const Mapping& y, double dot);
// "max over 22 tokens"; "" where no cells are joined.
std::string joined_text(const HeatMap& map, JoinedCells joined, const Panel& panel);

struct ColorBar {
  const HeatMap* map = nullptr;
  Area bar;
  Mapping scale;  // from bottom to top
  AxisTicks ticks;
  std::vector<std::string> label;
  Point label_at;  // the middle of its first line's baseline
};
// A bar from `top` to `bottom` whose left edge is `left`. Its label may reach `below` points beyond
// its lower end, where the axis has its own labels.
ColorBar place_color_bar(const HeatMap& map, const std::string& joined, double left, double top,
                         double bottom, double below, const Tools& tools);
double right_edge(const ColorBar& bar, const Tools& tools);
void draw_color_bar(Sheet& sheet, const ColorBar& bar);

// The table of the map, in the style's palette.
std::span<const Color> map_colors(const HeatMap& map, const Style& style);

}  // namespace kvreel::plot
