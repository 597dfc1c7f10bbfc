// Marks drawn into a panel.
#pragma once

#include "exports/plot/clutter.h"
#include "exports/plot/figure.h"
#include "exports/plot/looks.h"
#include "exports/plot/panel_frame.h"
#include "exports/plot/sheet.h"

namespace kvreel::plot {

// A panel while its marks are drawn.
struct Plot {
  const Panel& panel;
  const PanelFrame& frame;
  const Looks& looks;
  Sheet& sheet;      // inside the panel's clip
  Sheet& over;       // drawn afterwards, unclipped: markers, which are not cut at the edge
  Clutter& clutter;  // what labels and legends keep clear of

  Point at(double x, double y) const { return {frame.x.near(x), frame.y.near(y)}; }
  const Tools& tools() const { return sheet.tools; }
};

void draw_line(const Plot& plot, const Line& line);
void draw_bars(const Plot& plot, const Bars& bars);
void draw_boxes(const Plot& plot, const Boxes& boxes);
void draw_points(const Plot& plot, const Points& points);
void draw_map(const Plot& plot, const HeatMap& map);
void draw_rule(const Plot& plot, const Rule& rule);
void draw_range(const Plot& plot, const Range& range);

// A line with a short stroke across each end, from `a` to `b` along one axis.
void draw_error_bar(Sheet& sheet, Point a, Point b, double cap, Color color, double width);

}  // namespace kvreel::plot
