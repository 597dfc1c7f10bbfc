// Scenes on paper: PDF and PNG through Cairo, SVG by a small writer of our own, in which text stays
// text (Cairo 1.16 makes outlines of it).
//
// The same scene gives the same bytes: a PDF's date is the metadata's "recorded" (ISO 8601, UTC)
// or, where there is none, 2000-01-01. Metadata goes into the PDF's document information (all pairs
// in Subject, the title in Title), the PNG's text chunks and the SVG's <metadata> element.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "exports/plot/fonts.h"
#include "exports/plot/scene.h"

namespace kvreel::plot {

// Each throws Error where the stream does not take the bytes.
void write_pdf(std::ostream& out, const Scene& scene, const Fonts& fonts);
void write_svg(std::ostream& out, const Scene& scene, const Fonts& fonts);
void write_png(std::ostream& out, const Scene& scene, const Fonts& fonts,
               double dots_per_inch = 300);

// [height][width] pixels 0xAABBGGRR, not premultiplied.
struct Raster {
  int width = 0, height = 0;
  std::vector<uint32_t> pixels;
};
// What write_png() writes. A cell of an image that is smaller than a pixel is averaged with its
// neighbours. Throws Error where an edge would have more than 32767 pixels.
Raster rasterize(const Scene& scene, const Fonts& fonts, double pixels_per_point);
// Its texts alone on a transparent ground, for painters that have no fonts of their own.
Raster rasterize_text(const Scene& scene, const Fonts& fonts, double pixels_per_point);

}  // namespace kvreel::plot
