// Ticks of one axis with labels that have room.
#pragma once

#include <string>
#include <vector>

#include "exports/plot/figure.h"
#include "exports/plot/limits.h"
#include "exports/plot/numbers.h"
#include "exports/plot/sheet.h"

namespace kvreel::plot {

struct TickLabel {
  double at = 0;  // on the paper, along the axis
  std::vector<std::string> lines;
  double width = 0;  // of the widest line
};

struct AxisTicks {
  std::vector<double> at;     // on the paper, along the axis: where ticks and grid lines are
  std::vector<double> minor;  // likewise, without labels or grid
  std::vector<TickLabel> labels;
  bool turned = false;    // labels of a horizontal axis that read from the bottom up
  bool category = false;  // no ticks, no grid
  Unit unit;              // goes into the axis' label
  double extent = 0;      // what labels take across the axis, points
  // How far the outermost labels reach beyond the ends of the axis (left or top, right or bottom).
  double before = 0, after = 0;
};

// Labels do not overlap, whatever the length: numbers become fewer, names are broken, turned,
// shortened, and at last left out. `most_extent` is how far names may reach from the axis.
AxisTicks choose_ticks(const Axis& axis, const Mapping& map, bool horizontal, double most_extent,
                       const Tools& tools);

// Draws ticks and labels at the edge of a plot.
void draw_x_ticks(Sheet& sheet, const AxisTicks& ticks, const Area& plot, bool labels);
void draw_y_ticks(Sheet& sheet, const AxisTicks& ticks, const Area& plot, bool labels);

// From the axis to the labels' nearest edge.
double label_gap(const Metrics& m, const AxisTicks& ticks);

}  // namespace kvreel::plot
