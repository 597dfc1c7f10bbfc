// The page is arranged in rounds: plots need axes to know their place, and axes need plots to know
// how many ticks have room. Margins only grow, so a few rounds settle them.
#include "exports/plot/page.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "exports/plot/grid_axes.h"
#include "exports/plot/surroundings.h"

namespace kvreel::plot {
namespace {

// Two or three are usual; each makes a margin larger, so that there is an end.
constexpr int kMostRounds = 40;
// A plot that is smaller says nothing; in ems of the text.
constexpr double kLeastWidth = 3.5, kLeastHeight = 3.5, kLeastStrip = 1;

const HeatMap* map_of(const Panel& panel) {
  for (const Mark& mark : panel.marks) {
    const auto* map = std::get_if<HeatMap>(&mark);
    if (map && map->kinds.empty()) return map;
  }
  return nullptr;
}

bool same_scale(const HeatMap& a, const HeatMap& b) {
  return a.low && a.high && a.low == b.low && a.high == b.high && a.colormap == b.colormap &&
         a.format == b.format && a.aggregate == b.aggregate && a.value_label == b.value_label;
}

// Horizontal bars or boxes: their height follows their number.
bool lies_down(const Panel& panel) {
  return std::any_of(panel.marks.begin(), panel.marks.end(), [](const Mark& mark) {
    const auto* bars = std::get_if<Bars>(&mark);
    const auto* boxes = std::get_if<Boxes>(&mark);
    return (bars && bars->horizontal) || (boxes && boxes->horizontal);
  });
}

class Arranger {
 public:
  Arranger(const Figure& figure, const std::vector<LegendEntry>& legend, LegendPlace place,
           const Tools& tools)
      : figure_(figure),
        tools_(tools),
        m_(tools.m),
        rows_(figure.rows),
        columns_(figure.columns),
        around_(arrange_surroundings(figure, legend, place, tools)),
        axes_(figure, tools) {
    left_.assign(columns_, 0);
    right_.assign(columns_, 0);
    top_.assign(rows_, 0);
    bottom_.assign(rows_, 0);
    page_.width = tools.style.size.width;
    fixed_height_ = tools.style.size.height;
    if (fixed_height_ == 0 && figure.aspect > 0) fixed_height_ = page_.width * figure.aspect;
    page_.frames.resize(figure.panels.size());
    axes_.find_empty(page_.frames);
    find_shared_bar();
  }

  Page run() {
    for (int round = 0; round < kMostRounds; ++round) {
      place_plots();
      axes_.choose(page_.frames, most_x_extent(), 0.4 * page_.width);
      if (!grow_margins()) break;
    }
    check_size();
    place_texts();
    place_bars();
    return std::move(page_);
  }

 private:
  std::size_t index(std::size_t row, std::size_t column) const { return row * columns_ + column; }
  PanelFrame& frame(std::size_t row, std::size_t column) {
    return page_.frames[index(row, column)];
  }
  const Panel& panel(std::size_t row, std::size_t column) const {
    return figure_.panels[index(row, column)];
  }

  // One bar for all maps, where all have the same colours.
  void find_shared_bar() {
    std::size_t maps = 0;
    bool same = true;
    for (const Panel& one : figure_.panels) {
      const HeatMap* map = map_of(one);
      if (!map) continue;
      ++maps;
      if (shared_map_ && !same_scale(*map, *shared_map_)) same = false;
      if (!shared_map_) shared_map_ = map;
    }
    if (maps < 2 || !same) shared_map_ = nullptr;
  }

  // --- One round: plots in their margins. ---

  double row_weight(std::size_t row) const {
    double weight = 0;
    for (std::size_t c = 0; c < columns_; ++c) weight = std::max(weight, panel(row, c).height);
    return weight;
  }

  double column_weight(std::size_t column) const {
    double weight = 0;
    for (std::size_t r = 0; r < rows_; ++r) weight = std::max(weight, panel(r, column).width);
    return weight;
  }

