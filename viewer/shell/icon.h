// The program's icon, drawn: the same as kvreel-viewer.svg.
#pragma once

#include "viewer/shell/picture.h"

namespace kvreel::viewer {

// `size` x `size` pixels, with transparent corners.
Picture icon_picture(int size);

}  // namespace kvreel::viewer
