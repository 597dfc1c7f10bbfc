// Ranges of data and of axes.
#include "exports/plot/limits.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "exports/plot/bar_labels.h"

namespace kvreel::plot {
namespace {

// Room at the ends of an axis that follows its data.
constexpr double kRoom = 0.05;
// Axes end where doubles do, with room for arithmetic.
constexpr double kLargest = 1e300, kLeastPositive = 1e-300;

double log_of(double value) {
  return value > 0 ? std::log10(value) : std::numeric_limits<double>::quiet_NaN();
}

// Collects the numbers of marks along one axis.
class Collector {
 public:
  Collector(const Panel& panel, bool x_axis, const Mapping& across, const Tools& tools)
      : panel_(panel),
        across_(across),
        axis_(x_axis ? panel.x : panel.y),
        other_(x_axis ? panel.y : panel.x),
        x_(x_axis),
        tools_(tools) {}

  Demand demand;

  void operator()(const HeatMap& map) {
    add(x_ ? map.x0 : map.y0);
    add(x_ ? map.x1 : map.y1);
  }

  void operator()(const Range&) {}

  void operator()(const Bars& bars) {
    const bool places = bars.horizontal != x_;  // `at` lies along this axis
    if (places) {
      add_places(bars.at, bars.width);
      return;
    }
    double label = 0;
    for (std::size_t i = 0; i < bars.at.size(); ++i) {
      add(bars.base[i]);
      add(bars.top[i]);
      if (!bars.high.empty()) {
        add(bars.low[i]);
        add(bars.high[i]);
      }
      label = std::max(label, label_size(bars, i));
    }
    if (std::all_of(bars.base.begin(), bars.base.end(), [](double b) { return b >= 0; })) {
      demand.fixed_base = true;
    }
    room(kRoom, 0);
    if (label > 0) {
      demand.high_points = std::max(demand.high_points, label + 2 * tools_.m.unit);
    }
  }

  void operator()(const Boxes& boxes) {
    if (boxes.horizontal != x_) {
      add_places(boxes.at, boxes.width);
      return;
    }
    for (const Box& box : boxes.boxes) {
      add(box.low);
      add(box.high);
      add(box.mean);
      for (const double point : box.points) add(point);
    }
    room(kRoom, tools_.m.line);
  }

  void operator()(const Line& line) {
    const std::vector<double>& here = x_ ? line.x : line.y;
    const std::vector<double>& there = x_ ? line.y : line.x;
    for (std::size_t i = 0; i < here.size(); ++i) {
      if (!shown(there[i])) continue;
      add(here[i]);
      if (!x_ && !line.high.empty()) {
        add(line.low[i]);
        add(line.high[i]);
      }
    }
    room(x_ ? 0 : kRoom, line.markers ? tools_.m.marker + tools_.m.line : 0);
  }

  void operator()(const Points& points) {
    const std::vector<double>& here = x_ ? points.x : points.y;
    const std::vector<double>& there = x_ ? points.y : points.x;
    const std::vector<double>& low = x_ ? points.x_low : points.y_low;
    const std::vector<double>& high = x_ ? points.x_high : points.y_high;
    for (std::size_t i = 0; i < here.size(); ++i) {
      if (!shown(there[i])) continue;
      add(here[i]);
      if (!high.empty()) {
        add(low[i]);
        add(high[i]);
      }
    }
    room(kRoom, tools_.m.marker + tools_.m.line);
  }

  void operator()(const Rule& rule) {
    if (rule.vertical == x_) add(rule.at);
  }

  void operator()(const Note& note) { add(x_ ? note.x : note.y); }

 private:
  void add(double value) {
    if (!(std::abs(value) <= kLargest) || (axis_.scale == Scale::log && value <= 0)) return;
    demand.low = std::min(demand.low, value);
    demand.high = std::max(demand.high, value);
  }

  void add_places(const std::vector<double>& at, double width) {
    for (const double place : at) {
      add(place - width / 2);
      add(place + width / 2);
    }
    room(kRoom / 2, 0);
  }

  void room(double share, double points) {
    demand.low_share = std::max(demand.low_share, share);
    demand.high_share = std::max(demand.high_share, share);
    demand.low_points = std::max(demand.low_points, points);
    demand.high_points = std::max(demand.high_points, points);
  }

  // What the label of a bar takes beyond the bar's end.
  double label_size(const Bars& bars, std::size_t i) const {
    const double width =
        bars.labels.empty() ? 0 : tools_.fonts.width(bars.labels[i], tools_.m.small);
    switch (bar_label(panel_, bars, i, across_, tools_)) {
      case BarLabel::none:
      case BarLabel::inside:
        return 0;
      case BarLabel::beyond:
        return x_ ? width : kLineHeight * tools_.m.small;
      case BarLabel::upright:
        return width;
    }
    return 0;
  }

  // Whether the other coordinate lies within the other axis' limits.
  bool shown(double other) const {
    if (!std::isfinite(other) || (other_.scale == Scale::log && other <= 0)) return false;
    return (!other_.low || other >= *other_.low) && (!other_.high || other <= *other_.high);
  }

