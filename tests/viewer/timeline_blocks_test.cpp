// Lanes, running sums and extremes against brute force, on random and on damaged events.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "viewer/data/timeline_blocks.h"
#include "viewer/data/timeline_memory.h"

namespace kvreel::viewer {
namespace {

// Clumps and long gaps, events without duration, equal starts; overlaps where asked for.
RawEvents random_events(std::mt19937& random, size_t count, bool overlaps) {
  RawEvents events;
  int64_t time = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto roll = random() % 100;
    if (roll < 2) time += random() % 1'000'000'000;  // a gap
    if (roll > 50) time += random() % 50;
    const int64_t duration = random() % 10 == 0 ? 0 : random() % (roll == 9 ? 1'000'000 : 300);
    events.start.push_back(time);
    events.duration.push_back(duration);
    events.kind.push_back(static_cast<uint8_t>(random() % 11));
    events.layer.push_back(static_cast<int16_t>(i % 4));
    time += overlaps && random() % 3 == 0 ? duration / 2 : duration;
  }
  return events;
}

Busy brute_busy(const EventBlock& block, int64_t begin, int64_t end) {
  Busy busy{};
  for (size_t i = 0; i < block.size(); ++i) {
    const int64_t shown = std::min(block.shown_end(i), end) - std::max(block.start[i], begin);
    busy[static_cast<size_t>(block.category(i))] += std::max<int64_t>(0, shown);
  }
  return busy;
}

TEST(TimelineBlocks, BusyTimeOfAnyRangeIsExact) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    LaneEnds ends;
    const Lanes lanes = split_lanes(random_events(random, 1 + random() % 3000, false), ends);
    ASSERT_EQ(lanes.blocks.size(), 1u);
    const EventBlock& block = *lanes.blocks[0].second;
    const int64_t last = block.end_ns() + 10;
    for (int query = 0; query < 60; ++query) {
      int64_t begin = static_cast<int64_t>(random()) * 4096 % last;
      int64_t end = query % 2 == 0 ? begin + static_cast<int64_t>(random() % 2000)
                                   : static_cast<int64_t>(random()) * 4096 % last;
      if (query % 5 == 0) begin = block.start[random() % block.size()];
      if (begin > end) std::swap(begin, end);
      EXPECT_EQ(block.busy(begin, end), brute_busy(block, begin, end)) << begin << " " << end;
    }
    EXPECT_EQ(block.busy(0, last), brute_busy(block, 0, last));
  }
}

TEST(TimelineBlocks, LookUpsByTimeAgreeWithAScan) {
  std::mt19937 random(8);
  for (int round = 0; round < 20; ++round) {
    LaneEnds ends;
    const Lanes lanes = split_lanes(random_events(random, 1 + random() % 3000, false), ends);
    const EventBlock& block = *lanes.blocks[0].second;
    for (int query = 0; query < 100; ++query) {
      const size_t near = random() % block.size();
      const double time =
          static_cast<double>(block.start[near]) + static_cast<double>(random() % 41) * 0.5 - 10;
      size_t starting = 0;
      while (starting < block.size() && static_cast<double>(block.start[starting]) < time)
        ++starting;
      EXPECT_EQ(block.first_starting_at(time), starting);
      size_t ending = 0;
      while (ending < block.size() && static_cast<double>(block.shown_end(ending)) <= time &&
             static_cast<double>(block.start[ending]) < time)
        ++ending;
      EXPECT_EQ(block.first_ending_after(time), ending);
      const size_t from = random() % block.size();
      EXPECT_EQ(block.next_starting_at(from, time), std::max(from, starting));
    }
  }
}

TEST(TimelineBlocks, EventsThatOverlapAreSplitIntoLanesThatDoNot) {
  std::mt19937 random(9);
  for (int round = 0; round < 20; ++round) {
    RawEvents events = random_events(random, 2000, true);
    // Out of order, too.
    std::swap(events.start[100], events.start[1900]);
    const RawEvents before = events;
    LaneEnds ends;
    const Lanes lanes = split_lanes(events, ends);
    EXPECT_GT(lanes.blocks.size(), 1u);
    std::vector<int> seen(2000);
    uint64_t cut = 0;
    for (const auto& [key, block] : lanes.blocks) {
      EXPECT_LT(key.lane, kLanes);
      for (size_t i = 0; i < block->size(); ++i) {
        const size_t row = block->row_of(i);
        ++seen.at(row);
        EXPECT_EQ(block->start[i], before.start[row]);
        EXPECT_EQ(block->duration[i], before.duration[row]);
        EXPECT_EQ(block->kind[i], before.kind[row]);
        EXPECT_EQ(block->layer[i], before.layer[row]);
        if (i + 1 < block->size()) {
          EXPECT_LE(block->start[i], block->start[i + 1]);
          cut += block->start[i] + block->duration[i] > block->start[i + 1];
        }
      }
      EXPECT_EQ(block->busy(0, kLatestNs), brute_busy(*block, 0, kLatestNs));
    }
    EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }));
    EXPECT_LE(cut, lanes.cut_short);
    EXPECT_TRUE(lanes.cut_short > 0 || cut == 0);
  }
}

