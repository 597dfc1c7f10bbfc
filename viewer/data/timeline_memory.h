// Cache bytes over time: a step function with the extremes of any stretch at hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kvreel::viewer {

// Least and most over a stretch of time; `any` false where nothing was known in it.
struct MemoryExtremes {
  bool any = false;
  uint64_t held_least = 0;
  uint64_t held_most = 0;
  uint64_t asked_most = 0;
};

// Ascending by time. Value i holds over [time[i], until[i]): to the next event or the end of its
// pass, after which nothing is known.
struct MemoryBlock {
  static constexpr size_t kGroup = 16;

  uint64_t first_row = 0;
  std::vector<int64_t> time;
  std::vector<int64_t> until;
  std::vector<uint64_t> asked;
  std::vector<uint64_t> held;
  // By groups of kGroup events, of groups of kGroup groups, ...: level 0 has size() / kGroup.
  std::vector<std::vector<MemoryExtremes>> levels;

  size_t size() const { return time.size(); }
  // Of events [begin, end).
  MemoryExtremes extremes(size_t begin, size_t end) const;
  size_t first_until_after(double t) const;
  size_t first_at(double t) const;  // the first with time >= t
};

// Sorts by time where needed, sets `until` to the next event's time where that is earlier, and
// builds the levels.
void finish_memory_block(MemoryBlock& block);

}  // namespace kvreel::viewer
