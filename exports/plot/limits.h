// What of an axis the data need, and the axis that follows.
#pragma once

#include <cmath>
#include <limits>

#include "exports/plot/figure.h"
#include "exports/plot/sheet.h"

namespace kvreel::plot {

// From numbers to the paper.
struct Mapping {
  double low = 0, high = 1;  // numbers
  Scale scale = Scale::linear;
  double from = 0, to = 1;  // where they lie, points

  // NaN for what a logarithmic axis cannot show.
  double operator()(double value) const;
  // The same within 20 lengths of the axis: farther away is as good as infinitely far, and painters
  // like small numbers. NaN for what is not finite.
  double near(double value) const;
  double length() const { return std::abs(to - from); }
  bool holds(double value) const;  // with a little slack for rounding
};

// What the marks of a panel (or of several that share an axis) need along one axis.
struct Demand {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  // Room beyond them: a share of the axis, and points.
  double low_share = 0, high_share = 0;
  double low_points = 0, high_points = 0;
  bool fixed_base = false;  // bars stand on the axis: no room below 0
  bool empty() const { return !(low <= high); }
};
// Sizes of markers and labels are in `tools`. `across` is the other axis as it is so far, on which
// it depends how labels of bars lie.
Demand demand_of(const Panel& panel, bool x_axis, const Mapping& across, const Tools& tools);
Demand joined(const Demand& a, const Demand& b);
// Settings of axes that are shared: the widest limits, the first categories.
Axis joined(const Axis& a, const Axis& b);

// Limits of the axis: its own, else the data's with room. Whole between `from` and `to`, whichever
// way they lie.
Mapping map_axis(const Axis& axis, const Demand& demand, double from, double to);

}  // namespace kvreel::plot
