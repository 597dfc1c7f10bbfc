// The numbers of a figure, as they are plotted and before any reduction.
#pragma once

#include <ostream>
#include <string_view>

#include "exports/plot/figure.h"

namespace kvreel::plot {

// CSV with the figure's metadata, remarks and panels as '#' lines, then one row per plotted number:
//   panel,series,mark,x,y,low,high,x_low,x_high,value,x_name,y_name,label
// Panels are counted from 1. Numbers are the shortest decimals that read back the same; what a mark
// does not have, and gaps, are empty. x_name and y_name are the categories at x and y. Text is
// without its markup.
// Lines and points: x, y, their low and high. Bars: x the place, y the top, value the base. Boxes:
// one row per quantile, mean and point, which label says; value is n. Horizontal bars and boxes:
// x and y change places. Maps: x and y the middle of the cell, value, and its kind in label. Rules
// and notes: where they are; ranges: low and high; their text in label.
void write_data_csv(std::ostream& out, const Figure& figure);
// {"figure", "title", "metadata", "remarks", "rows", "columns", "panels": [{"title", "x", "y",
// "marks"}]}: the figure itself, vectors as arrays, gaps as null, text without its markup. Values
// of a map are [rows][columns]. Both throw Error where the stream does not take the bytes.
void write_data_json(std::ostream& out, const Figure& figure);

}  // namespace kvreel::plot
