// Zooming, panning and the time axis.
#include "viewer/model/timeline_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace kvreel::viewer {

TimeRange clamp_range(TimeRange range, double whole) {
  whole = std::max(whole, kShortestView);
  double length = range.end - range.begin;
  if (!(length > 0)) length = whole;  // also where a number is not one
  length = std::clamp(length, kShortestView, whole);
  double begin = std::isfinite(range.begin) ? range.begin : 0;
  begin = std::clamp(begin, 0., whole - length);
  return {begin, begin + length};
}

TimeRange zoom_range(TimeRange range, double anchor, double factor, double whole) {
  whole = std::max(whole, kShortestView);
  const double length = std::clamp(range.length() * factor, kShortestView, whole);
  const double share = range.length() > 0 ? (anchor - range.begin) / range.length() : 0.5;
  const double begin = anchor - share * length;
  return clamp_range({begin, begin + length}, whole);
}

TimeRange pan_range(TimeRange range, double by_ns, double whole) {
  return clamp_range({range.begin + by_ns, range.end + by_ns}, whole);
}

TimeRange around(TimeRange range, double margin, double whole) {
  const double extra = std::max(range.length() * margin, kShortestView / 2);
  return clamp_range({range.begin - extra, range.end + extra}, whole);
}

namespace {

struct Unit {
  double ns;
  const char* name;
};

// The largest unit of which a step is at least a hundredth: labels have two decimals at most.
Unit unit_of(double step) {
  for (const Unit unit : {Unit{1e9, "s"}, Unit{1e6, "ms"}, Unit{1e3, "us"}}) {
    if (step >= unit.ns / 100) return unit;
  }
  return {1, "ns"};
}

}  // namespace

std::vector<TimeTick> time_ticks(const TimeScale& scale, double least_px) {
  std::vector<TimeTick> ticks;
  const double least = scale.ns_per_px() * std::max(1., least_px);
  double step = std::max(1., std::pow(10, std::floor(std::log10(least))));
  for (const double factor : {1., 2., 5., 10.}) {
    if (step * factor >= least) {
      step *= factor;
      break;
    }
  }
  const Unit unit = unit_of(step);
  const double in_units = step / unit.ns;
  const int decimals = in_units >= 1 ? 0 : in_units >= 0.1 ? 1 : 2;
  for (double k = std::ceil(scale.begin / step); k * step <= scale.end; ++k) {
    const double time = k * step;
    ticks.push_back({time, fmt::format("{:.{}f} {}", time / unit.ns, decimals, unit.name)});
  }
  return ticks;
}

std::string moment_text(double ns, double visible_ns) {
  const Unit unit = ns >= 1e9 ? Unit{1e9, "s"} : ns >= 1e6 ? Unit{1e6, "ms"} : Unit{1e3, "us"};
  // A thousandth of the view, about a pixel.
  const double resolution = std::max(1., visible_ns / 1000);
  const int decimals =
      std::clamp(static_cast<int>(std::ceil(std::log10(unit.ns / resolution))), 0, 9);
  return fmt::format("{:.{}f} {}", ns / unit.ns, decimals, unit.name);
}

}  // namespace kvreel::viewer
