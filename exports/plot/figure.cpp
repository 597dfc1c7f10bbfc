// Whether a figure is one.
#include "exports/plot/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace kvreel::plot {
namespace {

// "figure 'x', panel 2 ('layer 0'), mark 3 (line 'full')": where an error is.
struct Place {
  std::string_view figure;
  std::size_t panel = 0;
  std::string_view title;
  std::size_t mark = 0;
  std::string kind;

  std::string text() const {
    std::string place = fmt::format("figure '{}', panel {}", figure, panel + 1);
    if (!title.empty()) place += fmt::format(" ('{}')", title);
    if (!kind.empty()) place += fmt::format(", mark {} ({})", mark + 1, kind);
    return place;
  }
};

using Length = std::pair<std::string_view, std::size_t>;

// All as long as `first`; what is optional may be empty as well.
void check_lengths(const Place& place, Length first, std::initializer_list<Length> needed,
                   std::initializer_list<Length> optional) {
  const auto differ = [&](const Length& other) {
    fail("{}: {} has {} values but {} has {}; vectors of one mark have one length.", place.text(),
         first.first, first.second, other.first, other.second);
  };
  for (const Length& other : needed) {
    if (other.second != first.second) differ(other);
  }
  for (const Length& other : optional) {
    if (other.second != 0 && other.second != first.second) differ(other);
  }
}

// Whether a number can be drawn on an axis.
bool drawable(double value, const Axis& axis) {
  return std::isfinite(value) && (axis.scale == Scale::linear || value > 0);
}

bool any_drawable(const std::vector<double>& x, const Axis& x_axis, const std::vector<double>& y,
                  const Axis& y_axis) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (drawable(x[i], x_axis) && drawable(y[i], y_axis)) return true;
  }
  return false;
}

// Checks a mark and says whether there is anything of it to draw.
struct MarkCheck {
  const Panel& panel;
  Place& place;

  bool operator()(const Line& line) const {
    place.kind = fmt::format("line '{}'", line.series);
    check_lengths(place, {"x", line.x.size()}, {{"y", line.y.size()}},
                  {{"low", line.low.size()}, {"high", line.high.size()}});
    if (line.low.size() != line.high.size()) {
      fail("{}: a band needs both low and high.", place.text());
    }
    if (!(line.weight > 0) || !std::isfinite(line.weight)) {
      fail("{}: weight is {}; a line has a weight above 0.", place.text(), line.weight);
    }
    return any_drawable(line.x, panel.x, line.y, panel.y);
  }

  bool operator()(const Bars& bars) const {
    place.kind = fmt::format("bars '{}'", bars.series);
    check_lengths(
        place, {"at", bars.at.size()}, {{"base", bars.base.size()}, {"top", bars.top.size()}},
        {{"low", bars.low.size()}, {"high", bars.high.size()}, {"labels", bars.labels.size()}});
    if (bars.low.size() != bars.high.size()) {
      fail("{}: error bars need both low and high.", place.text());
    }
    check_width(bars.width);
    return bars.horizontal ? any_drawable(bars.top, panel.x, bars.at, panel.y)
                           : any_drawable(bars.at, panel.x, bars.top, panel.y);
  }

  bool operator()(const Boxes& boxes) const {
    place.kind = fmt::format("boxes '{}'", boxes.series);
    check_lengths(place, {"at", boxes.at.size()}, {{"boxes", boxes.boxes.size()}}, {});
    check_width(boxes.width);
    const Axis& values = boxes.horizontal ? panel.x : panel.y;
    const Axis& places = boxes.horizontal ? panel.y : panel.x;
    bool any = false;
    for (std::size_t i = 0; i < boxes.boxes.size(); ++i) {
      const Box& box = boxes.boxes[i];
      if (box.low > box.q1 || box.q1 > box.median || box.median > box.q3 || box.q3 > box.high) {
        fail("{}: the quantiles of box {} do not ascend: {}, {}, {}, {}, {}.", place.text(), i + 1,
             box.low, box.q1, box.median, box.q3, box.high);
      }
      any = any || (drawable(boxes.at[i], places) && drawable(box.median, values));
    }
    return any;
  }

  bool operator()(const Points& points) const {
    place.kind = fmt::format("points '{}'", points.series);
    check_lengths(place, {"x", points.x.size()}, {{"y", points.y.size()}},
                  {{"x_low", points.x_low.size()},
                   {"x_high", points.x_high.size()},
                   {"y_low", points.y_low.size()},
                   {"y_high", points.y_high.size()},
                   {"labels", points.labels.size()}});
    if (points.x_low.size() != points.x_high.size() ||
        points.y_low.size() != points.y_high.size()) {
      fail("{}: error bars need both low and high.", place.text());
    }
    return any_drawable(points.x, panel.x, points.y, panel.y);
  }

  bool operator()(const HeatMap& map) const {
    place.kind = fmt::format("map '{}'", map.value_label);
    if (map.values.size() != map.rows * map.columns) {
      fail("{}: {} values are not {} rows x {} columns.", place.text(), map.values.size(), map.rows,
           map.columns);
    }
    if (panel.x.scale == Scale::log || panel.y.scale == Scale::log) {
      fail("{}: maps stand on linear axes.", place.text());
    }
    for (const double edge : {map.x0, map.x1, map.y0, map.y1}) {
      if (!std::isfinite(edge)) fail("{}: an edge is not finite.", place.text());
    }
    if (!(map.x1 > map.x0) || !(map.y1 > map.y0)) {
      fail("{}: edges must ascend: x {} to {}, y {} to {}; an axis can be reversed instead.",
           place.text(), map.x0, map.x1, map.y0, map.y1);
    }
    if (map.low && map.high && !(*map.low <= *map.high)) {
      fail("{}: colours from {} to {} are no range.", place.text(), *map.low, *map.high);
    }
    bool any = false;
    for (const float value : map.values) {
      if (!std::isfinite(value)) continue;
      any = true;
      if (!map.kinds.empty() &&
          !(value > -0.5f && value < static_cast<float>(map.kinds.size()) - 0.5f)) {
        fail("{}: a cell is of kind {}, but there are {} kinds, from 0 on.", place.text(), value,
             map.kinds.size());
      }
    }
    return any;
  }

