// What marks look like: colour, dash, marker and fill, by meaning or by the series' name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exports/plot/figure.h"
#include "exports/plot/sheet.h"

namespace kvreel::plot {

enum class Marker : uint8_t {
  disc,
  square,
  triangle,
  diamond,
  ring,
  frame,  // a hollow square
  wedge,  // a triangle that stands on its tip
  cross,
};

// Stripes across a filled area: a cue that does not need colour.
enum class Hatch : uint8_t { none, rising, falling, crossed };

struct Look {
  Color color;                 // of lines, markers, outlines
  Color fill;                  // of bars and cells
  Color tint;                  // of boxes, behind their outline
  Color band;                  // with alpha, around a line
  std::vector<double> dashes;  // in units of the line's width; empty: solid
  Marker marker = Marker::disc;
  Hatch hatch = Hatch::none;  // of bars
};

class Looks {
 public:
  // Names of series in the order of their first appearance in the figure.
  Looks(const Figure& figure, const Tools& tools);

  Look of(Ink ink, std::string_view series = {}, Dash dash = Dash::automatic) const;
  const std::vector<std::string>& names() const { return names_; }

 private:
  Look of_series(std::size_t index) const;

  std::vector<std::string> names_;
  Tools tools_;
};

// Dashes in points for a line of this width; the ends of dashes are round.
std::vector<double> scaled(const std::vector<double>& dashes, double line_width);

void draw_marker(Sheet& sheet, Point center, double radius, const Look& look);
void draw_hatch(Sheet& sheet, const Area& area, const Look& look);

}  // namespace kvreel::plot
