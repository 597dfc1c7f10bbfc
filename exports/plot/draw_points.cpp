// Points with error bars, and maps.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "exports/plot/color_bar.h"
#include "exports/plot/color_math.h"
#include "exports/plot/draw.h"
#include "exports/plot/reduce.h"

namespace kvreel::plot {
namespace {

// Colours of kinds, or of the table's 256 steps.
class CellColors {
 public:
  CellColors(const Plot& plot, const HeatMap& map)
      : scale_(color_scale(map)), table_(map_colors(map, plot.tools().style)) {
    for (const auto& [ink, name] : map.kinds) kinds_.push_back(plot.looks.of(ink, name).fill);
  }
  uint32_t pixel(float value) const {
    if (std::isnan(value)) return 0;  // the ground shows
    if (!kinds_.empty()) return to_pixel(kinds_[static_cast<std::size_t>(std::lround(value))]);
    const double share = (static_cast<double>(value) - scale_.low) / (scale_.high - scale_.low);
    const double step = std::clamp(share, 0., 1.) * static_cast<double>(table_.size() - 1);
    return to_pixel(table_[static_cast<std::size_t>(std::lround(step))]);
  }

 private:
  ColorScale scale_;
  std::span<const Color> table_;
  std::vector<Color> kinds_;
};

}  // namespace

void draw_points(const Plot& plot, const Points& points) {
  const Metrics& m = plot.tools().m;
  const Look look = plot.looks.of(points.ink, points.series);
  std::vector<Point> places;
  for (std::size_t i = 0; i < points.x.size(); ++i) {
    const Point p = plot.at(points.x[i], points.y[i]);
    if (!std::isfinite(p.x) || !std::isfinite(p.y)) continue;
    const double width = m.hair * 1.4;
    const auto error = [&](Point a, Point b) {
      if (!std::isfinite(a.x + a.y + b.x + b.y)) return;
      draw_error_bar(plot.sheet, a, b, m.unit * 0.7, with_alpha(look.color, 0.75), width);
      const std::vector<Point> line = {a, b};
      plot.clutter.add_line(line);
    };
    if (!points.x_high.empty()) {
      error({plot.frame.x.near(points.x_low[i]), p.y}, {plot.frame.x.near(points.x_high[i]), p.y});
    }
    if (!points.y_high.empty()) {
      error({p.x, plot.frame.y.near(points.y_low[i])}, {p.x, plot.frame.y.near(points.y_high[i])});
    }
    if (plot.frame.plot.grown(1e-6).holds(p)) places.push_back(p);
  }
  // Many points are small, so that their density shows.
  const double radius = m.marker * (places.size() > 300 ? 0.5 : places.size() > 60 ? 0.75 : 1.);
  Look shown = look;
  if (places.size() > 60) shown.color = with_alpha(look.color, 0.7);
  for (const std::size_t i : visible_points(places, m.dot)) {
    const Point p = places[i];
    draw_marker(plot.over, p, radius, shown);
    plot.clutter.add_area({p.x - radius, p.y - radius, p.x + radius, p.y + radius});
  }
}

void draw_map(const Plot& plot, const HeatMap& map) {
  const VisibleCells shown = visible_cells(map, plot.frame.x, plot.frame.y);
  if (shown.row0 >= shown.row1 || shown.column0 >= shown.column1) return;
  const JoinedCells by = joined_cells(map, plot.frame.x, plot.frame.y, plot.tools().m.dot);
  const Cells cells =
      reduce_map(map, shown.row0, shown.row1, shown.column0, shown.column1, by.rows, by.columns);
  const CellColors colors(plot, map);
  // Edges of the drawn cells, in numbers: the last ones may reach beyond the map and are clipped.
  const double dx = (map.x1 - map.x0) / static_cast<double>(map.columns);
  const double dy = (map.y1 - map.y0) / static_cast<double>(map.rows);
  const double x0 = map.x0 + dx * static_cast<double>(shown.column0);
  const double y0 = map.y0 + dy * static_cast<double>(shown.row0);
  const double x1 = x0 + dx * static_cast<double>(cells.columns * by.columns);
  const double y1 = y0 + dy * static_cast<double>(cells.rows * by.rows);
  const Mapping& x = plot.frame.x;
  const Mapping& y = plot.frame.y;
  const Point a{x(x0), y(y0)}, b{x(x1), y(y1)};
  const bool right_to_left = b.x<a.x, top_down = b.y> a.y;
  Image image{std::min(a.x, b.x),
              std::min(a.y, b.y),
              std::abs(b.x - a.x),
              std::abs(b.y - a.y),
              static_cast<int>(cells.columns),
              static_cast<int>(cells.rows),
              {}};
  image.pixels.reserve(cells.values.size());
  for (std::size_t r = 0; r < cells.rows; ++r) {
    const std::size_t row = top_down ? r : cells.rows - 1 - r;
    for (std::size_t c = 0; c < cells.columns; ++c) {
      const std::size_t column = right_to_left ? cells.columns - 1 - c : c;
      image.pixels.push_back(colors.pixel(cells.values[row * cells.columns + column]));
    }
  }
  const Point end{x(map.x1), y(map.y1)};
  const Area whole{std::min(a.x, end.x), std::min(a.y, end.y), std::max(a.x, end.x),
                   std::max(a.y, end.y)};
  const Area visible = whole.common(plot.frame.plot);
  if (!(visible.width() > 0) || !(visible.height() > 0)) return;
  plot.sheet.unclip();
  plot.sheet.clip(visible);
  plot.sheet.add(std::move(image));
  plot.sheet.unclip();
  plot.sheet.clip(plot.frame.plot.grown(plot.tools().m.line / 2));
  plot.clutter.add_area(visible);
}

}  // namespace kvreel::plot
