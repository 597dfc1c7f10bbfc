// Scenes as pixels and PNG.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "exports/plot/fonts.h"
#include "exports/plot/paint.h"
#include "exports/plot/pictures.h"
#include "exports/plot/sample_scene.h"

namespace kvreel::plot::testing {
namespace {

Scene empty_scene(double width, double height, Color ground = {255, 255, 255, 255}) {
  Scene scene;
  scene.width = width;
  scene.height = height;
  scene.ground = ground;
  return scene;
}

TEST(Raster, HasExactColoursInsideShapes) {
  const Fonts fonts;
  const Raster raster = rasterize(sample_scene(fonts), fonts, 4);
  EXPECT_EQ(raster.width, 960);
  EXPECT_EQ(raster.height, 720);
  const auto at = [&](double x, double y) {
    return pixel(raster, static_cast<int>(4 * x), static_cast<int>(4 * y));
  };
  EXPECT_EQ(at(2, 2), 0xffffffffu);
  EXPECT_EQ(at(20, 28), pixel_of(kBlue));
  EXPECT_EQ(pixel(raster, 40, 96), pixel_of(kBlue));  // the first of the rectangle
  EXPECT_EQ(pixel(raster, 39, 96), 0xffffffffu);
  EXPECT_EQ(at(70, 28), pixel_of(kOrange));
  EXPECT_EQ(at(50.1, 28), pixel_of(kBlack));  // its frame
  EXPECT_EQ(at(90.2, 24.2), 0xffffffffu);     // a round corner
  EXPECT_EQ(at(105, 34), 0xfff0f0f0u);
  EXPECT_EQ(at(30, 95), pixel_of(kOrange));  // a marker
  EXPECT_EQ(at(20, 95), pixel_of(kBlack));   // a line of one point
  EXPECT_EQ(at(148, 130), pixel_of(kGreen));
  EXPECT_EQ(at(153, 130), 0xffffffffu);  // clipped
  // 128/255 of green over white: 255 + (0 - 255) * 128/255 = 127, and so on; Cairo rounds by one.
  EXPECT_LE(difference(at(45, 50), 0xffb9ce7fu), 1) << std::hex << at(45, 50);
}

TEST(Raster, ShowsCellsExactlyAtWholeScales) {
  const Fonts fonts;
  Scene scene = empty_scene(40, 30);
  const Image image = cells(5, 5, 32, 20, 8, 5);
  scene.shapes = {image};
  const Raster raster = rasterize(scene, fonts, 3);
  for (int y = 15; y < 75; ++y) {
    for (int x = 15; x < 111; ++x) {
      const int cell = (y - 15) / 12 * 8 + (x - 15) / 12;
      ASSERT_EQ(pixel(raster, x, y), image.pixels[static_cast<std::size_t>(cell)]) << x << ' ' << y;
    }
  }
  EXPECT_EQ(pixel(raster, 14, 20), 0xffffffffu);
  EXPECT_EQ(pixel(raster, 111, 20), 0xffffffffu);
}

TEST(Raster, IsStraightAndTransparentWithoutGround) {
  const Fonts fonts;
  Scene scene = empty_scene(10, 10, {0, 0, 0, 0});
  scene.shapes = {Rectangle{2, 2, 4, 4, {200, 100, 50, 100}}};
  const Raster raster = rasterize(scene, fonts, 1);
  EXPECT_EQ(pixel(raster, 0, 0), 0u);
  const uint32_t inside = pixel(raster, 4, 4);
  EXPECT_EQ(inside >> 24, 100u);
  // Premultiplied and back: 255/100 steps.
  EXPECT_LE(difference(inside, 0x643264c8u), 2) << std::hex << inside;
}

TEST(Raster, OfASeeThroughLineIsNoDarkerWhereItCrossesItself) {
  const Fonts fonts;
  Scene scene = empty_scene(100, 100);
  Polyline line{{}, {0, 0, 0, 128}, 6, {}};
  for (int i = 0; i < 400; ++i)
    line.points.push_back({50 + 40 * std::cos(i), 50 + 40 * std::sin(i)});
  scene.shapes = {line};
  const Raster raster = rasterize(scene, fonts, 2);
  uint32_t darkest = 255;
  for (const uint32_t p : raster.pixels) darkest = std::min(darkest, p & 0xff);
  EXPECT_NEAR(darkest, 127, 1);
}

// Long lines are stroked in pieces; what is seen is one stroke, dashes included.
TEST(Raster, OfALongLineIsThatOfItsStroke) {
  const Fonts fonts;
  for (const std::vector<double>& dashes : {std::vector<double>{}, {6, 4}, {0, 3}}) {
    Scene many = empty_scene(200, 20), few = many;
    Polyline line{{}, {0, 0, 0, 255}, 1.5, dashes};
    for (int i = 0; i <= 1800; ++i) line.points.push_back({10 + i * 0.1, 10});
    many.shapes = {line};
    line.points = {{10, 10}, {190, 10}};
    few.shapes = {line};
    const Raster a = rasterize(many, fonts, 2), b = rasterize(few, fonts, 2);
    for (std::size_t i = 0; i < a.pixels.size(); ++i) {
      // Ends of pieces overlap: their antialiased edges count twice, 1 - (1 - c)^2 - c <= 1/4.
      ASSERT_LE(difference(a.pixels[i], b.pixels[i]), 64) << i % 400 << ' ' << i / 400;
    }
  }
}

TEST(Raster, OfTextAloneHasNothingElse) {
  const Fonts fonts;
  Scene scene = empty_scene(60, 20);
  scene.shapes = {Rectangle{0, 0, 60, 20, kGreen},
                  label(fonts, {5, 15}, "HHH", 12, 0, false, false, kBlue)};
  const Raster raster = rasterize_text(scene, fonts, 4);
  EXPECT_EQ(raster.width, 240);
  std::size_t inked = 0, solid = 0;
  for (const uint32_t p : raster.pixels) {
    inked += p != 0;
    if (p >> 24 != 255) continue;
    ++solid;
    EXPECT_EQ(p, pixel_of(kBlue));
  }
  // Three H of 12 points: stems 1.18 points wide, a bar between; a tenth of the picture or so.
  EXPECT_GT(solid, raster.pixels.size() / 20);
  EXPECT_LT(inked, raster.pixels.size() / 4);
}

TEST(Raster, PutsTextBetweenPixels) {
  const Fonts fonts;
  Scene scene = empty_scene(20, 20);
  scene.shapes = {label(fonts, {5, 15}, "l", 12)};
  Scene moved = scene;
  std::get<Text>(moved.shapes[0]).origin.x += 0.5;
  EXPECT_NE(rasterize(scene, fonts, 1).pixels, rasterize(moved, fonts, 1).pixels);
}

TEST(Raster, SaysWhichSizeIsTooLarge) {
  const Fonts fonts;
  try {
    rasterize(empty_scene(7200, 10), fonts, 10);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "A figure 7200 points wide or high has 72000 pixels there at 720 dots per inch, "
                 "and 32767 is the most; choose fewer dots per inch or a smaller size.");
  }
  EXPECT_THROW(rasterize(empty_scene(std::numeric_limits<double>::quiet_NaN(), 10), fonts, 1),
               Error);
}

// --- PNG ---

struct Chunk {
  std::string type, data;
};

std::vector<Chunk> chunks_of(const std::string& png) {
  std::vector<Chunk> chunks;
  for (std::size_t i = 8; i + 8 <= png.size();) {
    std::size_t size = 0;
    for (std::size_t k = 0; k < 4; ++k) size = size << 8 | static_cast<unsigned char>(png[i + k]);
    chunks.push_back({png.substr(i + 4, 4), png.substr(i + 8, size)});
    i += size + 12;
  }
  return chunks;
}

std::string png_of(const Scene& scene, const Fonts& fonts, double dots_per_inch) {
  std::ostringstream out;
  write_png(out, scene, fonts, dots_per_inch);
  return out.str();
}

TEST(Png, IsTheRasterAndSaysItsSizeAndMetadata) {
  const Fonts fonts;
  const Scene scene = sample_scene(fonts);
  const std::string png = png_of(scene, fonts, 144);
  const Directory directory;
  const Raster read = read_png(directory.write("a.png", png));
  const Raster drawn = rasterize(scene, fonts, 2);
  EXPECT_EQ(read.width, 480);
  EXPECT_EQ(read.height, 360);
  EXPECT_EQ(read.pixels, drawn.pixels);

  std::string types;
  std::vector<std::string> texts;
  for (const Chunk& chunk : chunks_of(png)) {
    if (!types.ends_with("IDAT ") || chunk.type != "IDAT") types += chunk.type + ' ';
    if (chunk.type == "tEXt" || chunk.type == "iTXt") texts.push_back(chunk.data);
    if (chunk.type == "pHYs") {
      // 144 / 0.0254 = 5669.3 dots a metre, both ways.
      EXPECT_EQ(chunk.data, std::string("\0\0\x16\x25\0\0\x16\x25\1", 9));
    }
    if (chunk.type == "IHDR") {
      EXPECT_EQ(chunk.data[9], 2);  // RGB, for the ground is opaque
    }
  }
  EXPECT_EQ(types, "IHDR pHYs iTXt tEXt tEXt tEXt tEXt IDAT IEND ");
  using namespace std::string_literals;
  EXPECT_EQ(texts, (std::vector<std::string>{"Title\0\0\0\0\0Norm \u2016A\u2016 & budget <5 %>"s,
                                             "Software\0kvreel"s, "trace\0demo & \"more\".h5"s,
                                             "recorded\0"s + "2026-11-22T01:02:03Z",
                                             "policies\0refreekv:threshold=5% -- <all>"s}));
}

TEST(Png, KeepsTransparency) {
  const Fonts fonts;
  const std::string png = png_of(empty_scene(10, 10, {0, 0, 0, 0}), fonts, 72);
  const Directory directory;
  EXPECT_EQ(read_png(directory.write("a.png", png)).pixels, std::vector<uint32_t>(100, 0));
}

TEST(Png, LeavesOutWhatPngCannotName) {
  const Fonts fonts;
  Scene scene = empty_scene(10, 10);
  scene.metadata = {
      {"", "a"}, {" b", "b"}, {std::string(80, 'c'), "c"}, {"d\ne", "d"}, {"ok", "e"}};
  int texts = 0;
  for (const Chunk& chunk : chunks_of(png_of(scene, fonts, 72))) texts += chunk.type == "tEXt";
  EXPECT_EQ(texts, 2);  // "Software" and "ok"
}

TEST(Png, IsTheSameEveryTime) {
  const Fonts fonts;
  const std::string first = png_of(sample_scene(fonts), fonts, 100);
  const Fonts others;
  EXPECT_EQ(png_of(sample_scene(others), others, 100), first);
}

TEST(Png, FailsWhereTheStreamDoes) {
  const Fonts fonts;
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  EXPECT_THROW(write_png(out, empty_scene(10, 10), fonts), Error);
}

}  // namespace
}  // namespace kvreel::plot::testing
