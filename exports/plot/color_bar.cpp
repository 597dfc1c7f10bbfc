// Colour bars.
#include "exports/plot/color_bar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "exports/plot/color_math.h"
#include "exports/plot/numbers.h"

namespace kvreel::plot {
namespace {

// Of the text's em.
constexpr double kBarWidth = 0.9;

std::string_view aggregate_name(const HeatMap& map) {
  switch (map.aggregate) {
    case Aggregate::mean:
      return map.kinds.empty() ? "mean" : "most frequent";
    case Aggregate::max:
      return "max";
    case Aggregate::min:
      return "min";
  }
  return "";
}

// The first and one past the last cell of `n` between `from` and `to` that the axis shows.
std::pair<std::size_t, std::size_t> visible(std::size_t n, double from, double to,
                                            const Mapping& axis) {
  const double step = (to - from) / static_cast<double>(n);
  const double first = std::floor((axis.low - from) / step + 1e-9);
  const double last = std::ceil((axis.high - from) / step - 1e-9);
  const auto limit = static_cast<double>(n);
  return {static_cast<std::size_t>(std::clamp(first, 0., limit)),
          static_cast<std::size_t>(std::clamp(last, 0., limit))};
}

// How many cells of `size` points a dot holds.
std::size_t joined(double cell, std::size_t cells, double dot) {
  const double most = std::max(1., std::floor(cell * static_cast<double>(cells) / dot + 1e-6));
  return static_cast<std::size_t>(std::ceil(static_cast<double>(cells) / most - 1e-9));
}

// What the colours are, then how cells were joined. Where both do not fit, the first is shortened:
// that a number is a maximum must be said.
std::vector<std::string> label_lines(const std::string& value, const std::string& joined_cells_text,
                                     double length, const Tools& tools) {
  const TextStyle style{tools.m.small, false};
  if (value.empty() && joined_cells_text.empty()) return {};
  const std::string comma = value.empty() || joined_cells_text.empty() ? "" : ", ";
  Lines lines = wrap(tools.fonts, value + comma + joined_cells_text, style, length, 3, Cut::end);
  if (lines.whole || comma.empty()) return lines.lines;
  lines = wrap(tools.fonts, value, style, length, 2, Cut::end);
  const Lines more = wrap(tools.fonts, joined_cells_text, style, length, 3, Cut::end);
  lines.lines.insert(lines.lines.end(), more.lines.begin(), more.lines.end());
  return lines.lines;
}

}  // namespace

ColorScale color_scale(const HeatMap& map) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const float value : map.values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, static_cast<double>(value));
    high = std::max(high, static_cast<double>(value));
  }
  low = map.low.value_or(std::isfinite(low) ? low : 0);
  high = map.high.value_or(std::isfinite(high) ? high : 1);
  if (!(high > low)) high = low + (low == 0 ? 1 : std::abs(low) * 0.1);
  return {low, high};
}

VisibleCells visible_cells(const HeatMap& map, const Mapping& x, const Mapping& y) {
  VisibleCells cells;
  if (map.rows == 0 || map.columns == 0) return cells;
  std::tie(cells.column0, cells.column1) = visible(map.columns, map.x0, map.x1, x);
  std::tie(cells.row0, cells.row1) = visible(map.rows, map.y0, map.y1, y);
  return cells;
}

JoinedCells joined_cells(const HeatMap& map, const Mapping& x, const Mapping& y, double dot) {
  const VisibleCells cells = visible_cells(map, x, y);
  if (cells.row0 >= cells.row1 || cells.column0 >= cells.column1) return {};
  const double width = std::abs(x(map.x1) - x(map.x0)) / static_cast<double>(map.columns);
  const double height = std::abs(y(map.y1) - y(map.y0)) / static_cast<double>(map.rows);
  return {joined(height, cells.row1 - cells.row0, dot),
          joined(width, cells.column1 - cells.column0, dot)};
}

std::string joined_text(const HeatMap& map, JoinedCells cells, const Panel& panel) {
  if (cells.rows <= 1 && cells.columns <= 1) return "";
  const auto name = [](const Axis& axis, std::string_view plain) {
    return axis.format == Format::tokens ? std::string_view("tokens") : plain;
  };
  const bool kinds = !map.kinds.empty() && map.aggregate == Aggregate::mean;
  std::string text = fmt::format("{} {} ", aggregate_name(map), kinds ? "of" : "over");
  if (cells.columns > 1) text += fmt::format("{} {}", cells.columns, name(panel.x, "columns"));
  if (cells.rows > 1 && cells.columns > 1) text += " \u00d7 ";
  if (cells.rows > 1) text += fmt::format("{} {}", cells.rows, name(panel.y, "rows"));
  return text;
}

std::span<const Color> map_colors(const HeatMap& map, const Style& style) {
  const bool grey = style.palette == Palette::grey;
  return colors_of(grey ? Colormap::grey : map.colormap, style.dark);
}

ColorBar place_color_bar(const HeatMap& map, const std::string& joined_cells_text, double left,
                         double top, double bottom, double below, const Tools& tools) {
  const Metrics& m = tools.m;
  ColorBar bar;
  bar.map = &map;
  bar.bar = {left, top, left + kBarWidth * m.text, bottom};
  Axis axis;
  axis.format = map.format;
  const ColorScale scale = color_scale(map);
  bar.scale = {scale.low, scale.high, Scale::linear, bottom, top};
  bar.ticks = choose_ticks(axis, bar.scale, false, 0, tools);
  bar.label = label_lines(with_unit(map.value_label, bar.ticks.unit), joined_cells_text,
                          bottom - top + below, tools);
  double longest = 0;
  for (const std::string& line : bar.label) {
    longest = std::max(longest, tools.fonts.width(line, m.small));
  }
  bar.label_at.x =
      bar.bar.right + label_gap(m, bar.ticks) + bar.ticks.extent + 1.5 * m.unit + kAbove * m.small;
  // In the middle of the bar; what is longer begins at its top and ends below it.
  bar.label_at.y = std::max(bar.bar.center_y(), top + longest / 2);
  return bar;
}

double right_edge(const ColorBar& bar, const Tools& tools) {
  const Metrics& m = tools.m;
  if (bar.label.empty()) return bar.bar.right + label_gap(m, bar.ticks) + bar.ticks.extent;
  return bar.label_at.x + (static_cast<double>(bar.label.size()) - 1) * kLineHeight * m.small +
         kBelow * m.small;
}

void draw_color_bar(Sheet& sheet, const ColorBar& bar) {
  const Tools& tools = sheet.tools;
  const Metrics& m = tools.m;
  const std::span<const Color> colors = map_colors(*bar.map, tools.style);
  Image image{bar.bar.left,
              bar.bar.top,
              bar.bar.width(),
              bar.bar.height(),
              1,
              static_cast<int>(colors.size()),
              {}};
  for (std::size_t i = colors.size(); i-- > 0;) image.pixels.push_back(to_pixel(colors[i]));
  sheet.add(std::move(image));
  const double middle = tools.fonts.cap_height(m.small) / 2;
  for (const double y : bar.ticks.at) {
    sheet.segment({bar.bar.right, y}, {bar.bar.right + m.tick, y}, tools.colors.axis, m.hair);
  }
  for (const TickLabel& label : bar.ticks.labels) {
    sheet.text_lines({bar.bar.right + label_gap(m, bar.ticks), label.at + middle}, label.lines,
                     {m.small, false}, tools.colors.quiet);
  }
  sheet.turned_lines(bar.label_at, bar.label, {m.small, false}, tools.colors.text, 0.5);
}

}  // namespace kvreel::plot
