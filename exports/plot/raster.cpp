// Scenes as pixels, and as PNG.
#include <cairo.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "base/error.h"
#include "exports/plot/cairo_painter.h"
#include "exports/plot/output.h"
#include "exports/plot/paint.h"
#include "exports/plot/png.h"

namespace kvreel::plot {
namespace {

constexpr double kMostPixels = 32767;  // along an edge: Cairo's limit
constexpr double kPointsPerInch = 72;

// Of Cairo's pixel 0xAARRGGBB, premultiplied.
uint32_t straight(uint32_t pixel) {
  const uint32_t alpha = pixel >> 24;
  if (alpha == 0) return 0;
  const auto channel = [&](int shift) {
    return std::min<uint32_t>(255, ((pixel >> shift & 0xff) * 255 + alpha / 2) / alpha);
  };
  return alpha << 24 | channel(0) << 16 | channel(8) << 8 | channel(16);
}

int pixels_along(double points, double pixels_per_point) {
  const double pixels = std::round(points * pixels_per_point);
  // Not a number fails, too.
  if (!(pixels <= kMostPixels)) {
    fail(
        "A figure {:.0f} points wide or high has {:.0f} pixels there at {:.0f} dots per inch, and "
        "{:.0f} is the most; choose fewer dots per inch or a smaller size.",
        points, pixels, pixels_per_point * kPointsPerInch, kMostPixels);
  }
  return std::max(1, static_cast<int>(pixels));
}

Raster draw(const Scene& scene, const Fonts& fonts, double pixels_per_point, Content content) {
  Raster raster;
  raster.width = pixels_along(scene.width, pixels_per_point);
  raster.height = pixels_along(scene.height, pixels_per_point);
  const CairoSurface surface(
      cairo_image_surface_create(CAIRO_FORMAT_ARGB32, raster.width, raster.height));
  check_cairo(cairo_surface_status(surface.get()));
  const CairoContext cairo(cairo_create(surface.get()));
  cairo_scale(cairo.get(), pixels_per_point, pixels_per_point);
  paint(cairo.get(), scene, fonts, Target::pixels, content);
  cairo_surface_flush(surface.get());
  const unsigned char* data = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  raster.pixels.reserve(static_cast<std::size_t>(raster.width) *
                        static_cast<std::size_t>(raster.height));
  for (int y = 0; y < raster.height; ++y) {
    const auto* row =
        reinterpret_cast<const uint32_t*>(data + static_cast<std::ptrdiff_t>(y) * stride);
    std::transform(row, row + raster.width, std::back_inserter(raster.pixels), straight);
  }
  return raster;
}

}  // namespace

Raster rasterize(const Scene& scene, const Fonts& fonts, double pixels_per_point) {
  return draw(scene, fonts, pixels_per_point, Content::all);
}

Raster rasterize_text(const Scene& scene, const Fonts& fonts, double pixels_per_point) {
  return draw(scene, fonts, pixels_per_point, Content::text);
}

void write_png(std::ostream& out, const Scene& scene, const Fonts& fonts, double dots_per_inch) {
  const Raster raster = rasterize(scene, fonts, dots_per_inch / kPointsPerInch);
  std::vector<PngText> texts;
  if (!scene.title.empty()) texts.push_back({"Title", scene.title});
  texts.push_back({"Software", "kvreel"});
  for (const auto& [key, value] : scene.metadata) texts.push_back({key, value});
  write_all(out, encode_png(raster, dots_per_inch, texts), "PNG");
}

}  // namespace kvreel::plot
