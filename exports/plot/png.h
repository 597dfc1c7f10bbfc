// Pixels as PNG, through libpng.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/plot/paint.h"

namespace kvreel::plot {

struct PngText {
  std::string keyword;  // PNG allows 1 to 79 characters of Latin-1; others are left out
  std::string text;     // UTF-8
};

// dots_per_inch 0: not said. Without alpha where every pixel is opaque; no time of writing. Throws
// Error where libpng refuses the picture, as one of no pixels.
std::string encode_png(const Raster& raster, double dots_per_inch = 0,
                       const std::vector<PngText>& texts = {});

}  // namespace kvreel::plot