  // Of a row of weight 1 on a page whose height is free.
  double natural_height(double plot_width) const {
    double height = std::max(std::min(0.62 * plot_width, 0.35 * plot_width + 63),
                             std::min(0.95 * plot_width, 9 * m_.text));
    if (rows_ > 2) height *= 0.8;
    for (const Panel& one : figure_.panels) {
      if (!lies_down(one) || one.y.categories.empty()) continue;
      return std::clamp(static_cast<double>(one.y.categories.size()) * 2.4 * m_.text, 6 * m_.text,
                        50 * m_.text);
    }
    return std::max(height, 6 * m_.text);
  }

  void place_plots() {
    double weights = 0, margins = 0;
    for (std::size_t c = 0; c < columns_; ++c) {
      weights += column_weight(c);
      margins += left_[c] + right_[c];
    }
    margins += static_cast<double>(columns_ - 1) * 3 * m_.unit;
    const double free_width =
        page_.width - m_.margin - around_.right - common_left_ - shared_bar_width_ - margins;
    double x = m_.margin + common_left_;
    for (std::size_t c = 0; c < columns_; ++c) {
      const double width = free_width * column_weight(c) / weights;
      x += left_[c];
      for (std::size_t r = 0; r < rows_; ++r) {
        frame(r, c).plot.left = x;
        frame(r, c).plot.right = x + width;
      }
      x += width + right_[c] + 3 * m_.unit;
    }

    double row_weights = 0, row_margins = 0;
    for (std::size_t r = 0; r < rows_; ++r) {
      row_weights += row_weight(r);
      row_margins += top_[r] + bottom_[r];
    }
    row_margins += static_cast<double>(rows_ - 1) * 2 * m_.unit;
    // A legend on the right is not higher than the plots beside it.
    const double beside =
        around_.place == LegendPlace::right ? around_.legend.height - row_margins : 0;
    const double around = around_.above + around_.below + common_bottom_ + row_margins;
    const double free_height =
        fixed_height_ > 0
            ? fixed_height_ - around
            : std::max(natural_height(std::max(frame(0, 0).plot.width(), 1.)) * row_weights,
                       beside);
    page_.height = fixed_height_ > 0 ? fixed_height_ : free_height + around;
    double y = around_.above;
    for (std::size_t r = 0; r < rows_; ++r) {
      const double height = free_height * row_weight(r) / row_weights;
      y += top_[r];
      for (std::size_t c = 0; c < columns_; ++c) {
        frame(r, c).plot.top = y;
        frame(r, c).plot.bottom = y + height;
      }
      y += height + bottom_[r] + 2 * m_.unit;
    }
  }

  double most_x_extent() const {
    return fixed_height_ > 0 ? std::min(0.3 * fixed_height_, 14 * m_.text) : 14 * m_.text;
  }

  // --- Text beside the plots. ---

  double title_gap() const { return 1.25 * m_.unit; }
  std::vector<std::string> x_title_lines(const std::string& title, double width) const {
    if (title.empty()) return {};
    return wrap(tools_.fonts, title, {m_.text, false}, std::max(width, m_.text), 2, Cut::end).lines;
  }
  std::vector<std::string> y_title_lines(const std::string& title, double height) const {
    if (title.empty()) return {};
    return wrap(tools_.fonts, title, {m_.text, false}, std::max(height, m_.text), 3, Cut::end)
        .lines;
  }
  std::vector<std::string> panel_title_lines(std::size_t row, std::size_t column) const {
    const std::string& title = panel(row, column).title;
    if (title.empty()) return {};
    const double width = page_.frames[index(row, column)].plot.width();
    return wrap(tools_.fonts, title, panel_title(), std::max(width, m_.text), 4, Cut::middle).lines;
  }
  TextStyle panel_title() const { return {m_.small, true}; }

