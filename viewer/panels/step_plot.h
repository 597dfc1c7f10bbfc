// Lines over steps: axes with ticks and units, direct labels in a gutter at the right.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "viewer/model/step_series.h"
#include "viewer/panels/ui.h"

namespace kvreel::viewer {

struct StepSeries {
  std::string label;  // "": a companion of the series before, without a label of its own
  ImU32 color = 0;
  bool thin = false;
  std::vector<double> values;  // by step; NaN: none
};

enum class PlotUnit : uint8_t { nanoseconds, bytes };

struct StepPlotOptions {
  PlotUnit unit = PlotUnit::nanoseconds;
  bool log = false;
  int32_t selected = -1;  // step
  int32_t hovered = -1;   // step that another pane points at
};

class StepPlot {
 public:
  // `version` changes with the series. Items: <name>, <name>.label.<series with a label>. The step
  // that is pointed at, -1: none; `clicked` is set where it was chosen.
  int32_t draw(Frame& frame, const char* name, const Rect& area,
               const std::vector<StepSeries>& series, uint64_t version,
               const StepPlotOptions& options, bool& clicked);

 private:
  struct Scale {
    double low = 0;
    double high = 1;
    bool log = false;
    float y_of(double value, const Rect& plot) const;
  };
  void refresh(const std::vector<StepSeries>& series, uint64_t version, bool log, float width);
  void draw_axes(Frame& frame, const Rect& plot, PlotUnit unit);
  void draw_gutter(Frame& frame, const char* name, const Rect& plot, float width,
                   const std::vector<StepSeries>& series);

  std::vector<std::vector<SeriesPoint>> lines_;
  std::vector<ImVec2> points_;  // scratch
  Scale scale_;
  size_t steps_ = 0;
  uint64_t version_ = 0;
  float width_ = 0;
  bool log_ = false;
};

// "412 us", "1.50 MiB".
std::string unit_text(double value, PlotUnit unit);

}  // namespace kvreel::viewer
