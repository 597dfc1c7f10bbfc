// A picture in memory, and as a PNG file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "viewer/panels/ui.h"

namespace kvreel::viewer {

struct Picture {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgba;  // [height][width][4], top row first
};

// Written beside and renamed, so that a file is whole or not there. Throws Error.
void write_png(const std::string& path, const Picture& picture);
// Throws Error for what is no PNG.
Picture read_png(const std::string& path);
// The part of `rect` (rounded to pixels) that lies in the picture; may be empty.
Picture crop(const Picture& picture, const Rect& rect);

}  // namespace kvreel::viewer
