// Slices of a track nest.
#include "exports/timeline/slice_tracks.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace kvreel::exports {
namespace {

TEST(SliceTracks, WhatNestsSharesATrack) {
  SliceTracks tracks;
  EXPECT_EQ(tracks.place(0, 100), 0u);
  EXPECT_EQ(tracks.place(0, 40), 0u);   // begins with it
  EXPECT_EQ(tracks.place(10, 0), 0u);   // no time at all
  EXPECT_EQ(tracks.place(40, 60), 0u);  // follows at once, ends with it
  EXPECT_EQ(tracks.place(100, 5), 0u);
}

TEST(SliceTracks, WhatOverlapsInPartGoesToAnother) {
  SliceTracks tracks;
  EXPECT_EQ(tracks.place(0, 100), 0u);
  EXPECT_EQ(tracks.place(50, 100), 1u);
  EXPECT_EQ(tracks.place(60, 20), 0u);
  EXPECT_EQ(tracks.place(90, 20), 1u);   // within the second
  EXPECT_EQ(tracks.place(99, 100), 2u);  // across both ends
}

TEST(SliceTracks, WhatComesOutOfOrderGoesToAnother) {
  SliceTracks tracks;
  EXPECT_EQ(tracks.place(50, 10), 0u);
  EXPECT_EQ(tracks.place(0, 10), 1u);
}

TEST(SliceTracks, SurvivesTimesThatNoClockShows) {
  SliceTracks tracks;
  EXPECT_EQ(tracks.place(INT64_MAX - 1, INT64_MAX), 0u);
  EXPECT_EQ(tracks.place(INT64_MIN, -5), 1u);
  EXPECT_EQ(time_after(INT64_MAX, 1), INT64_MAX);
  EXPECT_EQ(time_between(INT64_MIN, INT64_MAX), INT64_MAX);
}

// Random slices: whatever the tracks say, no two of one track may overlap in part.
TEST(SliceTracks, AgreeWithAComparisonOfAllPairs) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    SliceTracks tracks;
    struct Placed {
      int64_t start, end;
      size_t track;
    };
    std::vector<Placed> placed;
    int64_t start = 0;
    for (int i = 0; i < 40; ++i) {
      start += static_cast<int64_t>(random() % 4);
      const auto duration = static_cast<int64_t>(random() % 12);
      placed.push_back({start, start + duration, tracks.place(start, duration)});
    }
    for (size_t b = 0; b < placed.size(); ++b) {
      for (size_t a = 0; a < b; ++a) {
        if (placed[a].track != placed[b].track) continue;
        const bool apart = placed[a].end <= placed[b].start;
        const bool inside = placed[b].end <= placed[a].end;
        EXPECT_TRUE(apart || inside) << placed[a].start << "-" << placed[a].end << " and "
                                     << placed[b].start << "-" << placed[b].end;
      }
    }
  }
}

}  // namespace
}  // namespace kvreel::exports
