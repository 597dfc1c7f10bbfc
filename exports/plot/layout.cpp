// From a figure to shapes on paper.
#include "exports/plot/layout.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/visible_text.h"
#include "exports/plot/color_bar.h"
#include "exports/plot/color_math.h"
#include "exports/plot/draw.h"
#include "exports/plot/labels.h"
#include "exports/plot/legend.h"
#include "exports/plot/looks.h"
#include "exports/plot/page.h"
#include "exports/plot/sheet.h"

namespace kvreel::plot {
namespace {

void draw_grid(Sheet& sheet, const PanelFrame& frame) {
  const Color color = sheet.tools.colors.grid;
  const double width = sheet.tools.m.hair;
  const Area& plot = frame.plot;
  const auto line = [&](Point a, Point b) { sheet.segment(a, b, color, width); };
  if (!frame.x_ticks.category) {
    for (const double x : frame.x_ticks.at) line({x, plot.top}, {x, plot.bottom});
  }
  if (!frame.y_ticks.category) {
    for (const double y : frame.y_ticks.at) line({plot.left, y}, {plot.right, y});
  }
}

// Where an axis goes through 0, a line that is a little stronger than the grid.
void draw_zero(Sheet& sheet, const PanelFrame& frame) {
  const Area& plot = frame.plot;
  const Color color = with_alpha(sheet.tools.colors.axis, 0.6);
  if (frame.y.scale == Scale::linear && frame.y.low < 0 && frame.y.high > 0 &&
      !frame.y_ticks.category) {
    const double y = frame.y(0);
    sheet.segment({plot.left, y}, {plot.right, y}, color, sheet.tools.m.hair);
  }
}

void draw_axes(Sheet& sheet, const PanelFrame& frame) {
  const Area& plot = frame.plot;
  const Color color = sheet.tools.colors.axis;
  const double width = sheet.tools.m.hair;
  sheet.segment({plot.left, plot.bottom}, {plot.right, plot.bottom}, color, width);
  sheet.segment({plot.left, plot.top}, {plot.left, plot.bottom}, color, width);
  draw_x_ticks(sheet, frame.x_ticks, plot, frame.x_labels);
  draw_y_ticks(sheet, frame.y_ticks, plot, frame.y_labels);
}

void draw_message(Sheet& sheet, const Panel& panel, const Area& plot) {
  const Metrics& m = sheet.tools.m;
  const Lines lines =
      wrap(sheet.tools.fonts, panel.message, {m.small, false}, plot.width() * 0.9, 4, Cut::end);
  const double block = (static_cast<double>(lines.lines.size()) - 1) * kLineHeight * m.small;
  sheet.text_lines({plot.center_x(), plot.center_y() - block / 2 + m.small * 0.3}, lines.lines,
                   {m.small, false}, sheet.tools.colors.quiet, 0.5);
}

struct MarkPainter {
  const Plot& plot;
  void operator()(const HeatMap& map) const { draw_map(plot, map); }
  void operator()(const Range& range) const { draw_range(plot, range); }
  void operator()(const Bars& bars) const { draw_bars(plot, bars); }
  void operator()(const Boxes& boxes) const { draw_boxes(plot, boxes); }
  void operator()(const Line& line) const { draw_line(plot, line); }
  void operator()(const Points& points) const { draw_points(plot, points); }
  void operator()(const Rule& rule) const { draw_rule(plot, rule); }
  void operator()(const Note&) const {}  // with the labels, over everything
};

void append(Sheet& sheet, Sheet&& other) {
  std::move(other.shapes.begin(), other.shapes.end(), std::back_inserter(sheet.shapes));
}

// Grid, marks, axes, labels; what was drawn goes into `clutter`.
void draw_panel(Sheet& sheet, const Panel& panel, const PanelFrame& frame, const Looks& looks,
                Clutter& clutter) {
  if (frame.empty) {
    draw_message(sheet, panel, frame.plot);
    return;
  }
  draw_grid(sheet, frame);
  draw_zero(sheet, frame);
  Sheet over(sheet.tools);
  const Plot plot{panel, frame, looks, sheet, over, clutter};
  // Half a line wider, so that a line along the edge has its whole width.
  sheet.clip(frame.plot.grown(sheet.tools.m.line / 2));
  for (const Mark& mark : panel.marks) std::visit(MarkPainter{plot}, mark);
  sheet.unclip();
  draw_axes(sheet, frame);
  if (panel.marks.empty()) draw_message(sheet, panel, frame.plot);
  draw_labels(plot);
  append(sheet, std::move(over));
}

void draw_texts(Sheet& sheet, const Page& page) {
  const Colors& colors = sheet.tools.colors;
  for (const PlacedText& text : page.texts) {
    const Color color = text.quiet ? colors.quiet : colors.text;
    if (text.turned) {
      sheet.turned_lines(text.first, text.lines, text.style, color, text.anchor);
    } else {
      sheet.text_lines(text.first, text.lines, text.style, color, text.anchor);
    }
  }
}

// A legend of one or two columns in a part of the panel without data.
bool draw_legend_inside(Sheet& sheet, const PanelFrame& frame,
                        const std::vector<LegendEntry>& entries, const Clutter& clutter) {
  const Metrics& m = sheet.tools.m;
  for (const std::size_t columns : {std::size_t{1}, std::size_t{2}, entries.size()}) {
    if (columns > entries.size()) continue;
    const LegendBlock block =
        arrange_legend(entries, frame.plot.width() * 0.92, columns, sheet.tools);
    if (!block.whole || block.height > frame.plot.height() * 0.5) continue;
    const std::optional<Point> place =
        find_free_place(frame.plot, block.width, block.height, 1.5 * m.unit, clutter);
    if (!place) continue;
    const Color ground = sheet.tools.colors.ground;
    const Area area{place->x, place->y, place->x + block.width, place->y + block.height};
    if (ground.a > 0) sheet.fill(area.grown(m.unit / 2), ground);  // without grid lines
    draw_legend(sheet, block, *place);
    return true;
  }
  return false;
}

class Layout {
 public:
  Layout(const Figure& figure, const Tools& tools)
      : figure_(figure),
        tools_(tools),
        looks_(figure, tools),
        entries_(legend_entries(figure, looks_)) {}