TEST(TimelineBlocks, ALaneThatEarlierRowsTakeIsLeftFree) {
  LaneEnds ends;
  RawEvents first;
  first.start = {0};
  first.duration = {100};
  first.kind = {1};
  split_lanes(first, ends);
  RawEvents second;
  second.start = {50, 100};
  second.duration = {10, 10};
  second.kind = {2, 3};
  const Lanes lanes = split_lanes(second, ends);
  ASSERT_EQ(lanes.blocks.size(), 2u);
  EXPECT_EQ(lanes.blocks[0].first.lane, 0);
  EXPECT_EQ(lanes.blocks[0].second->start, std::vector<int64_t>{100});
  EXPECT_EQ(lanes.blocks[1].first.lane, 1);
  EXPECT_EQ(lanes.blocks[1].second->start, std::vector<int64_t>{50});
}

TEST(TimelineBlocks, TimesThatCannotBeAreClampedAndCounted) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  RawEvents events;
  events.start = {kLeast, -5, 10, kMost, kMost - 1, 20, 30};
  events.duration = {kMost, 5, kLeast, kMost, 1, kMost, 7};
  events.kind = {0, 1, 2, 3, 0xff, 5, 6};
  LaneEnds ends;
  const Lanes lanes = split_lanes(events, ends);
  EXPECT_EQ(lanes.clamped, 6u);
  size_t count = 0;
  for (const auto& [_, block] : lanes.blocks) {
    count += block->size();
    for (size_t i = 0; i < block->size(); ++i) {
      EXPECT_GE(block->start[i], 0);
      EXPECT_GE(block->duration[i], 0);
      EXPECT_LE(block->start[i] + block->duration[i], kLatestNs);
    }
    EXPECT_EQ(block->busy(0, kLatestNs), brute_busy(*block, 0, kLatestNs));
  }
  EXPECT_EQ(count, 7u);
}

TEST(TimelineBlocks, MoreOverlapsThanLanesAreCutShortAndCounted) {
  RawEvents events;
  for (int i = 0; i < 20; ++i) {
    events.start.push_back(i);
    events.duration.push_back(1000);
    events.kind.push_back(1);
  }
  LaneEnds ends;
  const Lanes lanes = split_lanes(events, ends);
  EXPECT_EQ(lanes.blocks.size(), static_cast<size_t>(kLanes));
  EXPECT_EQ(lanes.cut_short, 20u - kLanes);
  EXPECT_EQ(lanes.blocks.back().second->shown_end(0), kLanes);  // where the next one starts
}

TEST(TimelineBlocks, TakeAtMostTwiceTheMemoryOfTheirColumns) {
  std::mt19937 random(10);
  RawEvents events = random_events(random, 1u << 18, false);
  LaneEnds ends;
  const Lanes lanes = split_lanes(std::move(events), ends);
  const uint64_t columns = (8 + 8 + 1 + 2) * (1u << 18);
  uint64_t taken = 0;
  for (const auto& [_, block] : lanes.blocks) taken += block->memory_bytes();
  // The columns of this test grew by push_back, which may double them.
  EXPECT_LE(taken, 2 * columns + columns / 4);
}

TEST(TimelineMemory, ExtremesOfAnyStretchAreThoseOfAScan) {
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    MemoryBlock block;
    const size_t n = 1 + random() % 5000;
    for (size_t i = 0; i < n; ++i) {
      block.time.push_back(static_cast<int64_t>(random() % 100'000));
      block.asked.push_back(random() % 1000);
      block.held.push_back(block.asked.back() + random() % 100);
      block.until.push_back(block.time.back() + 60);
    }
    finish_memory_block(block);
    for (size_t i = 0; i + 1 < n; ++i) {
      ASSERT_LE(block.time[i], block.time[i + 1]);
      ASSERT_LE(block.until[i], block.time[i + 1]);
      ASSERT_LE(block.until[i], block.time[i] + 60);
    }
    for (int query = 0; query < 100; ++query) {
      size_t begin = random() % (n + 1);
      size_t end = random() % (n + 1);
      if (begin > end) std::swap(begin, end);
      const MemoryExtremes found = block.extremes(begin, end);
      ASSERT_EQ(found.any, begin < end);
      if (!found.any) continue;
      const auto at = [](auto& column, size_t i) { return column.begin() + static_cast<long>(i); };
      EXPECT_EQ(found.held_most, *std::max_element(at(block.held, begin), at(block.held, end)));
      EXPECT_EQ(found.held_least, *std::min_element(at(block.held, begin), at(block.held, end)));
      EXPECT_EQ(found.asked_most, *std::max_element(at(block.asked, begin), at(block.asked, end)));
    }
  }
}

}  // namespace
}  // namespace kvreel::viewer
