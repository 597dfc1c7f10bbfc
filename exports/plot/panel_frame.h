// Where a panel's plot lies, and its axes.
#pragma once

#include "exports/plot/area.h"
#include "exports/plot/axis.h"
#include "exports/plot/limits.h"

namespace kvreel::plot {

struct PanelFrame {
  Area plot;
  bool empty = false;  // its message is all that is shown
  Mapping x, y;
  AxisTicks x_ticks, y_ticks;
  bool x_labels = false, y_labels = false;  // tick labels are shown
};

}  // namespace kvreel::plot
