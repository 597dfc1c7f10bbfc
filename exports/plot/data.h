// The numbers of a figure, as they are plotted and before any reduction.
#pragma once

#include <ostream>
#include <string_view>

#include "exports/plot/figure.h"

namespace kvreel::plot {

// CSV with the figure's metadata as '#' lines, then one row per plotted number:
//   panel,series,mark,x,y,low,high,value,label
// Numbers are the shortest decimals that read back the same; what a mark does not have is empty.
// Lines and points: x, y, low, high. Bars: x the place, y the top, value the base. Boxes: one row
// per quantile, its name in label. Maps: x and y the middle of the cell, value. Rules, ranges and
// notes: where they are, their text in label.
void write_data_csv(std::ostream& out, const Figure& figure);
// {"figure", "title", "metadata", "remarks", "panels": [...]}: the figure itself, vectors as
// arrays.
void write_data_json(std::ostream& out, const Figure& figure);

}  // namespace kvreel::plot
