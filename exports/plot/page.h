// Where panels, axes, legend, colour bars and the lines of text around them lie.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "exports/plot/color_bar.h"
#include "exports/plot/figure.h"
#include "exports/plot/legend.h"
#include "exports/plot/panel_frame.h"
#include "exports/plot/sheet.h"

namespace kvreel::plot {

// Lines of text at a place.
struct PlacedText {
  std::vector<std::string> lines;
  Point first;  // where the first baseline is anchored
  double anchor = 0;
  TextStyle style;
  bool quiet = false;
  bool turned = false;
};

struct Page {
  double width = 0, height = 0;
  std::vector<PanelFrame> frames;  // as the figure's panels
  std::vector<PlacedText> texts;   // titles, axis labels, footer
  LegendBlock legend;              // above or on the right; empty: none there
  Point legend_at;
  bool legend_fits = true;  // false: on the right it is higher than the page
  std::vector<ColorBar> bars;
};

// Throws Error, with a size that would do, where plots would be too small to read.
Page arrange_page(const Figure& figure, const std::vector<LegendEntry>& legend, LegendPlace place,
                  const Tools& tools);

}  // namespace kvreel::plot
