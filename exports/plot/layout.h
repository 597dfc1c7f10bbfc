// Where everything of a figure lies: axes, ticks, legends, labels, data.
#pragma once

#include "exports/plot/figure.h"
#include "exports/plot/fonts.h"
#include "exports/plot/scene.h"
#include "exports/plot/style.h"

namespace kvreel::plot {

// The same figure, style and fonts give the same scene. Lines are reduced to first, least, largest
// and last value of each dot of the paper, or of half the stroke where that is wider (M4: Jugel et
// al., VLDB 2014), maps to a cell a dot. Throws Error where the figure is not one (check()) or
// does not fit into the size.
Scene layout(const Figure& figure, const Style& style, const Fonts& fonts);

}  // namespace kvreel::plot
