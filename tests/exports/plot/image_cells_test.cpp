// Cells of images on pixels.
#include "exports/plot/image_cells.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "exports/plot/pictures.h"
#include "exports/plot/sample_scene.h"

namespace kvreel::plot::testing {
namespace {

constexpr uint32_t kOpaqueBlack = 0xff000000, kOpaqueWhite = 0xffffffff;

TEST(ImageCells, AreWholePixelsWhereTheyAreLarge) {
  const Image image = cells(1, 2, 4, 3, 4, 3);
  const PixelBox box = pixels_of(image, 5);
  EXPECT_EQ(box.x, 5);
  EXPECT_EQ(box.y, 10);
  EXPECT_EQ(box.width, 20);
  EXPECT_EQ(box.height, 15);
  const std::vector<uint32_t> pixels = resample(image, 5, box);
  for (std::size_t y = 0; y < 15; ++y) {
    for (std::size_t x = 0; x < 20; ++x) {
      EXPECT_EQ(pixels[y * 20 + x], image.pixels[y / 5 * 4 + x / 5]) << x << ' ' << y;
    }
  }
}

TEST(ImageCells, ThatLieBetweenPixelsAreNotMixed) {
  const Image image = cells(0.3, 0.7, 7.1, 3.3, 5, 3);
  const std::set<uint32_t> colors(image.pixels.begin(), image.pixels.end());
  const PixelBox box = pixels_of(image, 3.7);
  for (const uint32_t pixel : resample(image, 3.7, box)) EXPECT_TRUE(colors.contains(pixel));
}

TEST(ImageCells, AreAveragedWhereTheyAreSmallerThanAPixel) {
  Image image{0, 0, 10, 1, 1000, 1, std::vector<uint32_t>(1000, kOpaqueBlack)};
  image.pixels[537] = kOpaqueWhite;
  const std::vector<uint32_t> pixels = resample(image, 1, pixels_of(image, 1));
  ASSERT_EQ(pixels.size(), 10u);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    EXPECT_EQ(pixels[i], i == 5 ? 0xff030303u : kOpaqueBlack) << i;  // 255 / 100 is 2.55
  }
  // Cells that straddle two pixels count for both, by their shares.
  const Image three{0, 0, 2, 1, 3, 1, {kOpaqueWhite, kOpaqueWhite, kOpaqueBlack}};
  EXPECT_EQ(resample(three, 1, pixels_of(three, 1)),
            (std::vector<uint32_t>{kOpaqueWhite, 0xff555555u}));
  // Transparent cells lend no colour.
  const Image holes{0, 0, 1, 1, 2, 1, {kOpaqueWhite, 0}};
  EXPECT_EQ(resample(holes, 1, pixels_of(holes, 1)), (std::vector<uint32_t>{0x80ffffffu}));
}

TEST(ImageCells, AreAveragedAlongOneAxisAndLeftSharpAlongTheOther) {
  Image image{0, 0, 2, 4, 4, 2, {}};
  for (const uint32_t row : {kOpaqueBlack, kOpaqueWhite})
    image.pixels.insert(image.pixels.end(), 4, row);
  const std::vector<uint32_t> pixels = resample(image, 1, pixels_of(image, 1));
  EXPECT_EQ(pixels,
            (std::vector<uint32_t>{kOpaqueBlack, kOpaqueBlack, kOpaqueBlack, kOpaqueBlack,
                                   kOpaqueWhite, kOpaqueWhite, kOpaqueWhite, kOpaqueWhite}));
}

TEST(ImageCells, BecomeBlocksOfAnEighthOfAPoint) {
  const Image image = cells(0, 0, 2, 1, 4, 2);
  const Image blocks = as_blocks(image);
  EXPECT_EQ(blocks.columns, 16);
  EXPECT_EQ(blocks.rows, 8);
  for (std::size_t y = 0; y < 8; ++y) {
    for (std::size_t x = 0; x < 16; ++x) {
      EXPECT_EQ(blocks.pixels[y * 16 + x], image.pixels[y / 4 * 4 + x / 4]);
    }
  }
  const Image large = as_blocks(cells(0, 0, 2000, 2000, 30, 40));
  EXPECT_LE(static_cast<double>(large.columns) * large.rows, 4e6);
  EXPECT_EQ(large.columns % 30, 0);
  EXPECT_EQ(large.rows % 40, 0);
  const Image dense = cells(0, 0, 10, 10, 100, 100);
  EXPECT_EQ(as_blocks(dense).pixels, dense.pixels);
}

}  // namespace
}  // namespace kvreel::plot::testing
