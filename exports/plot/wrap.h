// Markup broken into lines, and shortened where it is still too long.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "exports/plot/fonts.h"

namespace kvreel::plot {

// What cannot be taken apart: a character, an escaped one, or a group such as _{i}.
std::vector<std::string_view> markup_units(std::string_view markup);

struct TextStyle {
  double size = 0;  // em in points
  bool bold = false;
};

// Where an ellipsis goes: sentences lose their end; of names, the end tells them apart.
enum class Cut { end, middle };

// `markup` itself where it is not wider than `width` (points), else as much of it as fits, with an
// ellipsis.
std::string shorten(const Fonts& fonts, std::string_view markup, TextStyle text, double width,
                    Cut cut);

// Of lines: as long as each other, or full but for the last one, as in running text.
enum class Filling { even, full };

struct Lines {
  std::vector<std::string> lines;
  double width = 0;   // of the widest
  bool whole = true;  // nothing was left out
};
// Few lines, at most `most`. Breaks at spaces, and in names after : ; , / _ - and =,
// the first of these preferred: an option stays with its value where another line has room.
Lines wrap(const Fonts& fonts, std::string_view markup, TextStyle text, double width,
           std::size_t most, Cut cut, Filling filling = Filling::even);

}  // namespace kvreel::plot
