// Bars and boxes.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "exports/plot/bar_labels.h"
#include "exports/plot/color_math.h"
#include "exports/plot/draw.h"

namespace kvreel::plot {
namespace {

// A place along the category axis and a value, either way round.
struct Upright {
  const Plot& plot;
  bool horizontal;

  const Mapping& places() const { return horizontal ? plot.frame.y : plot.frame.x; }
  const Mapping& values() const { return horizontal ? plot.frame.x : plot.frame.y; }
  Point point(double place, double value) const {
    return horizontal ? Point{value, place} : Point{place, value};
  }
  // Between two places and two values, all on the paper.
  Area area(double place_a, double place_b, double value_a, double value_b) const {
    const Point a = point(place_a, value_a), b = point(place_b, value_b);
    return {std::min(a.x, b.x), std::min(a.y, b.y), std::max(a.x, b.x), std::max(a.y, b.y)};
  }
  double value(double number) const {
    const Mapping& axis = values();
    // The base of bars on a logarithmic axis is its end.
    if (axis.scale == Scale::log && number <= 0) return axis.from;
    return axis.near(number);
  }
  // On the paper, half of a width in units of the category axis.
  double half(double at, double width) const {
    return std::abs(places()(at + width / 2) - places()(at));
  }
};

Color readable_on(Color fill) {
  const Color dark{0x1b, 0x1f, 0x26, 255}, light{255, 255, 255, 255};
  return contrast(fill, light) >= 4 ? light : dark;
}

// The label of one bar, which goes from `base` to `end` on the paper.
void draw_bar_label(const Plot& plot, const Bars& bars, std::size_t i, const Upright& up,
                    const Area& area, double base, double end, const Look& look) {
  const Tools& tools = plot.tools();
  const Metrics& m = tools.m;
  if (bars.labels.empty()) return;
  const std::string& label = bars.labels[i];
  const TextStyle style{m.small, false};
  const Color color = tools.colors.text;
  const double middle = tools.fonts.cap_height(m.small) / 2;
  // Of a negative value, or on an axis that is reversed.
  const bool down = bars.horizontal ? end < base : end > base;
  const double width = tools.fonts.width(label, m.small);
  const BarLabel where = bar_label(plot.panel, bars, i, up.places(), tools);
  switch (where) {
    case BarLabel::none:
      return;
    case BarLabel::inside:
      if (width + m.unit > area.width()) return;
      if (m.small > area.height()) return;
      plot.clutter.add_text(plot.over.text({area.center_x(), area.center_y() + middle}, label,
                                           style, readable_on(look.fill), 0.5));
      return;
    case BarLabel::beyond:
    case BarLabel::upright:
      break;
  }
  const bool turned = where == BarLabel::upright;
  Point origin;
  if (bars.horizontal) {
    origin = {down ? end - m.unit - width : end + m.unit, area.center_y() + middle};
  } else if (turned) {
    origin = {area.center_x() + middle, end + (down ? m.unit + width : -m.unit)};
  } else {
    origin = {area.center_x() - width / 2, end + (down ? m.unit + kAbove * m.small : -m.unit)};
  }
  const Area taken =
      turned ? turned_area(origin, width, m.small) : text_area(origin, width, m.small);
  // Limits that are set may leave it no room.
  if (!plot.frame.plot.grown(m.unit).holds(taken)) return;
  if (turned) {
    plot.over.turned_text(origin, label, style, color);
  } else {
    plot.over.text(origin, label, style, color);
  }
  plot.clutter.add_text(taken);
}

// Points beside a box spread so that equal values are seen; the same every time.
double jitter(std::size_t i) {
  // The golden ratio's multiples fill [0, 1) evenly.
  const double turns = 0.5 + static_cast<double>(i) * 0.6180339887498949;
  return turns - std::floor(turns);
}

struct BoxShape {
  double center, half;       // of the box itself, along the category axis
  double strip, strip_half;  // of its points; half 0: none
};

void draw_box(const Plot& plot, const Upright& up, const Box& box, const BoxShape& shape,
              const Look& look) {
  const Metrics& m = plot.tools().m;
  const double line = std::max(m.hair, m.line * 0.75);
  const auto value = [&](double number) { return up.value(number); };
  const double low = value(box.low), q1 = value(box.q1), median = value(box.median),
               q3 = value(box.q3), high = value(box.high);
  const double center = shape.center;
  const bool slim = shape.half < 1.1 * m.line + 1;
  Sheet& sheet = plot.sheet;
  const Color whisker = slim ? with_alpha(look.color, 0.45) : look.color;
  sheet.segment(up.point(center, low), up.point(center, q1), whisker, slim ? m.hair : line);
  sheet.segment(up.point(center, q3), up.point(center, high), whisker, slim ? m.hair : line);
  const Area area = up.area(center - shape.half, center + shape.half, q1, q3);
  plot.clutter.add_area(up.area(center - shape.half, center + shape.half, low, high));
  if (slim) {
    // Too slim for an outline: a bar from quartile to quartile with the median across it.
    sheet.fill(area, with_alpha(look.color, 0.75));
    sheet.segment(up.point(center - shape.half, median), up.point(center + shape.half, median),
                  plot.tools().colors.text, line);
    return;
  }
  const double cap = shape.half * 0.5;
  for (const double end : {low, high}) {
    sheet.segment(up.point(center - cap, end), up.point(center + cap, end), look.color, line);
  }
  sheet.add(
      Rectangle{area.left, area.top, area.width(), area.height(), look.tint, look.color, line, 0});
  sheet.segment(up.point(center - shape.half, median), up.point(center + shape.half, median),
                look.color, line * 2);
  if (std::isfinite(box.mean)) {
    Look mean = look;
    mean.marker = Marker::diamond;
    mean.color = plot.tools().colors.text;
    draw_marker(sheet, up.point(center, value(box.mean)),
                std::min(m.marker * 0.7, shape.half * 0.6), mean);
  }
}

void draw_strip(const Plot& plot, const Upright& up, const Box& box, const BoxShape& shape,
                const Look& look) {
  const double radius = std::min(plot.tools().m.marker * 0.5, shape.strip_half * 0.5);
  const Color color = with_alpha(look.color, 0.6);
  for (std::size_t i = 0; i < box.points.size(); ++i) {
    if (!std::isfinite(box.points[i]) || !up.values().holds(box.points[i])) continue;
    const double place = shape.strip + (2 * jitter(i) - 1) * (shape.strip_half - radius);
    const Point center = up.point(place, up.value(box.points[i]));
    plot.over.add(Disc{center, radius, color, {0, 0, 0, 0}, 0});
    plot.clutter.add_area(
        {center.x - radius, center.y - radius, center.x + radius, center.y + radius});
  }
}

}  // namespace

void draw_error_bar(Sheet& sheet, Point a, Point b, double cap, Color color, double width) {
  sheet.segment(a, b, color, width);
  const bool upright = a.x == b.x;
  for (const Point end : {a, b}) {
    sheet.segment({end.x - (upright ? cap : 0), end.y - (upright ? 0 : cap)},
                  {end.x + (upright ? cap : 0), end.y + (upright ? 0 : cap)}, color, width);
  }
}

void draw_bars(const Plot& plot, const Bars& bars) {
  const Metrics& m = plot.tools().m;
  const Upright up{plot, bars.horizontal};
  const Look look = plot.looks.of(bars.ink, bars.series);
  for (std::size_t i = 0; i < bars.at.size(); ++i) {
    const double place = up.places().near(bars.at[i]);
    const double base = up.value(bars.base[i]), top = up.value(bars.top[i]);
    if (!std::isfinite(place) || !std::isfinite(base) || !std::isfinite(top)) continue;
    const double half = up.half(bars.at[i], bars.width);
    Area area = up.area(place - half, place + half, base, top);
    // Stacked bars are told apart by a gap, not by an outline.
    const double gap = std::min(0.5, std::abs(top - base) / 4);
    if (bars.base[i] != 0) {
      double& edge = bars.horizontal ? (top > base ? area.left : area.right)
                                     : (top > base ? area.top : area.bottom);
      edge += edge == (bars.horizontal ? area.left : area.top) ? gap : -gap;
    }
    plot.sheet.fill(area, look.fill);
    draw_hatch(plot.sheet, area.common(plot.frame.plot), look);
    plot.clutter.add_area(area);
    double end = top;
    if (!bars.high.empty() && std::isfinite(bars.low[i]) && std::isfinite(bars.high[i])) {
      const double low = up.value(bars.low[i]), high = up.value(bars.high[i]);
      draw_error_bar(plot.sheet, up.point(place, low), up.point(place, high),
                     std::min(half * 0.5, m.unit), plot.tools().colors.text, m.hair * 1.4);
      end = bars.top[i] < bars.base[i] ? low : high;
      plot.clutter.add_area(up.area(place - m.unit, place + m.unit, low, high));
    }
    if (up.values().holds(bars.top[i])) draw_bar_label(plot, bars, i, up, area, base, end, look);
  }
}

void draw_boxes(const Plot& plot, const Boxes& boxes) {
  const Upright up{plot, boxes.horizontal};
  const Metrics& m = plot.tools().m;
  const Look look = plot.looks.of(boxes.ink, boxes.series);
  for (std::size_t i = 0; i < boxes.boxes.size(); ++i) {
    const Box& box = boxes.boxes[i];
    const double place = up.places().near(boxes.at[i]);
    if (!std::isfinite(place) || !std::isfinite(box.median)) continue;
    const double half = up.half(boxes.at[i], boxes.width);
    BoxShape shape{place, half, place, 0};
    // Its points share the width, where there is room for both.
    if (!box.points.empty() && half > 1.5 * m.unit + m.marker) {
      shape = {place - 0.4 * half, 0.6 * half, place + 0.65 * half, 0.35 * half};
      draw_strip(plot, up, box, shape, look);
    }
    draw_box(plot, up, box, shape, look);
  }
}

}  // namespace kvreel::plot
