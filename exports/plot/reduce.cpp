// M4 for lines, the widest for bands, joined cells for maps.
#include "exports/plot/reduce.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace kvreel::plot {
namespace {

template <typename P>
bool ascends(std::span<const P> points) {
  for (std::size_t i = 1; i < points.size(); ++i) {
    if (points[i].x < points[i - 1].x) return false;
  }
  return true;
}

double column_of(double x, double dot) {
  return std::floor(x / dot);
}

// The most frequent kind, the lowest of several; NaN where there is none.
float most_frequent(const std::vector<std::size_t>& counts) {
  const auto most = std::max_element(counts.begin(), counts.end());
  return most == counts.end() || *most == 0 ? std::numeric_limits<float>::quiet_NaN()
                                            : static_cast<float>(most - counts.begin());
}

// One row of cells: the map's rows [row0, row1).
class RowJoin {
 public:
  RowJoin(const HeatMap& map, std::size_t by_columns, std::span<float> out)
      : map_(map), by_(by_columns), out_(out) {}

  void join(std::size_t row0, std::size_t row1, std::size_t column0, std::size_t column1) {
    for (std::size_t c = 0; c < out_.size(); ++c) {
      const std::size_t begin = column0 + c * by_, end = std::min(begin + by_, column1);
      out_[c] = map_.kinds.empty() ? value(row0, row1, begin, end) : kind(row0, row1, begin, end);
    }
  }

 private:
  float value(std::size_t row0, std::size_t row1, std::size_t begin, std::size_t end) const {
    const bool least = map_.aggregate == Aggregate::min;
    float extreme = std::numeric_limits<float>::quiet_NaN();
    double sum = 0;
    std::size_t n = 0;
    for (std::size_t r = row0; r < row1; ++r) {
      const float* row = map_.values.data() + r * map_.columns;  // [columns]
      for (std::size_t i = begin; i < end; ++i) {
        const float v = row[i];
        if (std::isnan(v)) continue;
        if (n == 0 || (least ? v < extreme : v > extreme)) extreme = v;
        sum += static_cast<double>(v);
        ++n;
      }
    }
    if (map_.aggregate != Aggregate::mean || n == 0) return extreme;
    return static_cast<float>(sum / static_cast<double>(n));
  }

  float kind(std::size_t row0, std::size_t row1, std::size_t begin, std::size_t end) {
    if (map_.aggregate != Aggregate::mean) return value(row0, row1, begin, end);
    counts_.assign(map_.kinds.size(), 0);
    for (std::size_t r = row0; r < row1; ++r) {
      for (std::size_t i = begin; i < end; ++i) {
        const float v = map_.values[r * map_.columns + i];
        if (!std::isnan(v)) ++counts_[static_cast<std::size_t>(std::lround(v))];
      }
    }
    return most_frequent(counts_);
  }

  const HeatMap& map_;
  std::size_t by_;
  std::span<float> out_;
  std::vector<std::size_t> counts_;
};

}  // namespace

std::vector<Point> reduce_line(std::span<const Point> points, double dot) {
  std::vector<Point> reduced;
  if (points.size() <= 4 || !(dot > 0) || !ascends(points)) {
    reduced.assign(points.begin(), points.end());
    return reduced;
  }
  std::size_t begin = 0;
  while (begin < points.size()) {
    const double column = column_of(points[begin].x, dot);
    std::size_t end = begin, least = begin, most = begin;
    for (; end < points.size() && column_of(points[end].x, dot) == column; ++end) {
      if (points[end].y < points[least].y) least = end;
      if (points[end].y > points[most].y) most = end;
    }
    std::array<std::size_t, 4> kept = {begin, std::min(least, most), std::max(least, most),
                                       end - 1};
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (i == 0 || kept[i] != kept[i - 1]) reduced.push_back(points[kept[i]]);
    }
    begin = end;
  }
  return reduced;
}

std::vector<BandPoint> reduce_band(std::span<const BandPoint> points, double dot) {
  std::vector<BandPoint> reduced;
  if (points.size() <= 4 || !(dot > 0) || !ascends(points)) {
    reduced.assign(points.begin(), points.end());
    return reduced;
  }
  for (std::size_t begin = 0; begin < points.size();) {
    const double column = column_of(points[begin].x, dot);
    BandPoint first = points[begin];
    std::size_t end = begin;
    for (; end < points.size() && column_of(points[end].x, dot) == column; ++end) {
      first.top = std::min(first.top, points[end].top);
      first.bottom = std::max(first.bottom, points[end].bottom);
    }
    reduced.push_back(first);
    // Where the band goes on to: the column's last place, as wide.
    if (end - begin > 1 && points[end - 1].x > first.x) {
      reduced.push_back({points[end - 1].x, first.top, first.bottom});
    }
    begin = end;
  }
  return reduced;
}

std::vector<std::size_t> visible_points(std::span<const Point> points, double dot) {
  std::vector<std::size_t> kept;
  std::set<std::pair<double, double>> taken;
  for (std::size_t i = points.size(); i-- > 0;) {
    if (taken.emplace(std::floor(points[i].x / dot), std::floor(points[i].y / dot)).second) {
      kept.push_back(i);
    }
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

Cells reduce_map(const HeatMap& map, std::size_t row0, std::size_t row1, std::size_t column0,
                 std::size_t column1, std::size_t by_rows, std::size_t by_columns) {
  Cells cells;
  if (row0 >= row1 || column0 >= column1) return cells;
  cells.rows = (row1 - row0 + by_rows - 1) / by_rows;
  cells.columns = (column1 - column0 + by_columns - 1) / by_columns;
  cells.values.resize(cells.rows * cells.columns);
  const std::span<float> values(cells.values);
  for (std::size_t r = 0; r < cells.rows; ++r) {
    const std::size_t begin = row0 + r * by_rows;
    RowJoin(map, by_columns, values.subspan(r * cells.columns, cells.columns))
        .join(begin, std::min(begin + by_rows, row1), column0, column1);
  }
  return cells;
}

}  // namespace kvreel::plot
