// Two panes that share an area, with a gap between them that a person can drag.
#pragma once

#include <optional>

#include "viewer/panels/ui.h"

namespace kvreel::viewer {

struct SplitPanes {
  Rect first;
  Rect second;
};

struct SplitOptions {
  bool beside = true;  // else one below the other
  // Pixels of the first pane (of the second, where `of_second`) where nobody has dragged the gap.
  float usual = 0;
  bool of_second = false;
  // Pixels that neither gets smaller than; in an area without room for both, in this proportion.
  float least_first = 0;
  float least_second = 0;
};

// The gap is an item of this name. `share`: what the first pane takes of both, once the gap was
// dragged; a double click makes it none again. Sizes are whole pixels.
SplitPanes split_panes(Frame& frame, const char* name, const Rect& area,
                       const SplitOptions& options, std::optional<float>& share);

}  // namespace kvreel::viewer
