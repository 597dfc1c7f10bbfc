// Which figure the figures page draws, of what, and how it looks.
#include "viewer/model/figure_look.h"

#include <algorithm>

namespace kvreel::viewer {

bool FigureLook::leaves_out(TraceId trace) const {
  return std::find(traces_left_out.begin(), traces_left_out.end(), trace) != traces_left_out.end();
}

bool FigureLook::leaves_out(const std::string& run) const {
  return std::find(runs_left_out.begin(), runs_left_out.end(), run) != runs_left_out.end();
}

plot::Style style_of(const FigureLook& look) {
  plot::Style style = plot::parse_style(look.style);
  if (!look.size.empty()) style.size = plot::parse_size(look.size);
  style.family = plot::parse_family(look.family);
  if (!look.palette.empty()) style.palette = plot::parse_palette(look.palette);
  if (look.title) style.title = *look.title;
  if (look.footer) style.footer = *look.footer;
  return style;
}

}  // namespace kvreel::viewer
