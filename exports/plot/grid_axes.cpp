// Axes and their titles in a grid of panels.
#include "exports/plot/grid_axes.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "exports/plot/numbers.h"

namespace kvreel::plot {
namespace {

bool has_bars(const Panel& panel) {
  return std::any_of(panel.marks.begin(), panel.marks.end(),
                     [](const Mark& mark) { return std::holds_alternative<Bars>(mark); });
}

const Axis& axis_of(const Panel& panel, bool of_x) {
  return of_x ? panel.x : panel.y;
}

}  // namespace

Area sane(Area plot) {
  plot.right = std::max(plot.right, plot.left + 1);
  plot.bottom = std::max(plot.bottom, plot.top + 1);
  return plot;
}

GridAxes::GridAxes(const Figure& figure, const Tools& tools) : figure_(figure), tools_(tools) {
  for (const Panel& panel : figure.panels) {
    const bool fixed = !has_bars(panel);
    x_demands_.push_back(fixed ? std::optional(demand_of(panel, true, {}, tools)) : std::nullopt);
    y_demands_.push_back(fixed ? std::optional(demand_of(panel, false, {}, tools)) : std::nullopt);
  }
}

std::size_t GridAxes::index(std::size_t row, std::size_t column) const {
  return row * figure_.columns + column;
}

Demand GridAxes::demand(const std::vector<PanelFrame>& frames, std::size_t i, bool of_x) const {
  const std::optional<Demand>& known = of_x ? x_demands_[i] : y_demands_[i];
  if (known) return *known;
  return demand_of(figure_.panels[i], of_x, of_x ? frames[i].y : frames[i].x, tools_);
}

void GridAxes::find_empty(std::vector<PanelFrame>& frames) const {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Panel& panel = figure_.panels[i];
    if (panel.gap) frames[i].empty = true;
    if (panel.gap || panel.message.empty() || !demand(frames, i, true).empty()) continue;
    const std::size_t row = i / figure_.columns, column = i % figure_.columns;
    bool x = false, y = false;
    for (std::size_t r = 0; r < figure_.rows && figure_.share_x; ++r) {
      x = x || !demand(frames, index(r, column), true).empty();
    }
    for (std::size_t c = 0; c < figure_.columns && figure_.share_y; ++c) {
      y = y || !demand(frames, index(row, c), false).empty();
    }
    frames[i].empty = !(x && y);
  }
}

void GridAxes::choose(std::vector<PanelFrame>& frames, double most_x, double most_y) const {
  // Twice: how labels of bars lie depends on one axis, and the other one's range on how they lie.
  choose_once(frames, most_x, most_y);
  choose_once(frames, most_x, most_y);
}

void GridAxes::choose_once(std::vector<PanelFrame>& frames, double most_x, double most_y) const {
  for (std::size_t r = 0; r < figure_.rows; ++r) {
    for (std::size_t c = 0; c < figure_.columns; ++c) {
      PanelFrame& here = frames[index(r, c)];
      const Panel& panel = figure_.panels[index(r, c)];
      const Area plot = sane(here.plot);
      const auto [x, x_demand] = axis_of(frames, r, c, true);
      const auto [y, y_demand] = axis_of(frames, r, c, false);
      here.x = x.reversed ? map_axis(x, x_demand, plot.right, plot.left)
                          : map_axis(x, x_demand, plot.left, plot.right);
      here.y = y.reversed ? map_axis(y, y_demand, plot.top, plot.bottom)
                          : map_axis(y, y_demand, plot.bottom, plot.top);
      here.x_ticks = choose_ticks(x, here.x, true, most_x, tools_);
      here.y_ticks = choose_ticks(y, here.y, false, most_y, tools_);
      here.x_labels = !here.empty && panel.x.show_labels && is_lowest(frames, r, c);
      here.y_labels = !here.empty && panel.y.show_labels && is_leftmost(frames, r, c);
    }
  }
}

// A panel's axis and what stands on it; of panels that share it, theirs together.
std::pair<Axis, Demand> GridAxes::axis_of(const std::vector<PanelFrame>& frames, std::size_t row,
                                          std::size_t column, bool of_x) const {
  const std::size_t own = index(row, column);
  std::pair<Axis, Demand> result = {plot::axis_of(figure_.panels[own], of_x),
                                    demand(frames, own, of_x)};
  if (!(of_x ? figure_.share_x : figure_.share_y)) return result;
  bool any = false;
  for (std::size_t i = 0; i < (of_x ? figure_.rows : figure_.columns); ++i) {
    const std::size_t other = of_x ? index(i, column) : index(row, i);
    const Demand needs = demand(frames, other, of_x);
    if (needs.empty()) continue;  // its axis is of no account
    const Axis& axis = plot::axis_of(figure_.panels[other], of_x);
    result.first = any ? joined(result.first, axis) : axis;
    result.second = any ? joined(result.second, needs) : needs;
    any = true;
  }
  return result;
}

bool GridAxes::is_lowest(const std::vector<PanelFrame>& frames, std::size_t row,
                         std::size_t column) const {
  if (!figure_.share_x) return true;
  for (std::size_t r = row + 1; r < figure_.rows; ++r) {
    if (!frames[index(r, column)].empty) return false;
  }
  return true;
}

bool GridAxes::is_leftmost(const std::vector<PanelFrame>& frames, std::size_t row,
                           std::size_t column) const {
  if (!figure_.share_y) return true;
  for (std::size_t c = 0; c < column; ++c) {
    if (!frames[index(row, c)].empty) return false;
  }
  return true;
}

AxisTitles::AxisTitles(const Figure& figure, const std::vector<PanelFrame>& frames)
    : figure_(figure),
      frames_(frames),
      common_x_(find_common(true)),
      common_y_(find_common(false)) {}

std::string AxisTitles::whole(bool of_x, std::size_t row, std::size_t column) const {
  const std::size_t i = row * figure_.columns + column;
  const AxisTicks& ticks = of_x ? frames_[i].x_ticks : frames_[i].y_ticks;
  return with_unit(axis_of(figure_.panels[i], of_x).label, ticks.unit);
}

std::string AxisTitles::find_common(bool of_x) const {
  if ((of_x ? figure_.columns : figure_.rows) < 2) return "";
  std::optional<std::string> common;
  for (std::size_t r = 0; r < figure_.rows; ++r) {
    for (std::size_t c = 0; c < figure_.columns; ++c) {
      if (frames_[r * figure_.columns + c].empty) continue;
      const std::string title = whole(of_x, r, c);
      if (common && *common != title) return "";
      common = title;
    }
  }
  return common.value_or("");
}

std::string AxisTitles::own(bool of_x, std::size_t row, std::size_t column) const {
  const auto empty = [&](std::size_t r, std::size_t c) {
    return frames_[r * figure_.columns + c].empty;
  };
  if (empty(row, column) || !common(of_x).empty()) return "";
  std::string title = whole(of_x, row, column);
  // The next panel below, or on the left, may have it.
  for (std::size_t r = row + 1; of_x && r < figure_.rows; ++r) {
    if (!empty(r, column)) return title == whole(of_x, r, column) ? "" : title;
  }
  for (std::size_t c = column; !of_x && c-- > 0;) {
    if (!empty(row, c)) return title == whole(of_x, row, c) ? "" : title;
  }
  return title;
}

}  // namespace kvreel::plot
