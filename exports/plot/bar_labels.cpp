// Where the labels of bars lie.
#include "exports/plot/bar_labels.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace kvreel::plot {
namespace {

// Whether bars that come later in the panel go on where this one ends.
bool is_stacked_upon(const Panel& panel, const Bars& bars, double at, double top) {
  bool later = false;
  for (const Mark& mark : panel.marks) {
    const auto* other = std::get_if<Bars>(&mark);
    if (other == &bars) later = true;
    if (!other || other == &bars || !later || other->horizontal != bars.horizontal) continue;
    for (std::size_t i = 0; i < other->at.size(); ++i) {
      if (other->at[i] == at && other->base[i] == top) return true;
    }
  }
  return false;
}

// Whether the bar that this one goes on from has a label of its own. Where it has none, the label
// speaks for the whole stack.
bool continues_labelled(const Panel& panel, const Bars& bars, double at, double base) {
  for (const Mark& mark : panel.marks) {
    const auto* other = std::get_if<Bars>(&mark);
    if (!other || other == &bars || other->horizontal != bars.horizontal || other->labels.empty())
      continue;
    for (std::size_t i = 0; i < other->at.size(); ++i) {
      if (other->at[i] == at && other->top[i] == base && !other->labels[i].empty()) return true;
    }
  }
  return false;
}

// What a label may take along the axis, points: the least distance between bars of the panel, or
// twice that of the outermost to the end of the axis.
double bar_distance(const Panel& panel, const Bars& bars, const Mapping& places) {
  std::vector<double> at;
  for (const Mark& mark : panel.marks) {
    const auto* other = std::get_if<Bars>(&mark);
    if (!other || other->horizontal != bars.horizontal) continue;
    for (const double place : other->at) at.push_back(places(place));
  }
  std::sort(at.begin(), at.end());
  double least = places.length();
  if (!at.empty()) {
    least = std::min(least, 2 * (at.front() - std::min(places.from, places.to)));
    least = std::min(least, 2 * (std::max(places.from, places.to) - at.back()));
  }
  for (std::size_t i = 1; i < at.size(); ++i) {
    const double gap = at[i] - at[i - 1];
    if (gap > 1e-6) least = std::min(least, gap);
  }
  return least;
}

}  // namespace

BarLabel bar_label(const Panel& panel, const Bars& bars, std::size_t i, const Mapping& places,
                   const Tools& tools) {
  if (bars.labels.empty() || bars.labels[i].empty()) return BarLabel::none;
  if (is_stacked_upon(panel, bars, bars.at[i], bars.top[i]) ||
      continues_labelled(panel, bars, bars.at[i], bars.base[i])) {
    return BarLabel::inside;
  }
  const double distance = bar_distance(panel, bars, places);
  if (bars.horizontal) {
    return kLineHeight * tools.m.small > distance ? BarLabel::none : BarLabel::beyond;
  }
  // All or none of a mark's labels are turned.
  double widest = 0;
  for (const std::string& label : bars.labels) {
    widest = std::max(widest, tools.fonts.width(label, tools.m.small));
  }
  if (kLineHeight * tools.m.small > distance) return BarLabel::none;  // not even turned
  return widest + 0.5 * tools.m.unit > distance ? BarLabel::upright : BarLabel::beyond;
}

}  // namespace kvreel::plot
