// A scene while it is drawn.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/plot/area.h"
#include "exports/plot/fonts.h"
#include "exports/plot/metrics.h"
#include "exports/plot/scene.h"
#include "exports/plot/style.h"
#include "exports/plot/wrap.h"

namespace kvreel::plot {

// What every part of the layout needs. Copied freely; refers to what outlives the layout.
struct Tools {
  const Style& style;
  const Fonts& fonts;
  const Colors& colors;
  const Metrics& m;
};

// Around a text of one line whose baseline's left end is `origin`.
Area text_area(Point origin, double width, double size);
// Around a turned one, whose baseline's lower end is `origin`.
Area turned_area(Point origin, double width, double size);

struct Sheet {
  explicit Sheet(const Tools& the_tools) : tools(the_tools) {}

  // `anchor` of the text's baseline lies at `at`: 0 its left end, 0.5 its middle, 1 its right end.
  // Returns the area it takes.
  Area text(Point at, std::string_view markup, TextStyle style, Color color, double anchor = 0);
  // Reads from the bottom up; anchor 0 is its lower end.
  Area turned_text(Point at, std::string_view markup, TextStyle style, Color color,
                   double anchor = 0);
  // Lines one below the other; `first` is where the first baseline is anchored.
  void text_lines(Point first, const std::vector<std::string>& lines, TextStyle style, Color color,
                  double anchor = 0);
  // Lines one right of the other.
  void turned_lines(Point first, const std::vector<std::string>& lines, TextStyle style,
                    Color color, double anchor = 0);
  void segment(Point a, Point b, Color color, double width);
  void fill(const Area& area, Color color);
  void clip(const Area& area);
  void unclip();
  void add(Shape shape) { shapes.push_back(std::move(shape)); }

  Tools tools;
  std::vector<Shape> shapes;
};

}  // namespace kvreel::plot
