// Axes of a grid of panels, which may share them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exports/plot/figure.h"
#include "exports/plot/limits.h"
#include "exports/plot/panel_frame.h"
#include "exports/plot/sheet.h"

namespace kvreel::plot {

class GridAxes {
 public:
  GridAxes(const Figure& figure, const Tools& tools);

  // Says which frames are empty: no axes, as nothing is to be drawn on them and they are not those
  // of a neighbour either.
  void find_empty(std::vector<PanelFrame>& frames) const;

  // Limits and ticks of all frames for plots as they lie; names may take `most_x` points below a
  // plot and `most_y` beside it.
  void choose(std::vector<PanelFrame>& frames, double most_x, double most_y) const;

 private:
  std::size_t index(std::size_t row, std::size_t column) const;
  Demand demand(const std::vector<PanelFrame>& frames, std::size_t i, bool of_x) const;
  std::pair<Axis, Demand> axis_of(const std::vector<PanelFrame>& frames, std::size_t row,
                                  std::size_t column, bool of_x) const;
  void choose_once(std::vector<PanelFrame>& frames, double most_x, double most_y) const;
  bool is_lowest(const std::vector<PanelFrame>& frames, std::size_t row, std::size_t column) const;
  bool is_leftmost(const std::vector<PanelFrame>& frames, std::size_t row,
                   std::size_t column) const;

  const Figure& figure_;
  const Tools& tools_;
  // Of panels without bars, whose demand does not depend on where the plot lies.
  std::vector<std::optional<Demand>> x_demands_, y_demands_;
};

// A plot that has a size, also while margins leave none.
Area sane(Area plot);

// Axis titles with their units, each written once: that of a column at its lowest panel, that of a
// row at its leftmost one, and where all panels have the same, in the middle of the figure's edge.
class AxisTitles {
 public:
  // Frames with their ticks; both must outlive this.
  AxisTitles(const Figure& figure, const std::vector<PanelFrame>& frames);
  std::string whole(bool of_x, std::size_t row, std::size_t column) const;
  // In the middle of the edge; "" where there is none.
  const std::string& common(bool of_x) const { return of_x ? common_x_ : common_y_; }
  // At this panel; "" where it is written elsewhere.
  std::string own(bool of_x, std::size_t row, std::size_t column) const;

 private:
  std::string find_common(bool of_x) const;

  const Figure& figure_;
  const std::vector<PanelFrame>& frames_;
  std::string common_x_, common_y_;
};

}  // namespace kvreel::plot
