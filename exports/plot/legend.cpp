// Legends.
#include "exports/plot/legend.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace kvreel::plot {
namespace {

// Of the small text's em.
constexpr double kKeyWidth = 1.9;
constexpr double kKeyGap = 0.5;
constexpr double kColumnGap = 1.4;
constexpr double kRowHeight = 1.35;
constexpr std::size_t kMostEntryLines = 3;  // of a name

class EntryCollector {
 public:
  explicit EntryCollector(const Looks& looks) : looks_(looks) {}

  void operator()(const Line& line) {
    if (!line.in_legend || line.series.empty()) return;
    LegendEntry& entry = entry_of(line.series, looks_.of(line.ink, line.series, line.dash));
    entry.line = true;
    entry.marker = entry.marker || line.markers;
    entry.weight = line.weight;
  }
  void operator()(const Bars& bars) {
    if (!bars.in_legend || bars.series.empty()) return;
    entry_of(bars.series, looks_.of(bars.ink, bars.series)).fill = true;
  }
  void operator()(const Boxes& boxes) {
    if (!boxes.in_legend || boxes.series.empty()) return;
    entry_of(boxes.series, looks_.of(boxes.ink, boxes.series)).box = true;
  }
  void operator()(const Points& points) {
    if (!points.in_legend || points.series.empty()) return;
    entry_of(points.series, looks_.of(points.ink, points.series)).marker = true;
  }
  void operator()(const HeatMap& map) {
    for (const auto& [ink, name] : map.kinds) {
      LegendEntry entry;
      entry.name = name;
      entry.look = looks_.of(ink, name);
      entry.look.hatch = Hatch::none;  // cells have no stripes
      entry.fill = true;
      const auto same = [&](const LegendEntry& other) { return other.name == entry.name; };
      if (std::none_of(kinds_.begin(), kinds_.end(), same)) kinds_.push_back(entry);
    }
  }
  void operator()(const Range&) {}
  void operator()(const Rule&) {}
  void operator()(const Note&) {}

  std::vector<LegendEntry> take() {
    for (LegendEntry& kind : kinds_) entries_.push_back(std::move(kind));
    return std::move(entries_);
  }

 private:
  LegendEntry& entry_of(const std::string& name, const Look& look) {
    for (LegendEntry& entry : entries_) {
      if (entry.name == name) return entry;
    }
    LegendEntry entry;
    entry.name = name;
    entry.look = look;
    entries_.push_back(std::move(entry));
    return entries_.back();
  }

  const Looks& looks_;
  std::vector<LegendEntry> entries_;
  std::vector<LegendEntry> kinds_;
};

void draw_key(Sheet& sheet, const LegendEntry& entry, const Area& key) {
  const Metrics& m = sheet.tools.m;
  const double y = key.center_y();
  if (entry.fill || entry.box) {
    const double half = m.small * 0.36;
    const Area swatch{key.left, y - half, key.right, y + half};
    sheet.fill(swatch, entry.box ? entry.look.tint : entry.look.fill);
    if (entry.fill) draw_hatch(sheet, swatch, entry.look);
    if (entry.box) {
      sheet.add(Rectangle{swatch.left,
                          swatch.top,
                          swatch.width(),
                          swatch.height(),
                          {0, 0, 0, 0},
                          entry.look.color,
                          m.hair * 1.5,
                          0});
      sheet.segment({swatch.center_x(), swatch.top}, {swatch.center_x(), swatch.bottom},
                    entry.look.color, m.line);
    }
  }
  if (entry.line) {
    const double width = m.line * std::min(entry.weight, 2.);
    sheet.add(Polyline{{{key.left, y}, {key.right, y}},
                       entry.look.color,
                       width,
                       scaled(entry.look.dashes, width)});
  }
  if (entry.marker) draw_marker(sheet, {key.center_x(), y}, m.marker, entry.look);
}

}  // namespace

std::vector<LegendEntry> legend_entries(const Figure& figure, const Looks& looks) {
  EntryCollector collector(looks);
  for (const Panel& panel : figure.panels) {
    for (const Mark& mark : panel.marks) std::visit(collector, mark);
  }
  return collector.take();
}

LegendBlock arrange_legend(std::vector<LegendEntry> entries, double width, std::size_t most_columns,
                           const Tools& tools) {
  LegendBlock block;
  block.entries = std::move(entries);
  const std::size_t n = block.entries.size();
  if (n == 0) return block;
  const double em = tools.m.small;
  const double key = (kKeyWidth + kKeyGap) * em, gap = kColumnGap * em;
  std::vector<double> widths;
  for (const LegendEntry& entry : block.entries) {
    widths.push_back((entry.text_only ? 0 : key) + tools.fonts.width(entry.name, em));
  }
  const auto columns_of = [&](std::size_t columns) {
    std::vector<double> result(columns, 0);
    for (std::size_t i = 0; i < n; ++i) {
      result[i % columns] = std::max(result[i % columns], widths[i]);
    }
    return result;
  };
  const auto total = [&](const std::vector<double>& columns) {
    double sum = gap * static_cast<double>(columns.size() - 1);
    for (const double column : columns) sum += column;
    return sum;
  };
  std::size_t columns = std::min(n, std::max<std::size_t>(most_columns, 1));
  while (columns > 1 && total(columns_of(columns)) > width) --columns;
  const std::size_t rows = (n + columns - 1) / columns;
  // As few columns as the same number of rows needs, where these are not wider: even rows.
  const std::size_t even = (n + rows - 1) / rows;
  if (total(columns_of(even)) <= width) columns = even;
  block.columns = columns;
  block.column_widths = columns_of(columns);
  block.row_heights.assign(rows, 0);
  const double text_width = width - key;
  for (std::size_t i = 0; i < n; ++i) {
    Lines lines;
    if (columns == 1) {
      lines = wrap(tools.fonts, block.entries[i].name, {em, false}, std::max(text_width, em),
                   kMostEntryLines, Cut::middle);
      widths[i] = std::min(widths[i], key + lines.width);
    } else {
      lines.lines = {block.entries[i].name};
    }
    block.whole = block.whole && lines.whole;
    double& height = block.row_heights[i / columns];
    height = std::max(
        height, (kRowHeight + kLineHeight * (static_cast<double>(lines.lines.size()) - 1)) * em);
    block.lines.push_back(std::move(lines.lines));
  }
  block.column_widths = columns_of(columns);
  block.width = total(block.column_widths);
  for (const double height : block.row_heights) block.height += height;
  return block;
}

void draw_legend(Sheet& sheet, const LegendBlock& block, Point top_left) {
  const double em = sheet.tools.m.small;
  const double middle = sheet.tools.fonts.cap_height(em) / 2;
  double y = top_left.y;
  for (std::size_t row = 0; row < block.row_heights.size(); ++row) {
    double x = top_left.x;
    for (std::size_t column = 0; column < block.columns; ++column) {
      const std::size_t i = row * block.columns + column;
      if (i >= block.entries.size()) break;
      const LegendEntry& entry = block.entries[i];
      const double line = y + kRowHeight * em / 2;
      double text = x;
      if (!entry.text_only) {
        draw_key(sheet, entry, {x, line - em / 2, x + kKeyWidth * em, line + em / 2});
        text += (kKeyWidth + kKeyGap) * em;
      }
      sheet.text_lines({text, line + middle}, block.lines[i], {em, false},
                       entry.text_only ? sheet.tools.colors.quiet : sheet.tools.colors.text);
      x += block.column_widths[column] + kColumnGap * em;
    }
    y += block.row_heights[row];
  }
}

}  // namespace kvreel::plot
