// The timeline's rows: axis, passes, steps, operations, kernels, cache bytes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "viewer/model/timeline_search.h"
#include "viewer/model/timeline_view.h"
#include "viewer/panels/ui.h"

namespace kvreel::viewer {

// What is drawn and where the pointer is in it.
struct TimelineHit {
  std::optional<EventRef> event;  // under the pointer
  bool over_memory = false;
};

class TimelineRows {
 public:
  // What a frame shows.
  struct Shown {
    std::shared_ptr<const TimelineData> data;
    const Overview* overview = nullptr;
    TimeRange visible;
    std::optional<TimeRange> selection;
    std::optional<TimeRange> step;           // of the position
    std::optional<EventRef> match;           // of the search
    const TimelineSearch* search = nullptr;  // null or empty: nothing is dimmed
  };
  // Lays out for an area; afterwards scale() and row_at() are this frame's.
  void arrange(Frame& frame, const Rect& area, const Shown& shown, float scroll);
  void draw(Frame& frame, const Shown& shown);
  // Where an event is drawn; nothing where its row or time is out of view.
  std::optional<Rect> rect_of(const Shown& shown, EventRef event) const;

  const TimeScale& scale() const { return scale_; }
  const Rect& plot() const { return plot_; }    // of all rows, without labels and axis
  float overflow() const { return overflow_; }  // of the rows, px: how far they can be scrolled
  TimelineHit hit(const Shown& shown, ImVec2 mouse) const;

 private:
  struct Row {
    size_t track = 0;
    float y = 0;
    float height = 0;
  };
  struct Cached {
    TimeScale scale;
    int height = 0;
    RowPicture picture;
  };
  const RowPicture& picture(const Shown& shown, const Row& row);
  // Where the length of the selection is written; empty where there is none.
  Rect selection_label(Frame& frame, const Shown& shown) const;
  void draw_axis(Frame& frame, const Shown& shown);
  void draw_row(Frame& frame, const Shown& shown, const Row& row);
  void draw_memory(Frame& frame, const Shown& shown);
  void draw_marks(Frame& frame, const Shown& shown);
  std::string row_label(const Shown& shown, const Track& track) const;

  Rect axis_;
  Rect labels_;
  Rect tracks_;
  Rect memory_;
  Rect plot_;
  TimeScale scale_;
  float overflow_ = 0;
  std::vector<Row> rows_;
  // Of one snapshot.
  std::shared_ptr<const TimelineData> data_;
  std::vector<Cached> cache_;  // by track
  TimeScale memory_scale_;
  bool memory_made_ = false;
  MemoryPicture memory_picture_;
};

// Of a track's events.
ImU32 kind_color(const Palette& palette, TrackKind kind, int category);
// Dark on mid-tone fills, light on dark ones.
ImU32 text_on(const Palette& palette, ImU32 fill);
// The categories with their colours, on one line; returns the width taken.
void draw_category_legend(Frame& frame, const Rect& line);

}  // namespace kvreel::viewer
