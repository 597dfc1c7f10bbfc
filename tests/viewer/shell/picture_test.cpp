// PNG files and cropping.
#include "viewer/shell/picture.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "viewer/shell/icon.h"
#include "viewer/shell/scene.h"

namespace kvreel::viewer {
namespace {

using testing::TempDir;

Picture noise(int width, int height) {
  std::mt19937 random(7);
  Picture picture{width, height, {}};
  picture.rgba.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * 4);
  for (uint8_t& byte : picture.rgba) byte = static_cast<uint8_t>(random());
  return picture;
}

TEST(Png, GivesBackEveryPixel) {
  const TempDir dir;
  const Picture picture = noise(37, 23);
  write_png(dir.file("a.png"), picture);
  const Picture read = read_png(dir.file("a.png"));
  EXPECT_EQ(read.width, 37);
  EXPECT_EQ(read.height, 23);
  EXPECT_EQ(read.rgba, picture.rgba);
}

TEST(Png, ThatCannotBeWrittenLeavesNothing) {
  const TempDir dir;
  EXPECT_THROW(write_png(dir.file("none/a.png"), noise(2, 2)), Error);
  EXPECT_THROW(write_png(dir.file("a.png"), Picture()), Error);
  EXPECT_FALSE(std::filesystem::exists(dir.file("a.png")));
}

TEST(Png, ThatIsNoneIsAnError) {
  const TempDir dir;
  std::ofstream(dir.file("a.png")) << "no picture";
  EXPECT_THROW(read_png(dir.file("a.png")), Error);
  EXPECT_THROW(read_png(dir.file("none.png")), Error);
}

TEST(Crop, TakesTheRectangleThatLiesInThePicture) {
  const Picture picture = noise(10, 8);
  const Picture part = crop(picture, {3, 2, 4, 5});
  ASSERT_EQ(part.width, 4);
  ASSERT_EQ(part.height, 5);
  for (int y = 0; y < 5; ++y) {
    for (int x = 0; x < 4 * 4; ++x) {
      EXPECT_EQ(part.rgba[static_cast<size_t>(y * 16 + x)],
                picture.rgba[static_cast<size_t>((y + 2) * 40 + 12 + x)]);
    }
  }
  EXPECT_EQ(crop(picture, {8, 6, 100, 100}).rgba.size(), 2u * 2u * 4u);
  EXPECT_EQ(crop(picture, {-5, -5, 6, 6}).width, 1);
  EXPECT_EQ(crop(picture, {20, 20, 5, 5}).rgba.size(), 0u);
}

TEST(Icon, IsOpaqueInTheMiddleAndClearInTheCorners) {
  for (const int size : {16, 48, 128}) {
    const Picture icon = icon_picture(size);
    const auto alpha = [&](int x, int y) {
      return icon.rgba[static_cast<size_t>(y * size + x) * 4 + 3];
    };
    ASSERT_EQ(icon.rgba.size(), static_cast<size_t>(size * size) * 4);
    EXPECT_EQ(alpha(size / 2, size / 2), 255);
    EXPECT_LT(alpha(0, 0), 64);
    EXPECT_LT(alpha(size - 1, size - 1), 64);
  }
}

}  // namespace
}  // namespace kvreel::viewer