  Scene make() {
    LegendPlace place = figure_.legend;
    if (place == LegendPlace::automatic) {
      if (needs_legend()) {
        if (may_lie_inside()) {
          if (std::optional<Scene> scene = draw(LegendPlace::automatic)) return std::move(*scene);
        }
        place = LegendPlace::above;
      } else {
        place = LegendPlace::none;
      }
    }
    if (std::optional<Scene> scene = draw(place)) return std::move(*scene);
    return *draw(LegendPlace::above);
  }

 private:
  bool needs_legend() const {
    if (entries_.size() > 1) return true;
    // One kind of cell is worth its name; one series is what the axis says.
    return entries_.size() == 1 && entries_[0].fill && looks_.names().empty();
  }

  bool may_lie_inside() const { return figure_.panels.size() == 1 && entries_.size() <= 8; }

  // A legend of kinds of cells says how cells were joined, which is known when they are arranged.
  Page arrange(LegendPlace place) const {
    std::vector<LegendEntry> entries;
    if (place == LegendPlace::above || place == LegendPlace::right) entries = entries_;
    Page page = arrange_page(figure_, entries, place, tools_);
    const std::string joined = entries.empty() ? "" : joined_kinds(page);
    if (joined.empty()) return page;
    LegendEntry remark;
    remark.name = joined;
    remark.text_only = true;
    entries.push_back(remark);
    page = arrange_page(figure_, entries, place, tools_);
    // A higher legend leaves plots of a set height fewer dots.
    const std::string now = joined_kinds(page);
    if (now != joined) {
      entries.back().name = now;
      page = arrange_page(figure_, entries, place, tools_);
    }
    return page;
  }

  std::string joined_kinds(const Page& page) const {
    std::string text;
    for (std::size_t i = 0; i < figure_.panels.size(); ++i) {
      for (const Mark& mark : figure_.panels[i].marks) {
        const auto* map = std::get_if<HeatMap>(&mark);
        if (!map || map->kinds.empty()) continue;
        const PanelFrame& frame = page.frames[i];
        const std::string here = joined_text(
            *map, joined_cells(*map, frame.x, frame.y, tools_.m.dot), figure_.panels[i]);
        if (here.size() > text.size()) text = here;
      }
    }
    return text;
  }

  // Nothing where the legend was to lie inside, or on the right, and has no place there.
  std::optional<Scene> draw(LegendPlace place) const {
    const Page page = arrange(place);
    if (!page.legend_fits) return std::nullopt;
    Sheet sheet(tools_);
    for (std::size_t i = 0; i < figure_.panels.size(); ++i) {
      Clutter clutter;
      draw_panel(sheet, figure_.panels[i], page.frames[i], looks_, clutter);
      if (place == LegendPlace::automatic &&
          !draw_legend_inside(sheet, page.frames[i], entries_, clutter)) {
        return std::nullopt;
      }
    }
    for (const ColorBar& bar : page.bars) draw_color_bar(sheet, bar);
    if (!page.legend.empty()) draw_legend(sheet, page.legend, page.legend_at);
    draw_texts(sheet, page);

    Scene scene;
    scene.width = page.width;
    scene.height = page.height;
    scene.ground = tools_.colors.ground;
    scene.shapes = std::move(sheet.shapes);
    scene.title = visible_line(figure_.title.empty() ? figure_.name : figure_.title);
    for (const auto& [key, value] : figure_.metadata) {
      scene.metadata.emplace_back(key, visible_line(value));
    }
    for (const std::string& remark : figure_.remarks) {
      scene.metadata.emplace_back("remark", visible_line(remark));
    }
    return scene;
  }

  const Figure& figure_;
  Tools tools_;
  Looks looks_;
  std::vector<LegendEntry> entries_;
};

}  // namespace

Scene layout(const Figure& figure, const Style& style, const Fonts& fonts) {
  check(figure);
  const Colors colors = colors_of(style);
  const Metrics metrics = metrics_of(style);
  // Of a column with its axis, in ems of the text.
  constexpr double kLeastColumn = 14;
  const double column = style.size.width / static_cast<double>(figure.columns);
  if (figure.may_stack && figure.columns > 1 && column < kLeastColumn * metrics.text) {
    Figure stacked = figure;
    stacked.rows = figure.panels.size();
    stacked.columns = 1;
    return Layout(stacked, {style, fonts, colors, metrics}).make();
  }
  return Layout(figure, {style, fonts, colors, metrics}).make();
}

}  // namespace kvreel::plot
