// Shapes as they are drawn.
#include "exports/plot/sheet.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvreel::plot {
namespace {

Text make_text(const Fonts& fonts, std::string_view markup, TextStyle style, Color color,
               double anchor) {
  Text text;
  text.runs = fonts.set(markup, style.size, style.bold);
  text.width = fonts.width(markup, style.size, style.bold);
  text.color = color;
  text.anchor = anchor;
  return text;
}

}  // namespace

Area text_area(Point origin, double width, double size) {
  return {origin.x, origin.y - kAbove * size, origin.x + width, origin.y + kBelow * size};
}

Area turned_area(Point origin, double width, double size) {
  return {origin.x - kAbove * size, origin.y - width, origin.x + kBelow * size, origin.y};
}

Area Sheet::text(Point at, std::string_view markup, TextStyle style, Color color, double anchor) {
  if (markup.empty()) return {at.x, at.y, at.x, at.y};
  Text text = make_text(tools.fonts, markup, style, color, anchor);
  text.origin = {at.x - anchor * text.width, at.y};
  const Area area = text_area(text.origin, text.width, style.size);
  add(std::move(text));
  return area;
}

Area Sheet::turned_text(Point at, std::string_view markup, TextStyle style, Color color,
                        double anchor) {
  if (markup.empty()) return {at.x, at.y, at.x, at.y};
  Text text = make_text(tools.fonts, markup, style, color, anchor);
  text.turned = true;
  text.origin = {at.x, at.y + anchor * text.width};
  const Area area = turned_area(text.origin, text.width, style.size);
  add(std::move(text));
  return area;
}

void Sheet::text_lines(Point first, const std::vector<std::string>& lines, TextStyle style,
                       Color color, double anchor) {
  for (const std::string& line : lines) {
    text(first, line, style, color, anchor);
    first.y += kLineHeight * style.size;
  }
}

void Sheet::turned_lines(Point first, const std::vector<std::string>& lines, TextStyle style,
                         Color color, double anchor) {
  for (const std::string& line : lines) {
    turned_text(first, line, style, color, anchor);
    first.x += kLineHeight * style.size;
  }
}

void Sheet::segment(Point a, Point b, Color color, double width) {
  add(Polyline{{a, b}, color, width, {}});
}

void Sheet::fill(const Area& area, Color color) {
  add(Rectangle{area.left, area.top, area.width(), area.height(), color, {0, 0, 0, 0}, 0, 0});
}

void Sheet::clip(const Area& area) {
  add(Clip{area.left, area.top, area.width(), area.height()});
}

void Sheet::unclip() {
  add(Unclip{});
}

}  // namespace kvreel::plot
