// Sorting events into lanes, and their running sums.
#include "viewer/data/timeline_blocks.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "viewer/data/gallop.h"

namespace kvreel::viewer {
namespace {

constexpr size_t kStep = EventBlock::kCheckpointEvents;

// Events with impossible times stay, at the nearest possible ones.
uint64_t clamp_times(RawEvents& events) {
  uint64_t clamped = 0;
  for (size_t i = 0; i < events.start.size(); ++i) {
    const int64_t start = std::clamp<int64_t>(events.start[i], 0, kLatestNs);
    const int64_t duration = std::clamp<int64_t>(events.duration[i], 0, kLatestNs - start);
    clamped += start != events.start[i] || duration != events.duration[i];
    events.start[i] = start;
    events.duration[i] = duration;
  }
  return clamped;
}

void add_checkpoints(EventBlock& block) {
  const size_t n = block.size();
  block.checkpoint_start.reserve(n / kStep + 2);
  block.checkpoint_busy.reserve(n / kStep + 2);
  Busy busy{};
  for (size_t i = 0; i < n; ++i) {
    if (i % kStep == 0) {
      block.checkpoint_start.push_back(block.start[i]);
      block.checkpoint_busy.push_back(busy);
    }
    busy[static_cast<size_t>(block.category(i))] += block.shown_end(i) - block.start[i];
  }
  block.checkpoint_start.push_back(std::numeric_limits<int64_t>::max());
  block.checkpoint_busy.push_back(busy);
}

template <typename T>
std::vector<T> picked(const std::vector<T>& from, std::span<const uint32_t> order) {
  std::vector<T> to;
  if (from.empty()) return to;
  to.reserve(order.size());
  for (const uint32_t i : order) to.push_back(from[i]);
  return to;
}

std::shared_ptr<const EventBlock> make_block(const RawEvents& events,
                                             std::span<const uint32_t> order) {
  auto block = std::make_shared<EventBlock>();
  block->first_row = events.first_row;
  block->start = picked(events.start, order);
  block->duration = picked(events.duration, order);
  block->kind = picked(events.kind, order);
  block->layer = picked(events.layer, order);
  block->name = picked(events.name, order);
  block->bytes = picked(events.bytes, order);
  block->row.assign(order.begin(), order.end());
  add_checkpoints(*block);
  return block;
}

// What a recorder writes: one stream, in order, nothing overlaps.
bool is_one_lane(const RawEvents& events, int64_t free_from) {
  if (!events.stream.empty()) {
    const auto other = [&](int32_t stream) { return stream != events.stream.front(); };
    if (std::any_of(events.stream.begin(), events.stream.end(), other)) return false;
  }
  int64_t end = free_from;
  for (size_t i = 0; i < events.start.size(); ++i) {
    if (events.start[i] < end) return false;
    end = events.start[i] + events.duration[i];
  }
  return true;
}

}  // namespace

size_t EventBlock::first_starting_at(double time) const {
  return next_starting_at(0, time);
}

size_t EventBlock::first_ending_after(double time) const {
  const size_t i = first_starting_at(time);
  return i > 0 && static_cast<double>(shown_end(i - 1)) > time ? i - 1 : i;
}

size_t EventBlock::next_starting_at(size_t from, double time) const {
  if (from >= size() || static_cast<double>(start[from]) >= time) return std::min(from, size());
  const size_t high = gallop(checkpoint_start, from / kStep, time);
  const size_t group_begin = std::max((high - 1) * kStep, from);
  const size_t group_end = std::min(high * kStep, size());
  const auto begin = start.begin();
  const auto found = std::lower_bound(
      begin + static_cast<ptrdiff_t>(group_begin), begin + static_cast<ptrdiff_t>(group_end), time,
      [](int64_t value, double t) { return static_cast<double>(value) < t; });
  return static_cast<size_t>(found - begin);
}

Busy EventBlock::busy_before(size_t i) const {
  Busy busy = checkpoint_busy[i / kStep];
  if (i == size()) return checkpoint_busy.back();
  for (size_t k = i - i % kStep; k < i; ++k) {
    busy[static_cast<size_t>(category(k))] += shown_end(k) - start[k];
  }
  return busy;
}

Busy EventBlock::busy(int64_t begin, int64_t end) const {
  Busy sum{};
  const size_t first = first_ending_after(static_cast<double>(begin));
  const size_t last = first_starting_at(static_cast<double>(end));
  if (first >= last) return sum;
  sum = busy_before(last);
  const Busy before = busy_before(first);
  for (size_t c = 0; c < sum.size(); ++c) sum[c] -= before[c];
  // The two at the borders stick out.
  sum[static_cast<size_t>(category(first))] -= std::max<int64_t>(0, begin - start[first]);
  sum[static_cast<size_t>(category(last - 1))] -= std::max<int64_t>(0, shown_end(last - 1) - end);
  return sum;
}

uint64_t EventBlock::memory_bytes() const {
  const auto of = [](const auto& column) { return column.capacity() * sizeof(column[0]); };
  return sizeof(EventBlock) + of(start) + of(duration) + of(kind) + of(layer) + of(name) +
         of(bytes) + of(row) + of(checkpoint_start) + of(checkpoint_busy);
}

Lanes split_lanes(RawEvents events, LaneEnds& ends) {
  Lanes lanes;
  const size_t n = events.start.size();
  if (n == 0) return lanes;
  lanes.clamped = clamp_times(events);
  const auto ends_of = [&](int32_t stream) -> std::array<int64_t, kLanes>& {
    return ends.try_emplace(stream, std::array<int64_t, kLanes>{}).first->second;
  };
  const int32_t only = events.stream.empty() ? 0 : events.stream.front();
  if (is_one_lane(events, ends_of(only)[0])) {
    ends_of(only)[0] = events.start.back() + events.duration.back();
    auto block = std::make_shared<EventBlock>();
    block->first_row = events.first_row;
    block->start = std::move(events.start);
    block->duration = std::move(events.duration);
    block->kind = std::move(events.kind);
    block->layer = std::move(events.layer);
    block->name = std::move(events.name);
    block->bytes = std::move(events.bytes);
    add_checkpoints(*block);
    lanes.blocks.emplace_back(LaneKey{only, 0}, std::move(block));
    return lanes;
  }

  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    if (events.start[a] != events.start[b]) return events.start[a] < events.start[b];
    if (events.duration[a] != events.duration[b]) return events.duration[a] < events.duration[b];
    return a < b;
  });
  std::map<LaneKey, std::vector<uint32_t>> members;
  for (const uint32_t i : order) {
    const int32_t stream = events.stream.empty() ? 0 : events.stream[i];
    auto& taken = ends_of(stream);
    int lane = 0;
    while (lane + 1 < kLanes && taken[static_cast<size_t>(lane)] > events.start[i]) ++lane;
    int64_t& end = taken[static_cast<size_t>(lane)];
    lanes.cut_short += end > events.start[i];
    end = std::max(end, events.start[i] + events.duration[i]);
    members[{stream, lane}].push_back(i);
  }
  for (const auto& [key, rows] : members) lanes.blocks.emplace_back(key, make_block(events, rows));
  return lanes;
}

}  // namespace kvreel::viewer
