// The timeline's axis, rows, search and statistics against hand-computed cases and brute force.
#include "viewer/model/timeline_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "exports/tables/statistics.h"
#include "viewer/model/timeline_search.h"
#include "viewer/model/timeline_statistics.h"

namespace kvreel::viewer {
namespace {

RawEvents random_events(std::mt19937& random, size_t count, bool overlaps = false) {
  RawEvents events;
  int64_t time = 1000;
  for (size_t i = 0; i < count; ++i) {
    if (random() % 50 == 0) time += random() % 2'000'000;
    if (random() % 2 == 0) time += random() % 50;
    const int64_t duration =
        random() % 10 == 0 ? 0 : random() % (random() % 90 == 0 ? 1'000'000 : 300);
    events.start.push_back(time);
    events.duration.push_back(duration);
    events.kind.push_back(static_cast<uint8_t>(random() % 9));
    events.layer.push_back(static_cast<int16_t>(random() % 4));
    time += overlaps ? duration / 2 : duration;
  }
  return events;
}

std::shared_ptr<TimelineData> data_of(std::vector<RawEvents> blocks) {
  auto data = std::make_shared<TimelineData>();
  data->passes = std::make_shared<const std::vector<TimelinePass>>();
  LaneEnds ends;
  std::map<LaneKey, Track> tracks;
  for (RawEvents& events : blocks) {
    for (const auto& [key, block] : split_lanes(std::move(events), ends).blocks) {
      tracks[key].lane = key.lane;
      tracks[key].events += block->size();
      tracks[key].blocks.push_back(block);
      data->end_ns = std::max(data->end_ns, block->end_ns());
      data->events += block->size();
    }
  }
  for (auto& [_, track] : tracks) data->tracks.push_back(track);
  return data;
}

TEST(TimelineView, ZoomKeepsTheTimeUnderThePointer) {
  const TimeRange range{1000, 2000};
  const TimeRange in = zoom_range(range, 1250, 0.8, 10'000);
  EXPECT_NEAR(in.length(), 800, 1e-9);
  EXPECT_NEAR((1250 - in.begin) / in.length(), 0.25, 1e-12);
  const TimeRange out = zoom_range(in, 1250, 1.25, 10'000);
  EXPECT_NEAR(out.begin, range.begin, 1e-9);
  EXPECT_NEAR(out.end, range.end, 1e-9);
}

TEST(TimelineView, StaysWithinTheRecording) {
  EXPECT_EQ(zoom_range({0, 100}, 30, 5, 200), (TimeRange{0, 200}));
  EXPECT_EQ(pan_range({50, 150}, 1e9, 200), (TimeRange{100, 200}));
  EXPECT_EQ(pan_range({50, 150}, -1e9, 200), (TimeRange{0, 100}));
  EXPECT_NEAR(zoom_range({0, 100}, 50, 1e-9, 200).length(), kShortestView, 1e-9);
  EXPECT_EQ(clamp_range({std::nan(""), 5}, 100), (TimeRange{0, 100}));
}

TEST(TimelineView, TicksAreRoundNumbersInOneUnit) {
  const auto ticks = time_ticks({0, 1.47e9, 1400}, 90);
  ASSERT_GE(ticks.size(), 8u);
  EXPECT_EQ(ticks[0].label, "0.0 s");
  EXPECT_EQ(ticks[1].label, "0.1 s");
  const auto close = time_ticks({1'234'500, 1'236'500, 1000}, 100);
  ASSERT_GE(close.size(), 5u);
  EXPECT_EQ(close.front().label, "1234.6 us");
  for (size_t i = 1; i < close.size(); ++i) {
    EXPECT_GE((close[i].time - close[i - 1].time) / 2000 * 1000, 100);
  }
  EXPECT_EQ(time_ticks({100, 120, 1000}, 90).at(1).label, "102 ns");
}

// Every event by itself, pixel by pixel: what the strips and boxes must say together.
std::vector<std::array<double, kCategories>> brute_shares(const TimelineData& data, size_t track,
                                                          const TimeScale& scale) {
  std::vector<std::array<double, kCategories>> shares(static_cast<size_t>(scale.width));
  for (const auto& block : data.tracks[track].blocks) {
    for (size_t i = 0; i < block->size(); ++i) {
      const double x0 = std::max(0., scale.x(static_cast<double>(block->start[i])));
      const double x1 = std::min(scale.width, scale.x(static_cast<double>(block->shown_end(i))));
      for (auto x = static_cast<size_t>(x0); x < shares.size() && static_cast<double>(x) < x1;
           ++x) {
        const double part =
            std::min(x1, static_cast<double>(x + 1)) - std::max(x0, static_cast<double>(x));
        shares[x][static_cast<size_t>(block->category(i))] += std::max(0., part);
      }
    }
  }
  return shares;
}

TEST(TimelineRows, StripsAndBoxesTogetherAreTheBusyTime) {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    // From a few events to a column of pixels to hundreds.
    const size_t many = size_t{1} << (2 * (round % 4));
    auto first = random_events(random, 4000 * many);
    auto second = random_events(random, 3000 * many);
    const int64_t shift = first.start.back() + first.duration.back();
    for (int64_t& start : second.start) start += shift;
    const auto data = data_of({first, second});
    const double whole = static_cast<double>(data->end_ns);
    const double length = whole * std::pow(10, -static_cast<double>(random() % 5));
    const double begin = (whole - length) * static_cast<double>(random() % 1000) / 1000;
    const TimeScale scale{begin, begin + length, 300};
    const int height = 200;
    const RowPicture picture = layout_row(*data, 0, scale, height);
    const auto brute = brute_shares(*data, 0, scale);
    // Back into pixels.
    std::vector<std::array<double, kCategories>> drawn(brute.size());
    for (const TimeStrip& strip : picture.strips) {
      ASSERT_LT(strip.x0, strip.x1);
      for (int x = strip.x0; x < strip.x1; ++x) {
        double below = 0;
        for (size_t c = 0; c < kCategories; ++c) {
          drawn[static_cast<size_t>(x)][c] += strip.top[c] / double{height} - below;
          below = strip.top[c] / double{height};
        }
      }
    }
    for (const TimeBox& box : picture.boxes) {
      const auto c = static_cast<size_t>(data->block(box.event).category(box.event.index));
      for (auto x = static_cast<size_t>(box.x0);
           x < drawn.size() && static_cast<double>(x) < static_cast<double>(box.x1); ++x) {
        drawn[x][c] += std::min<double>(box.x1, static_cast<double>(x + 1)) -
                       std::max<double>(box.x0, static_cast<double>(x));
      }
    }
    double total_drawn = 0;
    double total = 0;
    for (size_t x = 0; x < brute.size(); ++x) {
      double sum_drawn = 0;
      double sum = 0;
      for (size_t c = 0; c < kCategories; ++c) {
        sum_drawn += drawn[x][c];
        sum += brute[x][c];
        // A quarter pixel at both borders, a row of pixels by rounding, two at least.
        EXPECT_NEAR(drawn[x][c], brute[x][c], 0.5 + 3. / height) << round << " " << x << " " << c;
      }
      total_drawn += sum_drawn;
      total += sum;
      EXPECT_TRUE(sum <= 1e-9 || sum_drawn > 0) << "what is there is seen";
    }
    // Borders that move take from one column what they give to the next.
    EXPECT_NEAR(total_drawn, total, 2. * 300 / height + 0.6) << round;
  }
}

TEST(TimelineRows, WhatIsDrawnDependsOnPixelsAlone) {
  std::mt19937 random(4);
  for (const bool overlaps : {false, true}) {
    for (const size_t count : {100u, 10'000u, 200'000u}) {
      const auto data = data_of({random_events(random, count, overlaps)});
      for (double zoom = 1; zoom < 1e6; zoom *= 7) {
        for (const double width : {10., 500., 1600.}) {
          const double length = static_cast<double>(data->end_ns) / zoom;
          for (size_t track = 0; track < data->tracks.size(); ++track) {
            const RowPicture picture = layout_row(*data, track, {length, 2 * length, width}, 30);
            EXPECT_LE(static_cast<double>(picture.strips.size()), width);
            EXPECT_LE(static_cast<double>(picture.boxes.size()), width / kBoxPixels + 2);
            for (size_t i = 1; i < picture.strips.size(); ++i) {
              EXPECT_GE(picture.strips[i].x0, picture.strips[i - 1].x1);
            }
          }
        }
      }
    }
  }
}

TEST(TimelineRows, BlocksThatAllCoverTheSameTimeAreCut) {
  std::mt19937 random(5);
  std::vector<RawEvents> blocks(60);
  for (RawEvents& events : blocks) {
    for (int i = 0; i < 20; ++i) {
      events.start.push_back(i * 50);
      events.duration.push_back(50);
      events.kind.push_back(1);
    }
  }
  const auto data = data_of(blocks);
  for (size_t track = 0; track < data->tracks.size(); ++track) {
    const RowPicture picture = layout_row(*data, track, {0, 1000, 100}, 30);
    EXPECT_LE(picture.boxes.size(), 200u);
  }
  EXPECT_TRUE(layout_row(*data, data->tracks.size() - 1, {0, 1000, 100}, 30).cut);
}

TEST(TimelineRows, ASingleShortEventIsSeenAndPicked) {
  RawEvents events;
  events.start = {0, 500'000, 1'000'000};
  events.duration = {0, 3, 0};
  events.kind = {1, 3, 1};
  const auto data = data_of({events});
  const TimeScale scale{0, 1'000'001, 1000};
  const RowPicture picture = layout_row(*data, 0, scale, 20);
  ASSERT_EQ(picture.strips.size(), 3u);
  EXPECT_EQ(picture.strips[1].top[3], 2);
  EXPECT_EQ(picture.strips[1].top[2], 0);
  const auto picked = pick_event(*data, 0, scale, 500.3);
  ASSERT_TRUE(picked);
  EXPECT_EQ(picked->index, 1u);
  EXPECT_FALSE(pick_event(*data, 0, scale, 520));
  EXPECT_EQ(count_events(*data, 0, 0, 2'000'000), 3u);
  EXPECT_EQ(count_events(*data, 0, 1, 1'000'000), 1u);
}

TEST(TimelineRows, MemoryShowsTheExtremesOfEachPixelAndGapsBetweenPasses) {
  auto data = data_of({});
  auto block = std::make_shared<MemoryBlock>();
  block->time = {10, 20, 21, 60};
  block->until = {1000, 1000, 40, 1000};  // the first pass ends at 40
  block->asked = {5, 50, 6, 7};
  block->held = {8, 80, 9, 10};
  finish_memory_block(*block);
  data->memory.push_back(block);
  const MemoryPicture picture = layout_memory(*data, {0, 100, 10});  // 10 ns per pixel
  EXPECT_FALSE(picture.columns[0].any);
  EXPECT_EQ(picture.columns[1].held_most, 8u);
  EXPECT_EQ(picture.columns[2].held_most, 80u);
  EXPECT_EQ(picture.columns[2].held_least, 9u);
  EXPECT_EQ(picture.columns[2].asked_most, 50u);
  EXPECT_EQ(picture.columns[3].held_most, 9u);
  EXPECT_FALSE(picture.columns[5].any);
  EXPECT_EQ(picture.columns[9].held_most, 10u);
  EXPECT_EQ(picture.most, 80u);
}

TEST(RangeStatistics, AreExactWhateverThePortions) {
  std::mt19937 random(6);
  int portions = 0;
  for (int round = 0; round < 12; ++round) {
    const auto data = data_of({random_events(random, 5000, round % 3 == 0)});
    const double end = static_cast<double>(data->end_ns);
    TimeRange range{end * static_cast<double>(random() % 50) / 100, 0};
    range.end = range.begin + (end - range.begin) * static_cast<double>(1 + random() % 100) / 100;
    range.begin = std::floor(range.begin);
    range.end = std::floor(range.end);
    RangeStatistics statistics(data, range, StatisticsOf::operations);
    while (!statistics.advance(1 + random() % 700)) ++portions;
    EXPECT_EQ(statistics.counted(), statistics.events());
    std::map<int32_t, std::vector<double>> durations;
    std::map<int32_t, double> totals;
    for (const Track& track : data->tracks) {
      for (const auto& block : track.blocks) {
        for (size_t i = 0; i < block->size(); ++i) {
          const auto start = static_cast<double>(block->start[i]);
          const auto stop = start + static_cast<double>(block->duration[i]);
          const auto shown = static_cast<double>(block->shown_end(i));
          if (!(start < range.end && (shown > range.begin || start >= range.begin))) continue;
          durations[block->kind[i]].push_back(static_cast<double>(block->duration[i]));
          totals[block->kind[i]] +=
              std::max(0., std::min(stop, range.end) - std::max(start, range.begin));
        }
      }
    }
    ASSERT_EQ(statistics.rows().size(), durations.size());
    for (const StatisticsRow& row : statistics.rows()) {
      std::vector<double>& values = durations.at(row.name);
      std::sort(values.begin(), values.end());
      EXPECT_EQ(row.count, values.size());
      EXPECT_NEAR(row.total_ns, totals.at(row.name), 0.5);
      EXPECT_NEAR(row.share, totals.at(row.name) / range.length(), 1e-9);
      EXPECT_NEAR(row.median_ns, exports::quantile(values, 0.5), 1e-6);
      EXPECT_NEAR(row.p99_ns, exports::quantile(values, 0.99), 1e-6);
    }
  }
  EXPECT_GT(portions, 50);
}

TEST(RangeStatistics, OfAnEmptyRangeAreDoneAtOnce) {
  const auto data = data_of({});
  RangeStatistics statistics(data, {0, 100}, StatisticsOf::operations);
  EXPECT_TRUE(statistics.done());
  EXPECT_TRUE(statistics.advance(0));
  EXPECT_TRUE(statistics.rows().empty());
}

TEST(TimelineSearch, FindsOperationsByNameAndLayerInOrder) {
  auto overview = std::make_shared<Overview>();
  overview->names = {"embed", "qkv", "attend"};
  RawEvents events;
  events.start = {0, 10, 20, 30, 40};
  events.duration = {5, 5, 5, 5, 5};
  events.kind = {0, 2, 1, 2, 2};
  events.layer = {-1, 0, 0, 1, 0};
  const auto data = data_of({events});
  const TimelineSearch any(overview, "ATT");
  EXPECT_TRUE(any.known());
  EXPECT_EQ(any.next(*data, -1)->index, 1u);
  EXPECT_EQ(any.next(*data, 10)->index, 3u);
  EXPECT_EQ(any.previous(*data, 40)->index, 3u);
  EXPECT_FALSE(any.next(*data, 40));
  const TimelineSearch layer(overview, "attend L0");
  EXPECT_EQ(layer.next(*data, 10)->index, 4u);
  EXPECT_FALSE(TimelineSearch(overview, "nothing").known());
  EXPECT_TRUE(TimelineSearch(overview, " ").empty());
  EXPECT_FALSE(TimelineSearch(overview, "nothing").next(*data, -1));
}

}  // namespace
}  // namespace kvreel::viewer