  const Panel& panel_;
  const Mapping& across_;
  const Axis& axis_;
  const Axis& other_;
  bool x_;
  const Tools& tools_;
};

// A range around a single value.
void widen(double& low, double& high, const Axis& axis) {
  if (axis.scale == Scale::log) {
    low /= 2;
    high *= 2;
    return;
  }
  const bool whole = axis.format == Format::tokens || axis.format == Format::count;
  double by = whole ? 1 : std::abs(low) * 0.1;
  if (by == 0) by = axis.format == Format::percent ? 0.05 : 1;
  if (!axis.low) low -= by;
  if (!axis.high) high += by;
}

}  // namespace

double Mapping::operator()(double value) const {
  const double a = scale == Scale::log ? log_of(low) : low;
  const double b = scale == Scale::log ? log_of(high) : high;
  const double v = scale == Scale::log ? log_of(value) : value;
  return from + (v - a) / (b - a) * (to - from);
}

double Mapping::near(double value) const {
  if (!std::isfinite(value)) return std::numeric_limits<double>::quiet_NaN();
  const double beyond = 20 * length();
  const double at = (*this)(value);
  return std::isnan(at) ? at
                        : std::clamp(at, std::min(from, to) - beyond, std::max(from, to) + beyond);
}

bool Mapping::holds(double value) const {
  const double at = (*this)(value);
  const double slack = 1e-6 * length() + 1e-9;
  return at >= std::min(from, to) - slack && at <= std::max(from, to) + slack;
}

Demand demand_of(const Panel& panel, bool x_axis, const Mapping& across, const Tools& tools) {
  Collector collector(panel, x_axis, across, tools);
  for (const Mark& mark : panel.marks) std::visit(collector, mark);
  return collector.demand;
}

Demand joined(const Demand& a, const Demand& b) {
  Demand both;
  both.low = std::min(a.low, b.low);
  both.high = std::max(a.high, b.high);
  both.low_share = std::max(a.low_share, b.low_share);
  both.high_share = std::max(a.high_share, b.high_share);
  both.low_points = std::max(a.low_points, b.low_points);
  both.high_points = std::max(a.high_points, b.high_points);
  both.fixed_base = a.fixed_base || b.fixed_base;
  return both;
}

Axis joined(const Axis& a, const Axis& b) {
  Axis both = a;
  if (b.low) both.low = both.low ? std::min(*both.low, *b.low) : *b.low;
  if (b.high) both.high = both.high ? std::max(*both.high, *b.high) : *b.high;
  both.from_zero = a.from_zero || b.from_zero;
  if (both.categories.size() < b.categories.size()) both.categories = b.categories;
  if (both.ticks.empty()) both.ticks = b.ticks;
  return both;
}

Mapping map_axis(const Axis& axis, const Demand& demand, double from, double to) {
  Mapping map{0, 1, axis.scale, from, to};
  if (!axis.categories.empty()) {
    map.low = axis.low.value_or(-0.5);
    map.high = axis.high.value_or(static_cast<double>(axis.categories.size()) - 0.5);
    return map;
  }
  const bool log = axis.scale == Scale::log;
  double low = axis.low.value_or(demand.empty() ? (log ? 1 : 0) : demand.low);
  double high = axis.high.value_or(demand.empty() ? (log ? 10 : 1) : demand.high);
  bool fixed_low = axis.low.has_value(), fixed_high = axis.high.has_value();
  if (axis.from_zero && !log) {
    if (!fixed_low && low >= 0) {
      low = 0;
      fixed_low = true;
    } else if (!fixed_high && high <= 0) {
      high = 0;
      fixed_high = true;
    }
  }
  if (demand.fixed_base && !log && !fixed_low && low == 0) fixed_low = true;
  if (log) {
    low = std::max(low, kLeastPositive);
    high = std::max(high, 10 * kLeastPositive);
  }
  // One limit is set and all data lie beyond it.
  if (low > high) (axis.low ? high : low) = axis.low ? low : high;
  if (!(high > low)) widen(low, high, axis);
  if (!(high > low)) high = low + 1;

  const double length = std::max(map.length(), 1.);
  double below = fixed_low ? 0 : std::max(demand.low_points, demand.low_share * length);
  double above = fixed_high ? 0 : std::max(demand.high_points, demand.high_share * length);
  // On tiny panels the data keep half.
  const double shrink = std::min(1., 0.5 * length / std::max(below + above, 1e-9));
  below *= shrink;
  above *= shrink;
  const double inner = length - below - above;
  if (log) {
    const double range = std::log10(high) - std::log10(low);
    map.low = std::max(low * std::pow(10., -range * below / inner), kLeastPositive);
    map.high = std::min(high * std::pow(10., range * above / inner), kLargest);
    return map;
  }
  const double range = high - low;
  map.low = std::max(low - range * below / inner, -kLargest);
  map.high = std::min(high + range * above / inner, kLargest);
  // What cannot be negative has no axis below 0; no share is above 1.
  if (low >= 0 && map.low < 0 && !axis.low && demand.low_points == 0) map.low = 0;
  if (axis.format == Format::percent && high <= 1 && map.high > 1 && demand.high_points == 0) {
    map.high = 1;
  }
  return map;
}

}  // namespace kvreel::plot