  bool operator()(const Rule& rule) const {
    place.kind = fmt::format("rule '{}'", rule.label);
    return drawable(rule.at, rule.vertical ? panel.x : panel.y);
  }

  bool operator()(const Range& range) const {
    place.kind = fmt::format("range '{}'", range.label);
    return !std::isnan(range.from) && !std::isnan(range.to);
  }

  bool operator()(const Note& note) const {
    place.kind = fmt::format("note '{}'", note.text);
    return drawable(note.x, panel.x) && drawable(note.y, panel.y);
  }

  void check_width(double width) const {
    if (!(width > 0) || !std::isfinite(width)) {
      fail("{}: width is {}; it is above 0, in units of the category axis.", place.text(), width);
    }
  }
};

void check_axis(const Axis& axis, std::string_view name, const Place& place) {
  for (const std::optional<double>& limit : {axis.low, axis.high}) {
    if (!limit) continue;
    if (!std::isfinite(*limit))
      fail("{}: a limit of the {} axis is not finite.", place.text(), name);
    if (axis.scale == Scale::log && *limit <= 0) {
      fail("{}: the {} axis is logarithmic, but one limit is {}; it must be above 0.", place.text(),
           name, *limit);
    }
  }
  if (axis.low && axis.high && !(*axis.low < *axis.high)) {
    fail(
        "{}: the {} axis goes from {} to {}; its low limit must be below its high one (an axis "
        "that runs the other way is reversed).",
        place.text(), name, *axis.low, *axis.high);
  }
  if (axis.scale == Scale::log && !axis.categories.empty()) {
    fail("{}: the {} axis has categories, which have no logarithms.", place.text(), name);
  }
  for (const double tick : axis.ticks) {
    if (!drawable(tick, axis)) {
      fail("{}: the {} axis cannot have a tick at {}.", place.text(), name, tick);
    }
  }
}

// Panels that share an axis: `step` apart, from `first` on.
void check_shared(const Figure& figure, bool of_x, std::size_t first, std::size_t step,
                  std::size_t n) {
  const Panel* with_marks = nullptr;
  for (std::size_t i = 0; i < n; ++i) {
    const Panel& panel = figure.panels[first + i * step];
    if (panel.marks.empty()) continue;
    if (with_marks) {
      const Axis& a = of_x ? with_marks->x : with_marks->y;
      const Axis& b = of_x ? panel.x : panel.y;
      if (a.scale != b.scale || a.categories.empty() != b.categories.empty()) {
        fail(
            "{}: it shares its {} axis with panels whose axis is of another scale or has "
            "categories "
            "where it has none.",
            Place{figure.name, first + i * step, panel.title, 0, ""}.text(), of_x ? "x" : "y");
      }
    }
    with_marks = &panel;
  }
}

}  // namespace

void check(const Figure& figure) {
  if (figure.rows < 1 || figure.columns < 1 ||
      figure.panels.size() != figure.rows * figure.columns) {
    fail("figure '{}' has {} panels, which are not {} rows x {} columns.", figure.name,
         figure.panels.size(), figure.rows, figure.columns);
  }
  if (!(figure.aspect >= 0) || !std::isfinite(figure.aspect)) {
    fail("figure '{}': an aspect of {} is none; 0 lets the panels decide.", figure.name,
         figure.aspect);
  }
  if (std::all_of(figure.panels.begin(), figure.panels.end(),
                  [](const Panel& panel) { return panel.gap; })) {
    fail("figure '{}' has no panels but gaps.", figure.name);
  }
  for (std::size_t p = 0; p < figure.panels.size(); ++p) {
    const Panel& panel = figure.panels[p];
    Place place{figure.name, p, panel.title, 0, ""};
    if (!(panel.width > 0) || !(panel.height > 0) || !std::isfinite(panel.width) ||
        !std::isfinite(panel.height)) {
      fail("{}: width {} and height {} must be above 0.", place.text(), panel.width, panel.height);
    }
    check_axis(panel.x, "x", place);
    check_axis(panel.y, "y", place);
    bool any = false;
    for (std::size_t m = 0; m < panel.marks.size(); ++m) {
      place.mark = m;
      place.kind.clear();
      if (std::visit(MarkCheck{panel, place}, panel.marks[m])) any = true;
    }
    place.kind.clear();
    if (panel.gap && !panel.marks.empty()) fail("{}: a gap has no marks.", place.text());
    if (!any && !panel.gap && panel.message.empty()) {
      fail(
          "{}: nothing finite is to be drawn; a panel that is empty needs a message that says why.",
          place.text());
    }
  }
  for (std::size_t c = 0; c < figure.columns && figure.share_x; ++c) {
    check_shared(figure, true, c, figure.columns, figure.rows);
  }
  for (std::size_t r = 0; r < figure.rows && figure.share_y; ++r) {
    check_shared(figure, false, r * figure.columns, 1, figure.columns);
  }
}

}  // namespace kvreel::plot
