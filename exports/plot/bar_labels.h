// Where the labels of bars lie: both the axis, which leaves room, and the drawing must know.
#pragma once

#include <cstddef>
#include <cstdint>

#include "exports/plot/figure.h"
#include "exports/plot/limits.h"
#include "exports/plot/sheet.h"

namespace kvreel::plot {

enum class BarLabel : uint8_t {
  none,
  inside,   // in the middle of a bar on which others stand, or that stands on one with a label
  beyond,   // at its end; that of a stack whose other bars have no labels
  upright,  // at its end, turned: neighbours are too near
};
// Of bar i. `places` is the axis along which bars stand.
BarLabel bar_label(const Panel& panel, const Bars& bars, std::size_t i, const Mapping& places,
                   const Tools& tools);

}  // namespace kvreel::plot
