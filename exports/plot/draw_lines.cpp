// Lines and their bands, rules and ranges.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "exports/plot/color_math.h"
#include "exports/plot/draw.h"
#include "exports/plot/reduce.h"

namespace kvreel::plot {
namespace {

// Stretches of a line between gaps, on the paper. Points outside the axis are left out but for
// their neighbours, towards which the line goes.
std::vector<std::vector<Point>> stretches_of(const Plot& plot, const Line& line) {
  std::vector<std::vector<Point>> stretches(1);
  for (std::size_t i = 0; i < line.x.size(); ++i) {
    const Point p = plot.at(line.x[i], line.y[i]);
    if (std::isfinite(p.x) && std::isfinite(p.y)) {
      stretches.back().push_back(p);
    } else if (!stretches.back().empty()) {
      stretches.emplace_back();
    }
  }
  if (stretches.back().empty()) stretches.pop_back();
  return stretches;
}

std::vector<std::vector<BandPoint>> bands_of(const Plot& plot, const Line& line) {
  std::vector<std::vector<BandPoint>> bands(1);
  for (std::size_t i = 0; i < line.x.size(); ++i) {
    const Point low = plot.at(line.x[i], line.low[i]);
    const Point high = plot.at(line.x[i], line.high[i]);
    if (std::isfinite(low.x) && std::isfinite(low.y) && std::isfinite(high.y)) {
      bands.back().push_back({low.x, std::min(low.y, high.y), std::max(low.y, high.y)});
    } else if (!bands.back().empty()) {
      bands.emplace_back();
    }
  }
  if (bands.back().empty()) bands.pop_back();
  return bands;
}

// Each value holds until the next x.
std::vector<Point> stepped(std::span<const Point> points) {
  std::vector<Point> steps;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i > 0 && points[i].y != points[i - 1].y) steps.push_back({points[i].x, points[i - 1].y});
    steps.push_back(points[i]);
  }
  return steps;
}

std::vector<BandPoint> stepped(std::span<const BandPoint> points) {
  std::vector<BandPoint> steps;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i > 0) steps.push_back({points[i].x, points[i - 1].top, points[i - 1].bottom});
    steps.push_back(points[i]);
  }
  return steps;
}

void draw_band(const Plot& plot, std::vector<BandPoint> band, const Line& line, const Look& look) {
  band = reduce_band(band, plot.tools().m.dot);
  if (line.steps) band = stepped(band);
  if (band.size() < 2) return;
  Polygon polygon;
  polygon.fill = look.band;
  polygon.band = true;
  for (const BandPoint& p : band) polygon.points.push_back({p.x, p.top});
  for (std::size_t i = band.size(); i-- > 0;) {
    polygon.points.push_back({band[i].x, band[i].bottom});
  }
  for (std::size_t i = 1; i < band.size(); ++i) {
    plot.clutter.add_area(
        {std::min(band[i - 1].x, band[i].x), std::min(band[i - 1].top, band[i].top),
         std::max(band[i - 1].x, band[i].x), std::max(band[i - 1].bottom, band[i].bottom)});
  }
  plot.sheet.add(std::move(polygon));
}

// The usual distance between neighbouring points, along x.
double usual_gap(const std::vector<std::vector<Point>>& stretches) {
  std::vector<double> gaps;
  for (const std::vector<Point>& stretch : stretches) {
    for (std::size_t i = 1; i < stretch.size(); ++i) {
      gaps.push_back(std::abs(stretch[i].x - stretch[i - 1].x));
    }
  }
  if (gaps.empty()) return 1e9;
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return *middle;
}

// A marker a point, smaller where points are near each other; where even small ones would meet, one
// now and then.
void draw_markers(const Plot& plot, const std::vector<std::vector<Point>>& stretches,
                  const Look& look) {
  const double full = plot.tools().m.marker, least = 0.5 * full;
  const double gap = usual_gap(stretches);
  const bool dense = gap < 2.2 * least;
  const double radius = dense ? full : std::clamp(gap / 2.6, least, full);
  const double apart = dense ? 10 * full : 0;
  double last = -1e9;
  for (const std::vector<Point>& stretch : stretches) {
    for (const Point p : stretch) {
      if (std::abs(p.x - last) < apart || !plot.frame.plot.grown(1e-6).holds(p)) continue;
      draw_marker(plot.over, p, radius, look);
      plot.clutter.add_area({p.x - radius, p.y - radius, p.x + radius, p.y + radius});
      last = p.x;
    }
  }
}

}  // namespace

void draw_line(const Plot& plot, const Line& line) {
  const Metrics& m = plot.tools().m;
  const Look look = plot.looks.of(line.ink, line.series, line.dash);
  const double width = m.line * line.weight;
  if (!line.high.empty()) {
    for (std::vector<BandPoint>& band : bands_of(plot, line)) {
      draw_band(plot, std::move(band), line, look);
    }
  }
  const std::vector<std::vector<Point>> stretches = stretches_of(plot, line);
  for (const std::vector<Point>& stretch : stretches) {
    // Columns of half the stroke's width: what is moved by less than that lies under the stroke.
    std::vector<Point> points = reduce_line(stretch, std::max(m.dot, width / 2));
    if (line.steps) points = stepped(points);
    plot.clutter.add_line(points);
    if (points.size() == 1) {
      // Alone between gaps: a point, or it would not be seen.
      if (!line.markers) {
        plot.sheet.add(Disc{points[0], std::max(width, m.hair * 2), look.color, {0, 0, 0, 0}, 0});
      }
      continue;
    }
    plot.sheet.add(Polyline{std::move(points), look.color, width, scaled(look.dashes, width)});
  }
  if (line.markers) draw_markers(plot, stretches, look);
}

void draw_rule(const Plot& plot, const Rule& rule) {
  const Metrics& m = plot.tools().m;
  const Area& area = plot.frame.plot;
  const Look look = plot.looks.of(rule.ink, {}, rule.dash);
  const double at = rule.vertical ? plot.frame.x(rule.at) : plot.frame.y(rule.at);
  if (!std::isfinite(at)) return;
  const Point a = rule.vertical ? Point{at, area.top} : Point{area.left, at};
  const Point b = rule.vertical ? Point{at, area.bottom} : Point{area.right, at};
  if (!area.grown(0.01).holds(a)) return;
  const double width = std::max(m.line * 0.8, m.hair);
  plot.sheet.add(Polyline{{a, b}, look.color, width, scaled(look.dashes, width)});
  const std::vector<Point> line = {a, b};
  plot.clutter.add_line(line);
}

void draw_range(const Plot& plot, const Range& range) {
  const Area& area = plot.frame.plot;
  const Mapping& axis = range.vertical ? plot.frame.x : plot.frame.y;
  const auto place = [&](double value) {
    // What a logarithmic axis cannot show, and infinity, lie at its end.
    if (axis.scale == Scale::log && value <= 0) value = axis.low;
    return axis(std::clamp(value, axis.low, axis.high));
  };
  const double a = place(range.from), b = place(range.to);
  Area shaded = area;
  (range.vertical ? shaded.left : shaded.top) = std::min(a, b);
  (range.vertical ? shaded.right : shaded.bottom) = std::max(a, b);
  const Colors& colors = plot.tools().colors;
  const Color color = range.ink == Ink::faint ? with_alpha(colors.text, 0.06)
                                              : with_alpha(plot.looks.of(range.ink).color, 0.12);
  plot.sheet.fill(shaded, color);
}

}  // namespace kvreel::plot