  // From the plot's left edge to the left edge of its tick labels.
  double y_labels_width(const PanelFrame& here) const {
    if (here.empty) return 0;
    if (!here.y_labels) return here.y_ticks.category ? 0 : m_.tick;
    return label_gap(m_, here.y_ticks) + here.y_ticks.extent;
  }
  double widest_y_labels(std::size_t column) const {
    double width = 0;
    for (std::size_t r = 0; r < rows_; ++r) {
      width = std::max(width, y_labels_width(page_.frames[index(r, column)]));
    }
    return width;
  }
  double x_labels_height(const PanelFrame& here) const {
    if (here.empty) return 0;
    if (!here.x_labels) return here.x_ticks.category ? 0 : m_.tick;
    return label_gap(m_, here.x_ticks) + here.x_ticks.extent;
  }

  // --- One round: what the margins must hold. True where one grew. ---

  static bool grow(double& margin, double needed) {
    if (needed <= margin + 1e-6) return false;
    margin = needed;
    return true;
  }

  bool grow_margins() {
    const AxisTitles titles(figure_, page_.frames);
    bool grew = false;
    for (std::size_t r = 0; r < rows_; ++r) {
      for (std::size_t c = 0; c < columns_; ++c) {
        if (grow_around(r, c, titles)) grew = true;
      }
    }
    const Area grid = grid_area();
    if (const std::string& title = titles.common(true); !title.empty()) {
      const auto lines = x_title_lines(title, grid.width());
      if (grow(common_bottom_, title_gap() + height_of(lines) * m_.text)) grew = true;
    }
    if (const std::string& title = titles.common(false); !title.empty()) {
      const auto lines = y_title_lines(title, grid.height());
      if (grow(common_left_, title_gap() + height_of(lines) * m_.text)) grew = true;
    }
    if (shared_map_) {
      const ColorBar bar = shared_bar();
      if (grow(shared_bar_width_, right_edge(bar, tools_) - grid.right)) grew = true;
      if (grow(top_.front(), bar.ticks.before)) grew = true;
      if (grow(bottom_.back(), bar.ticks.after)) grew = true;
    }
    return grew;
  }

  bool grow_around(std::size_t r, std::size_t c, const AxisTitles& titles) {
    const PanelFrame& here = frame(r, c);
    // Titles of one column stand in one line, left of the widest labels.
    double left = widest_y_labels(c);
    const auto y_lines = y_title_lines(titles.own(false, r, c), here.plot.height());
    if (!y_lines.empty()) left += title_gap() + height_of(y_lines) * m_.text;
    double right = m_.line;
    double bottom = x_labels_height(here);
    const auto x_lines = x_title_lines(titles.own(true, r, c), here.plot.width());
    if (!x_lines.empty()) bottom += title_gap() + height_of(x_lines) * m_.text;
    double top = m_.line;
    const auto title = panel_title_lines(r, c);
    if (!title.empty()) top = height_of(title) * m_.small + 1.5 * m_.unit;
    if (here.x_labels) {
      left = std::max(left, here.x_ticks.before);
      right = std::max(right, here.x_ticks.after);
    }
    if (here.y_labels) {
      if (title.empty()) top = std::max(top, here.y_ticks.before);
      bottom = std::max(bottom, here.y_ticks.after);
    }
    if (const HeatMap* map = map_of(panel(r, c)); map && !shared_map_) {
      const ColorBar bar = bar_of(r, c, *map);
      right = std::max(right, right_edge(bar, tools_) - here.plot.right);
      top = std::max(top, bar.ticks.before);
      bottom = std::max(bottom, bar.ticks.after);
    }
    bool grew = grow(left_[c], left);
    grew = grow(right_[c], right) || grew;
    grew = grow(top_[r], top) || grew;
    return grow(bottom_[r], bottom) || grew;
  }

  // From the first plot's corner to the last one's.
  Area grid_area() const {
    const Area& first = page_.frames.front().plot;
    const Area& last = page_.frames.back().plot;
    return {first.left, first.top, last.right, last.bottom};
  }

