// Text inside a panel, placed where it keeps clear of data and of other text.
#pragma once

#include <optional>
#include <vector>

#include "exports/plot/draw.h"

namespace kvreel::plot {

// Labels of rules and ranges, notes, labels of points, in this order of precedence: notes have
// places of their own, points' labels can go round their points. Draws into `plot.over`.
void draw_labels(const Plot& plot);

// The top left corner of a box of this size inside the plot that covers nothing: in a corner, else
// in the middle of an edge. Nothing where there is no such place.
std::optional<Point> find_free_place(const Area& plot, double width, double height, double margin,
                                     const Clutter& clutter);

}  // namespace kvreel::plot
