// Cells of images on the pixels of a device, and as blocks of pixels.
#pragma once

#include <cstdint>
#include <vector>

#include "exports/plot/scene.h"

namespace kvreel::plot {

// A rectangle of device pixels.
struct PixelBox {
  int x = 0, y = 0, width = 0, height = 0;
};

// The pixels that the image touches at `scale` pixels a point.
PixelBox pixels_of(const Image& image, double scale);

// [box.height][box.width] pixels 0xAABBGGRR, not premultiplied. Along each axis: where a cell is a
// pixel or more, a pixel is the cell under its middle; where cells are smaller, it is their mean by
// area, so that none is lost.
std::vector<uint32_t> resample(const Image& image, double scale, const PixelBox& box);

// The image with every cell as a block of pixels of an eighth of a point at most (larger where the
// whole would have more than 4 million): viewers that smooth every image (librsvg 2.54 and what is
// built on it, some of PDF) then show sharp edges, too.
Image as_blocks(const Image& image);

}  // namespace kvreel::plot
