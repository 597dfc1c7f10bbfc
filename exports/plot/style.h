// How a figure looks: size, colours, fonts. Names are what a person writes on the command line.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exports/plot/figure.h"
#include "exports/plot/fonts.h"
#include "exports/plot/scene.h"

namespace kvreel::plot {

// Points. height 0: by the figure.
struct Size {
  double width = 0, height = 0;
  bool operator==(const Size&) const = default;
};

struct NamedSize {
  std::string_view name;
  std::string_view meaning;  // "one column of the ACL style files, 7.7 cm"
  Size size;
};
// acl-column, acl-page, neurips, icml-column, icml-page, iclr, ieee-column, ieee-page, slide, ...
std::span<const NamedSize> known_sizes();
// A name, "88x60mm", "3.25in", "400x300pt". Throws UsageError with the nearest name.
Size parse_size(std::string_view text);

enum class Palette : uint8_t { okabe_ito, tol_bright, grey };
// Throws UsageError with the nearest name.
Palette parse_palette(std::string_view name);
Family parse_family(std::string_view name);  // "dejavu", "latin-modern"
std::span<const std::string_view> known_palettes();
std::span<const std::string_view> known_families();

struct Style {
  Size size;
  Family family = Family::dejavu;
  Palette palette = Palette::okabe_ito;
  bool dark = false;
  bool transparent = false;    // no ground
  bool title = true;           // the figure's
  bool footer = true;          // trace, policies and n in small type under the figure
  double text_size = 9;        // em of axis labels, points; others follow
  double line_width = 1.25;    // of series, points
  double dots_per_inch = 300;  // what lines and maps are reduced for
  bool operator==(const Style&) const = default;
};
// "screen": title, footer. "print": neither, for a paper that has a caption; text of 8 points.
// "slide": large and bold. "dark": screen on a dark ground. Throws UsageError with the nearest
// name.
Style parse_style(std::string_view name);
std::span<const std::string_view> known_styles();

// Colours of a style, by meaning.
struct Colors {
  Color ground, text, quiet, grid, axis, frame;  // quiet: secondary text; frame: of notes
  Color kept, evicted, sink, threshold, neutral, faint;
  std::vector<Color> series;
};
Colors colors_of(const Style& style);

// 256 colours of a map, from its least value to its largest. Source: the viridis and cividis tables
// of matplotlib (CC0); grey: linear in CIELAB lightness.
std::span<const Color> colors_of(Colormap map, bool dark);

}  // namespace kvreel::plot