  ColorBar bar_of(std::size_t row, std::size_t column, const HeatMap& map) const {
    const PanelFrame& here = page_.frames[index(row, column)];
    const Area plot = sane(here.plot);
    const std::string joined =
        joined_text(map, joined_cells(map, here.x, here.y, m_.dot), panel(row, column));
    return place_color_bar(map, joined, plot.right + 2.5 * m_.unit, plot.top, plot.bottom,
                           room_below(here, row, column), tools_);
  }

  // What axis labels take below a plot, at least.
  double room_below(const PanelFrame& here, std::size_t row, std::size_t column) const {
    const AxisTitles titles(figure_, page_.frames);
    if (!titles.common(true).empty()) return 0;  // it may lie there
    return (here.x_labels ? m_.small : 0) + (titles.whole(true, row, column).empty() ? 0 : m_.text);
  }

  ColorBar shared_bar() const {
    const Area grid = sane(grid_area());
    std::string joined;
    for (std::size_t i = 0; i < figure_.panels.size(); ++i) {
      const HeatMap* map = map_of(figure_.panels[i]);
      if (!map) continue;
      const std::string here =
          joined_text(*map, joined_cells(*map, page_.frames[i].x, page_.frames[i].y, m_.dot),
                      figure_.panels[i]);
      if (here.size() > joined.size()) joined = here;
    }
    return place_color_bar(*shared_map_, joined, grid.right + right_.back() + 2.5 * m_.unit,
                           grid.top, grid.bottom,
                           room_below(page_.frames.back(), rows_ - 1, columns_ - 1), tools_);
  }

  // --- After the last round. ---

  void check_size() const {
    double least_width = 1e9, least_height = 1e9, lack_x = 0, lack_y = 0;
    for (std::size_t i = 0; i < page_.frames.size(); ++i) {
      const Area& plot = page_.frames[i].plot;
      // A strip whose height says nothing may be flat.
      const double height = figure_.panels[i].y.show_labels ? kLeastHeight : kLeastStrip;
      least_width = std::min(least_width, plot.width());
      least_height = std::min(least_height, plot.height());
      lack_x = std::max(lack_x, kLeastWidth * m_.text - plot.width());
      lack_y = std::max(lack_y, height * m_.text - plot.height());
    }
    if (lack_x == 0 && lack_y == 0) return;
    const double width = std::ceil(page_.width + lack_x * static_cast<double>(columns_));
    const double height = std::ceil(page_.height + lack_y * static_cast<double>(rows_));
    fail(
        "figure '{}' does not fit into {:.0f} x {:.0f} points ({:.0f} x {:.0f} mm) with text of "
        "{} points: {} would be {:.0f} x {:.0f} points. It needs about {:.0f} x {:.0f} points "
        "({:.0f} x {:.0f} mm), or smaller text.",
        figure_.name, page_.width, page_.height, page_.width / 72 * 25.4, page_.height / 72 * 25.4,
        m_.text, page_.frames.size() > 1 ? "its smallest plot" : "its plot",
        std::max(least_width, 0.), std::max(least_height, 0.), width, height, width / 72 * 25.4,
        height / 72 * 25.4);
  }

