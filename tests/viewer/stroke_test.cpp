// Lines cut into dashes, boxes cut where they cover pixels in part.
#include "viewer/panels/stroke.h"

#include <gtest/gtest.h>

#include <cmath>

namespace kvreel::viewer {
namespace {

float length_of(const std::vector<ImVec2>& line) {
  float length = 0;
  for (size_t i = 1; i < line.size(); ++i) {
    length += std::hypot(line[i].x - line[i - 1].x, line[i].y - line[i - 1].y);
  }
  return length;
}

TEST(Dashes, GoOnAroundCorners) {
  const std::vector<ImVec2> corner = {{0, 0}, {7, 0}, {7, 20}};
  const std::vector<float> dashes = {4, 2};
  const auto cut = cut_into_dashes(corner, dashes);
  ASSERT_EQ(cut.size(), 5u);  // 27 long: 4 whole dashes and gaps, and 3 of a fifth
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(length_of(cut[i]), 4, 1e-4);
  EXPECT_NEAR(length_of(cut[4]), 3, 1e-4);
  EXPECT_EQ(cut[1].size(), 3u) << "the second dash bends at the corner";
  EXPECT_NEAR(cut[1][0].x, 6, 1e-4);
  EXPECT_NEAR(cut[1][2].y, 3, 1e-4);
}

TEST(Dashes, OfAnOddNumberOfLengthsAreTakenTwice) {
  const std::vector<ImVec2> line = {{0, 0}, {12, 0}};
  const std::vector<float> dashes = {1, 2, 3};  // 1 on, 2 off, 3 on, 1 off, 2 on, 3 off
  const auto cut = cut_into_dashes(line, dashes);
  ASSERT_EQ(cut.size(), 3u);
  EXPECT_NEAR(length_of(cut[0]), 1, 1e-4);
  EXPECT_NEAR(length_of(cut[1]), 3, 1e-4);
  EXPECT_NEAR(length_of(cut[2]), 2, 1e-4);
  EXPECT_NEAR(cut[2][0].x, 7, 1e-4);
}

TEST(Boxes, CoverAsMuchAsTheyAreLarge) {
  struct Case {
    ImVec2 min, max;
  };
  const Case cases[] = {{{1, 1}, {5, 4}},       {{1.25f, 1.5f}, {5.75f, 4.25f}},
                        {{2.2f, 3}, {2.7f, 9}}, {{2.75f, 0.5f}, {3.25f, 0.75f}},
                        {{3, 3}, {3, 8}},       {{0.5f, 0}, {1.5f, 1}}};
  for (const Case& box : cases) {
    float covered = 0;
    for (const BoxPart& part : parts_of_box(box.min, box.max)) {
      for (const float edge : {part.min.x, part.min.y, part.max.x, part.max.y}) {
        EXPECT_EQ(edge, std::round(edge)) << "parts lie on whole pixels";
      }
      covered += (part.max.x - part.min.x) * (part.max.y - part.min.y) * part.share;
      EXPECT_LE(part.share, 1);
    }
    EXPECT_NEAR(covered, (box.max.x - box.min.x) * (box.max.y - box.min.y), 1e-4);
  }
}

TEST(Colours, FadeInTheirAlphaOnly) {
  EXPECT_EQ(faded(IM_COL32(10, 20, 30, 200), 0.5f), IM_COL32(10, 20, 30, 100));
  EXPECT_EQ(faded(IM_COL32(10, 20, 30, 200), 7), IM_COL32(10, 20, 30, 200));
}

}  // namespace
}  // namespace kvreel::viewer
