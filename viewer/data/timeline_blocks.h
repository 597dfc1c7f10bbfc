// Immutable blocks of events on one track, with what is needed to sum up any part of them at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace kvreel::viewer {

// What an event is coloured by: few, so that a far view shows phases. Kinds above are `other`.
inline constexpr int kCategories = 9;

// Times of events are clamped to [0, kLatestNs]: 104 days, up to which a double counts every
// nanosecond. Only damaged files go beyond.
inline constexpr int64_t kLatestNs = int64_t{1} << 53;

// Busy nanoseconds by category.
using Busy = std::array<int64_t, kCategories>;

// Events of one track, ascending by start. Each is shown until its end or the next one's start,
// whichever comes first, so that what is shown never overlaps; only where more events overlap than
// a track has lanes does the second ever apply.
//
// Instead of buckets of equal times, whose detail a long idle gap uses up, every
// kCheckpointEvents-th event has the busy time before it: the sum over any range is exact, costs
// two look-ups, follows the density of events, and takes 2.5 bytes an event.
struct EventBlock {
  static constexpr size_t kCheckpointEvents = 32;

  uint64_t first_row = 0;         // of the table
  std::vector<int64_t> start;     // ns
  std::vector<int64_t> duration;  // ns
  std::vector<uint8_t> kind;      // operation (of kernels: that launched it), 0xff: unknown
  std::vector<int16_t> layer;     // -1: none; empty for passes and steps
  std::vector<int32_t> name;      // row of names; kernels only
  std::vector<uint64_t> bytes;    // copied or set; kernels only
  std::vector<uint32_t> row;      // from first_row; empty: event i is row i

  std::vector<int64_t> checkpoint_start;  // ns; ends with an entry later than every event
  std::vector<Busy> checkpoint_busy;      // of the events before; as many

  size_t size() const { return start.size(); }
  int64_t begin_ns() const { return start.front(); }
  int64_t end_ns() const { return shown_end(size() - 1); }
  int64_t shown_end(size_t i) const {
    const int64_t end = start[i] + duration[i];
    return i + 1 < size() && start[i + 1] < end ? start[i + 1] : end;
  }
  uint64_t row_of(size_t i) const { return first_row + (row.empty() ? i : row[i]); }
  int category(size_t i) const { return kind[i] < kCategories ? kind[i] : kCategories - 1; }

  // The first event that is shown beyond `time`; events without duration count where they start.
  size_t first_ending_after(double time) const;
  size_t first_starting_at(double time) const;              // the first with start >= time
  size_t next_starting_at(size_t from, double time) const;  // the same from event `from` on
  Busy busy_before(size_t i) const;                         // of events [0, i), as shown
  Busy busy(int64_t begin, int64_t end) const;              // of what is shown within
  uint64_t memory_bytes() const;
};

// Columns as they come from a table.
struct RawEvents {
  uint64_t first_row = 0;
  std::vector<int64_t> start;
  std::vector<int64_t> duration;
  std::vector<uint8_t> kind;
  std::vector<int16_t> layer;  // may be empty, and so may all below
  std::vector<int32_t> name;
  std::vector<uint64_t> bytes;
  std::vector<int32_t> stream;  // empty: one stream, 0
};

// Lanes that one stream can be split into.
inline constexpr int kLanes = 8;

struct LaneKey {
  int32_t stream = 0;
  int lane = 0;
  auto operator<=>(const LaneKey&) const = default;
};

// Until when each stream's lanes are taken by earlier rows.
using LaneEnds = std::map<int32_t, std::array<int64_t, kLanes>>;

struct Lanes {
  std::vector<std::pair<LaneKey, std::shared_ptr<const EventBlock>>> blocks;
  uint64_t clamped = 0;    // events whose times cannot be
  uint64_t cut_short = 0;  // events shown shorter than they are, for want of lanes
};

// Sorts events by start and puts each on the first lane of its stream that is free.
Lanes split_lanes(RawEvents events, LaneEnds& ends);

}  // namespace kvreel::viewer