  void place_texts() {
    const AxisTitles titles(figure_, page_.frames);
    const Area grid = grid_area();
    double y = m_.margin + kAbove * m_.title;
    if (!around_.title.empty()) {
      page_.texts.push_back({around_.title, {m_.margin, y}, 0, {m_.title, true}, false, false});
    }
    if (!around_.footer.empty()) {
      y = page_.height - m_.margin - kBelow * m_.footer -
          (static_cast<double>(around_.footer.size()) - 1) * kLineHeight * m_.footer;
      page_.texts.push_back({around_.footer, {m_.margin, y}, 0, {m_.footer, false}, true, false});
    }
    place_legend(grid);
    for (std::size_t r = 0; r < rows_; ++r) {
      for (std::size_t c = 0; c < columns_; ++c) place_panel_texts(r, c, titles);
    }
    if (const std::string& title = titles.common(true); !title.empty()) {
      const auto lines = x_title_lines(title, grid.width());
      const double first = grid.bottom + bottom_.back() + title_gap() + kAbove * m_.text;
      page_.texts.push_back({lines, {grid.center_x(), first}, 0.5, {m_.text, false}, false, false});
    }
    if (const std::string& title = titles.common(false); !title.empty()) {
      const auto lines = y_title_lines(title, grid.height());
      page_.texts.push_back({lines,
                             {m_.margin + kAbove * m_.text, grid.center_y()},
                             0.5,
                             {m_.text, false},
                             false,
                             true});
    }
  }

  void place_legend(const Area& grid) {
    page_.legend = around_.legend;
    if (around_.place == LegendPlace::above) {
      // At the plot's left edge where it has room there.
      page_.legend_at = {std::clamp(page_.width - m_.margin - page_.legend.width, m_.margin,
                                    std::max(grid.left, m_.margin)),
                         around_.legend_top};
    } else {
      // Beside the plots; higher where it would end below them.
      const double lowest = page_.height - around_.below - page_.legend.height;
      page_.legend_at = {page_.width - around_.right + 3 * m_.unit,
                         std::max(around_.above, std::min(grid.top, lowest))};
      page_.legend_fits = lowest >= around_.above - 0.01;
    }
  }

  void place_panel_texts(std::size_t r, std::size_t c, const AxisTitles& titles) {
    const PanelFrame& here = frame(r, c);
    const auto title = panel_title_lines(r, c);
    if (!title.empty()) {
      const double first = here.plot.top - 1.5 * m_.unit - kBelow * m_.small -
                           (static_cast<double>(title.size()) - 1) * kLineHeight * m_.small;
      page_.texts.push_back({title, {here.plot.left, first}, 0, panel_title(), false, false});
    }
    const auto x_lines = x_title_lines(titles.own(true, r, c), here.plot.width());
    if (!x_lines.empty()) {
      const double first =
          here.plot.bottom + x_labels_height(here) + title_gap() + kAbove * m_.text;
      page_.texts.push_back(
          {x_lines, {here.plot.center_x(), first}, 0.5, {m_.text, false}, false, false});
    }
    const auto y_lines = y_title_lines(titles.own(false, r, c), here.plot.height());
    if (!y_lines.empty()) {
      const double first = here.plot.left - widest_y_labels(c) - title_gap() - kBelow * m_.text -
                           (static_cast<double>(y_lines.size()) - 1) * kLineHeight * m_.text;
      page_.texts.push_back(
          {y_lines, {first, here.plot.center_y()}, 0.5, {m_.text, false}, false, true});
    }
  }

  void place_bars() {
    if (shared_map_) {
      page_.bars.push_back(shared_bar());
      return;
    }
    for (std::size_t r = 0; r < rows_; ++r) {
      for (std::size_t c = 0; c < columns_; ++c) {
        if (const HeatMap* map = map_of(panel(r, c))) page_.bars.push_back(bar_of(r, c, *map));
      }
    }
  }

  const Figure& figure_;
  const Tools& tools_;
  const Metrics& m_;
  std::size_t rows_, columns_;
  Page page_;
  double fixed_height_ = 0;  // 0: by the panels
  Surroundings around_;
  GridAxes axes_;
  const HeatMap* shared_map_ = nullptr;
  // Margins of the grid, points: beside each column, above and below each row.
  std::vector<double> left_, right_, top_, bottom_;
  double common_left_ = 0, common_bottom_ = 0, shared_bar_width_ = 0;
};

}  // namespace

Page arrange_page(const Figure& figure, const std::vector<LegendEntry>& legend, LegendPlace place,
                  const Tools& tools) {
  return Arranger(figure, legend, place, tools).run();
}

}  // namespace kvreel::plot
