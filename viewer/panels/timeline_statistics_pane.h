// Statistics of the visible range or of the selection, by operation or by kernel.
#pragma once

#include <memory>
#include <vector>

#include "viewer/model/timeline_statistics.h"
#include "viewer/panels/ui.h"

namespace kvreel::viewer {

class TimelineStatisticsPane {
 public:
  void draw(Frame& frame, const Rect& area, std::shared_ptr<const TimelineData> data,
            const Overview& overview, TimeRange range, bool of_selection);

 private:
  void count(Frame& frame, const std::shared_ptr<const TimelineData>& data, TimeRange range);
  void draw_head(Frame& frame, const Rect& line, std::span<const float> right_edges);
  void draw_rows(Frame& frame, const Rect& area, std::span<const float> right_edges,
                 const Overview& overview);

  int of_ = 0;  // of StatisticsOf
  StatisticsColumn sort_ = StatisticsColumn::total;
  bool descending_ = true;
  // What is counted, and the last that was counted to the end.
  std::shared_ptr<const TimelineData> data_;
  TimeRange range_;
  int counted_of_ = -1;
  std::unique_ptr<RangeStatistics> counting_;
  std::vector<StatisticsRow> rows_;
  bool sorted_ = false;
};

}  // namespace kvreel::viewer
