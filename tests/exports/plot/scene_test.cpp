// Scenes as text.
#include "exports/plot/scene.h"

#include <gtest/gtest.h>

#include <string>

namespace kvreel::plot {
namespace {

TEST(SceneText, HasALineForEveryShape) {
  Scene scene;
  scene.width = 240.5;
  scene.height = 180;
  scene.title = "say \"hi\"\n\xff";
  scene.metadata = {{"trace", "a.h5"}};
  scene.shapes = {
      Rectangle{1, 2, 3.00049, -0.0001, {255, 0, 128, 255}, {1, 2, 3, 4}, 0.5, 2},
      Rectangle{0, 0, 1, 1},
      Polyline{{{0, 0}, {1.25, 2}}, {0, 0, 0, 255}, 1.25, {4, 2}},
      Polygon{{{0, 0}, {1, 0}, {0, 1}}, {9, 9, 9, 9}},
      Polygon{{{0, 0}, {1, 0}, {1, 1}, {0, 1}}, {9, 9, 9, 255}, true},
      Disc{{5, 6}, 2, {1, 1, 1, 255}},
      Text{{7, 8},
           {{"A", 0, 9, 0, 0, 6}, {"95", 1, 6.3, 6, -1.44, 8}},
           14,
           {0, 0, 0, 255},
           true,
           0.5},
      Image{1, 2, 30, 40, 2, 1, {0xff0000ff, 0x00000000}},
      Clip{1, 2, 3, 4},
      Unclip{},
  };
  EXPECT_EQ(to_text(scene),
            "scene 240.500 180.000 ground #ffffffff\n"
            "title \"say \\\"hi\\\"\\n\ufffd\"\n"
            "metadata \"trace\" \"a.h5\"\n"
            "rectangle 1.000 2.000 3.000 0.000 fill #ff0080ff stroke #01020304 0.500 radius 2.000\n"
            "rectangle 0.000 0.000 1.000 1.000\n"
            "polyline #000000ff 1.250 dashes 4.000 2.000 points 0.000,0.000 1.250,2.000\n"
            "polygon fill #09090909 points 0.000,0.000 1.000,0.000 0.000,1.000\n"
            "band fill #090909ff points 0.000,0.000 1.000,0.000 1.000,1.000 0.000,1.000\n"
            "disc 5.000 6.000 2.000 fill #010101ff\n"
            "turned-text 7.000 8.000 width 14.000 anchor 0.500 #000000ff "
            "[\"A\" face 0 size 9.000 at 0.000 0.000 width 6.000] "
            "[\"95\" face 1 size 6.300 at 6.000 -1.440 width 8.000]\n"
            // printf '\377\0\0\377\0\0\0\0' | sha256sum
            "image 1.000 2.000 30.000 40.000 2x1 sha256 "
            "fe06d61579bca41e056795862c3c65f891db8d34baeec048b7d3e6ae62daf84b\n"
            "clip 1.000 2.000 3.000 4.000\n"
            "unclip\n");
}

}  // namespace
}  // namespace kvreel::plot
