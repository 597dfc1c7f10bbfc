// Sizes of a figure's parts.
#include "exports/plot/metrics.h"

#include <algorithm>

namespace kvreel::plot {

Metrics metrics_of(const Style& style) {
  const double em = style.text_size;
  Metrics m;
  m.title = em * 1.2;
  m.text = em;
  m.small = em * 0.875;
  m.footer = em * 0.8;
  m.unit = em / 4;
  // A figure in a paper has the paper's own margin.
  m.margin = style.title || style.footer ? 4 * m.unit : m.unit / 2;
  m.tick = em * 0.3;
  m.hair = std::max(0.4, em * 0.06);
  m.line = style.line_width;
  m.marker = em * 0.14 + style.line_width * 0.7;
  m.dot = 72 / std::clamp(style.dots_per_inch, 36., 4800.);
  return m;
}

}  // namespace kvreel::plot
