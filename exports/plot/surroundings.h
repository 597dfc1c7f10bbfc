// What stands around the panels: title, legend, footer. Known from the page's width alone.
#pragma once

#include <string>
#include <vector>

#include "exports/plot/figure.h"
#include "exports/plot/legend.h"
#include "exports/plot/sheet.h"

namespace kvreel::plot {

// Heights and widths include margins and the gap to the panels.
struct Surroundings {
  std::vector<std::string> title, footer;  // lines
  LegendPlace place = LegendPlace::none;   // above or right, else the legend is empty
  LegendBlock legend;
  double legend_top = 0;  // of a legend above
  double above = 0, below = 0, right = 0;
};
Surroundings arrange_surroundings(const Figure& figure, const std::vector<LegendEntry>& legend,
                                  LegendPlace place, const Tools& tools);

// From the top of the first line to the bottom of the last one, in ems.
double height_of(const std::vector<std::string>& lines);

}  // namespace kvreel::plot
