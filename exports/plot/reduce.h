// Marks reduced to what the paper resolves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "exports/plot/figure.h"
#include "exports/plot/scene.h"

namespace kvreel::plot {

// First, least, largest and last point of each column of `dot` points, in their order (M4: Jugel,
// Jerzak, Hackenbroich, Markl, "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB
// 2014). Points whose x does not ascend are returned as they are, as are few points.
std::vector<Point> reduce_line(std::span<const Point> points, double dot);

// A band between two edges over the same ascending x.
struct BandPoint {
  double x = 0, top = 0, bottom = 0;  // on the paper: top <= bottom
};
// The widest of each column, where columns hold several points.
std::vector<BandPoint> reduce_band(std::span<const BandPoint> points, double dot);

// Of points closer than a dot the last: those below it are not seen. Kept in their order.
std::vector<std::size_t> visible_points(std::span<const Point> points, double dot);

// Cells of a map joined into fewer.
struct Cells {
  std::size_t rows = 0, columns = 0;
  std::vector<float> values;  // [rows][columns]
};
// Rows [row0, row1) and columns [column0, column1) of the map, `by_rows` x `by_columns` of them
// joined into one; the last ones may be of fewer. NaN takes no part. Of kinds, mean is the most
// frequent one, the lowest where several are.
Cells reduce_map(const HeatMap& map, std::size_t row0, std::size_t row1, std::size_t column0,
                 std::size_t column1, std::size_t by_rows, std::size_t by_columns);

}  // namespace kvreel::plot
