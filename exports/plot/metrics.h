// Sizes of a figure's parts, all from the style's text and line.
#pragma once

#include "exports/plot/style.h"

namespace kvreel::plot {

// Points.
struct Metrics {
  // Ems of the four sizes of text: the figure's title; axis labels and panels' titles; tick labels,
  // legend, notes; the footer.
  double title = 0, text = 0, small = 0, footer = 0;
  double unit = 0;    // the grid of spacing: a quarter of the text's em
  double margin = 0;  // around the figure
  double tick = 0;    // length of a tick, outside
  double hair = 0;    // width of axes and ticks
  double line = 0;    // width of a series
  double marker = 0;  // radius
  double dot = 0;     // of the paper: what lines and maps are reduced to
};
Metrics metrics_of(const Style& style);

inline constexpr double kLineHeight = 1.2;  // baseline to baseline, of an em
// Of an em: what letters take above and below their baseline, for boxes around text.
inline constexpr double kAbove = 0.78;
inline constexpr double kBelow = 0.22;

}  // namespace kvreel::plot
