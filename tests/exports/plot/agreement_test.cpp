// PDF, SVG and PNG of one scene, drawn by other people's programs, beside rasterize().
#include <gtest/gtest.h>

#include <cstddef>
#include <sstream>
#include <string>
#include <variant>

#include "exports/plot/fonts.h"
#include "exports/plot/paint.h"
#include "exports/plot/pictures.h"
#include "exports/plot/sample_scene.h"

namespace kvreel::plot::testing {
namespace {

constexpr double kPixelsPerPoint = 4;
// Of 255, in a channel: edges are sampled in several ways, and poppler moves strokes by a fraction
// of a pixel (PDF's stroke adjustment).
constexpr int kTolerance = 48;
// Edges of dense zigzags, which rasterize() strokes in pieces, are a little darker in it. A dot
// that is missing or 3 points away costs 200 pixels; 0.01 % of the picture is 69.
constexpr double kMostBad = 1e-4;

void expect_alike(const Raster& shown, const Raster& drawn, const Scene& scene) {
  const int bad = bad_pixels(shown, drawn, kTolerance,
                             [&](int x, int y) { return near_text(scene, kPixelsPerPoint, x, y); });
  EXPECT_LE(bad, kMostBad * drawn.width * drawn.height);
}

std::string scene_file(const Directory& directory, const Scene& scene, const Fonts& fonts,
                       const std::string& name,
                       void (*write)(std::ostream&, const Scene&, const Fonts&)) {
  std::ostringstream out;
  write(out, scene, fonts);
  return directory.write(name, out.str());
}

// Text is left out: both programs draw it with Cairo, which puts its glyphs on whole pixels. Where
// it is in a PDF to a hundredth of a point, a test of PDF asks.
TEST(Agreement, PdfLooksLikeTheRasterAwayFromText) {
  if (!has_program("pdftocairo")) GTEST_SKIP() << "pdftocairo (poppler-utils) is not installed";
  const Directory directory;
  const Fonts fonts;
  const Scene scene = sample_scene(fonts);
  const std::string pdf = scene_file(directory, scene, fonts, "a.pdf", write_pdf);
  output_of("pdftocairo -png -r 288 -singlefile " + pdf + " " + directory / "a");
  const Raster shown = read_png(directory / "a.png");
  const Raster drawn = rasterize(scene, fonts, kPixelsPerPoint);
  expect_alike(shown, drawn, scene);
}

TEST(Agreement, SvgLooksLikeTheRasterAwayFromText) {
  if (!has_program("rsvg-convert")) GTEST_SKIP() << "rsvg-convert (librsvg2-bin) is not installed";
  const Directory directory;
  const Fonts fonts;
  const Scene scene = sample_scene(fonts);
  const std::string svg = scene_file(directory, scene, fonts, "a.svg", write_svg);
  output_of("rsvg-convert -d 288 -p 288 " + svg + " -o " + directory / "a.png");
  const Raster shown = read_png(directory / "a.png");
  const Raster drawn = rasterize(scene, fonts, kPixelsPerPoint);
  expect_alike(shown, drawn, scene);
}

// The comparison is one that can fail.
TEST(Agreement, SeesAShapeThatIsMissing) {
  const Fonts fonts;
  const Scene scene = sample_scene(fonts);
  const Raster drawn = rasterize(scene, fonts, kPixelsPerPoint);
  for (std::size_t i = 0; i < scene.shapes.size(); ++i) {
    if (std::holds_alternative<Text>(scene.shapes[i])) continue;
    Scene other = scene;
    other.shapes.erase(other.shapes.begin() + static_cast<std::ptrdiff_t>(i));
    const int bad =
        bad_pixels(rasterize(other, fonts, kPixelsPerPoint), drawn, kTolerance,
                   [&](int x, int y) { return near_text(scene, kPixelsPerPoint, x, y); });
    EXPECT_GT(bad, kMostBad * drawn.width * drawn.height) << "without shape " << i;
  }
}

}  // namespace
}  // namespace kvreel::plot::testing
