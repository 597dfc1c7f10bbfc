// The timeline's geometry: which part is visible, its axis, and each row as boxes and strips.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "viewer/data/timeline_data.h"
#include "viewer/model/session.h"

namespace kvreel::viewer {

// Times to pixels. Pixels are relative to the left edge; the maths is in double throughout.
struct TimeScale {
  double begin = 0;  // ns
  double end = 1;
  double width = 1;  // px
  double ns_per_px() const { return (end - begin) / width; }
  double x(double time) const { return (time - begin) / (end - begin) * width; }
  double time(double px) const { return begin + px / width * (end - begin); }
  bool operator==(const TimeScale&) const = default;
};

// Never narrower than this: a span of the clock's resolution still shows.
inline constexpr double kShortestView = 20;  // ns

// Within [0, whole]; whole is the recording's length in ns (at least kShortestView is shown).
TimeRange clamp_range(TimeRange range, double whole);
// `factor` < 1 zooms in; the time at `anchor` stays where it is.
TimeRange zoom_range(TimeRange range, double anchor, double factor, double whole);
TimeRange pan_range(TimeRange range, double by_ns, double whole);
// Around a stretch, with `margin` of its length on both sides.
TimeRange around(TimeRange range, double margin, double whole);

struct TimeTick {
  double time = 0;
  std::string label;  // "12.4 ms": time since the recording began
};
// Round times at least `least_px` apart, in one unit for all: s, ms, us or ns.
std::vector<TimeTick> time_ticks(const TimeScale& scale, double least_px);
// A moment within a view of `visible_ns`: enough digits to tell pixels apart, "1.234 56 s".
std::string moment_text(double ns, double visible_ns);

// --- Rows ---

struct TimeBox {
  float x0 = 0;  // px, clipped to the view
  float x1 = 0;
  EventRef event;
};

// Columns [x0, x1) of pixels in which events are too short for boxes. The height of each category
// is its share of the time, in whole pixels; top[c] is the height up to and with category c.
struct TimeStrip {
  int x0 = 0;
  int x1 = 0;
  std::array<uint8_t, kCategories> top{};
};

struct RowPicture {
  std::vector<TimeBox> boxes;
  std::vector<TimeStrip> strips;  // ascending, not overlapping
  bool cut = false;               // only of damaged files: more boxes than could be drawn
};

inline constexpr double kBoxPixels = 3;  // narrower events are merged into strips

// Its size is bounded by the width: at most `width` strips and 2 `width` boxes, whatever the number
// of events. Where 32 events lie within a pixel, what a column has of its neighbour's time may be
// off by a quarter pixel.
RowPicture layout_row(const TimelineData& data, size_t track, const TimeScale& scale, int height);

// Cache bytes by column of pixels: most (and least) of the times in it.
struct MemoryPicture {
  struct Column {
    bool any = false;
    uint64_t held_least = 0;
    uint64_t held_most = 0;
    uint64_t asked_most = 0;
  };
  std::vector<Column> columns;  // [width]
  struct Reference {            // what the unpruned prompt needs, over a pass
    float x0 = 0;
    float x1 = 0;
    uint64_t bytes = 0;
  };
  std::vector<Reference> references;  // of passes wider than a pixel
  uint64_t most = 0;                  // of everything shown
};
MemoryPicture layout_memory(const TimelineData& data, const TimeScale& scale);

// --- Events ---

// Everything to say about an event; -1 where it is not known.
struct EventFacts {
  TrackKind kind = TrackKind::operations;
  std::string name;
  int32_t run = -1;
  int32_t sample = -1;
  int32_t step = -1;
  int32_t layer = -1;
  int32_t stream = -1;
  int64_t start_ns = 0;
  int64_t duration_ns = 0;
  int64_t step_ns = -1;  // duration of its step
  uint64_t bytes = 0;    // copied or set
  bool finished = true;  // false: of a pass that is not
};
EventFacts event_facts(const TimelineData& data, const Overview& overview, EventRef event);
// "ffn", "refreekv · hotpot-3": what a box is labelled with.
std::string event_name(const TimelineData& data, const Overview& overview, EventRef event);

// The event of a track at a pixel: at the very time, else the nearest within half a pixel.
std::optional<EventRef> pick_event(const TimelineData& data, size_t track, const TimeScale& scale,
                                   double px);
// Events of a track that begin in [begin, end).
uint64_t count_events(const TimelineData& data, size_t track, double begin, double end);
TimeRange event_range(const TimelineData& data, EventRef event);

// The step of a pass; nothing where the trace has none.
std::optional<TimeRange> step_range(const TimelineData& data, int32_t run, int32_t sample,
                                    int32_t step);

// From the first decision of a layer in a pass to the end of compacting its cache; nothing where
// the pass recorded none.
std::optional<TimeRange> decision_range(const TimelineData& data, int32_t run, int32_t sample,
                                        int32_t layer);

}  // namespace kvreel::viewer
