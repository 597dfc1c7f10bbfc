// Figures of any kind, from a number.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "exports/plot/example_figures.h"
#include "exports/plot/figure.h"

namespace kvreel::plot::testing {

class RandomFigure {
 public:
  explicit RandomFigure(uint64_t seed) : dice_(seed) {}

  Figure make() {
    Figure figure;
    figure.name = "random";
    figure.rows = static_cast<std::size_t>(1 + dice_.upto(3) / 2);
    figure.columns = static_cast<std::size_t>(1 + dice_.upto(4) / 2);
    figure.share_x = dice_.next() < 0.4;
    figure.share_y = dice_.next() < 0.4;
    if (dice_.next() < 0.7) figure.title = words(2 + dice_.upto(8));
    if (dice_.next() < 0.5) figure.remarks.push_back(words(3 + dice_.upto(30)));
    if (dice_.next() < 0.7) figure.metadata = example_metadata();
    constexpr LegendPlace kPlaces[] = {LegendPlace::automatic, LegendPlace::automatic,
                                       LegendPlace::automatic, LegendPlace::above,
                                       LegendPlace::right,     LegendPlace::none};
    figure.legend = kPlaces[dice_.upto(6)];
    // Panels that share axes have axes of one kind.
    const int kind = dice_.upto(4);
    shared_ = figure.share_x || figure.share_y;
    x_ = axis();
    y_ = axis();
    lying_ = dice_.next() < 0.4;
    for (std::size_t p = 0; p < figure.rows * figure.columns; ++p) {
      figure.panels.push_back(panel(shared_ ? kind : dice_.upto(4)));
    }
    return figure;
  }

 private:
  std::string words(int n) {
    static const std::vector<std::string> all = {"budget", "refreekv:threshold=5%,keep-layers=none",
                                                 "of",     "positions",
                                                 "KV",     "cache",
                                                 "x_{i}",  "layer",
                                                 "and",    "\u2016A\u2016",
                                                 "tokens"};
    std::string text;
    for (int i = 0; i < n; ++i) {
      if (i > 0) text += ' ';
      text += all[static_cast<std::size_t>(dice_.upto(static_cast<int>(all.size())))];
    }
    return text;
  }

  Axis axis() {
    constexpr Format kFormats[] = {Format::number,   Format::percent, Format::bytes,
                                   Format::duration, Format::tokens,  Format::count};
    Axis axis;
    axis.label = words(dice_.upto(4));
    axis.format = kFormats[dice_.upto(6)];
    if (dice_.next() < 0.3) axis.scale = Scale::log;
    axis.from_zero = dice_.next() < 0.2;
    axis.reversed = dice_.next() < 0.2;
    return axis;
  }

  std::vector<double> values(std::size_t n, double scale) {
    std::vector<double> result;
    for (std::size_t i = 0; i < n; ++i) {
      result.push_back(dice_.next() < 0.05 ? kNone : scale * (0.05 + dice_.next()));
    }
    result.front() = scale;
    return result;
  }

  static std::vector<double> times(std::vector<double> values, double factor) {
    for (double& value : values) value *= factor;
    return values;
  }

  std::string series() {
    return dice_.next() < 0.3 ? run_names()[static_cast<std::size_t>(dice_.upto(4))]
                              : "series " + std::to_string(dice_.upto(9));
  }

  Panel panel(int kind) {
    Panel panel;
    if (dice_.next() < 0.5) panel.title = words(1 + dice_.upto(4));
    panel.x = shared_ ? x_ : axis();
    panel.y = shared_ ? y_ : axis();
    switch (kind) {
      case 0:
      case 1:
        add_lines(panel);
        break;
      case 2:
        add_categories(panel);
        break;
      default:
        add_map(panel);
    }
    if (dice_.next() < 0.1) {
      panel.marks.clear();
      panel.message = words(6);
    }
    return panel;
  }

  void add_lines(Panel& panel) {
    const double x_scale = std::pow(10., dice_.between(-3, 7));
    const double y_scale = std::pow(10., dice_.between(-4, 9));
    const int marks = 1 + dice_.upto(6);
    for (int m = 0; m < marks; ++m) {
      const auto n = static_cast<std::size_t>(1 + dice_.upto(60));
      if (dice_.next() < 0.6) {
        Line line;
        line.series = series();
        line.x = values(n, x_scale);
        std::sort(line.x.begin(), line.x.end(),
                  [](double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; });
        line.y = values(n, y_scale);
        line.markers = dice_.next() < 0.5;
        line.steps = dice_.next() < 0.3;
        if (dice_.next() < 0.3) {
          line.low = times(line.y, 0.8);
          line.high = times(line.y, 1.2);
        }
        panel.marks.push_back(line);
      } else {
        Points points;
        points.series = series();
        points.x = values(n, x_scale);
        points.y = values(n, y_scale);
        if (n < 12 && dice_.next() < 0.5) {
          for (std::size_t i = 0; i < n; ++i) points.labels.push_back(words(1));
        }
        if (dice_.next() < 0.3) {
          points.y_low = times(points.y, 0.9);
          points.y_high = times(points.y, 1.1);
        }
        panel.marks.push_back(points);
      }
    }
    if (dice_.next() < 0.4) {
      const bool upright = dice_.next() < 0.5;
      panel.marks.push_back(Rule{upright, upright ? x_scale / 2 : y_scale / 2, words(1),
                                 Ink::threshold, Dash::solid});
    }
    if (dice_.next() < 0.3) {
      panel.marks.push_back(Range{true, x_scale * 0.2, x_scale * 0.5, words(1), Ink::faint});
    }
    const int notes = dice_.upto(3);
    for (int i = 0; i < notes; ++i) {
      panel.marks.push_back(Note{x_scale * dice_.between(0.2, 1), y_scale * dice_.between(0.2, 1),
                                 words(1 + dice_.upto(4)), dice_.between(-3, 3),
                                 dice_.between(-3, 3), dice_.next() < 0.5, Ink::neutral});
    }
  }

  void add_categories(Panel& panel) {
    const bool lying = shared_ ? lying_ : dice_.next() < 0.4;
    Axis& places = lying ? panel.y : panel.x;
    Axis& numbers = lying ? panel.x : panel.y;
    places.scale = Scale::linear;
    const auto n = static_cast<std::size_t>(1 + dice_.upto(dice_.next() < 0.2 ? 90 : 8));
    const bool layers = dice_.next() < 0.5;
    for (std::size_t i = 0; i < n; ++i) {
      places.categories.push_back(layers ? std::to_string(i) : series() + " " + words(1));
    }
    const double scale = std::pow(10., dice_.between(-3, 9));
    if (shared_) numbers.scale = Scale::linear;
    const int marks = 1 + dice_.upto(3);
    for (int m = 0; m < marks; ++m) {
      if (dice_.next() < 0.5) {
        numbers.scale = Scale::linear;
        Bars bars;
        bars.series = series();
        bars.horizontal = lying;
        bars.width = 0.8 / marks;
        bars.top = values(n, scale);
        for (std::size_t i = 0; i < n; ++i) {
          bars.at.push_back(static_cast<double>(i) + (m - (marks - 1) / 2.) * bars.width);
          bars.base.push_back(0);
          bars.labels.push_back(dice_.next() < 0.8 ? std::to_string(dice_.upto(10000)) : "");
        }
        panel.marks.push_back(bars);
      } else {
        Boxes boxes;
        boxes.series = series();
        boxes.horizontal = lying;
        for (std::size_t i = 0; i < n; ++i) {
          boxes.at.push_back(static_cast<double>(i));
          Box box = example_box(dice_, 0.5, 0.1, 20, dice_.next() < 0.5);
          box.points = times(box.points, scale);
          for (double* value : {&box.low, &box.q1, &box.median, &box.q3, &box.high, &box.mean}) {
            *value *= scale;
          }
          boxes.boxes.push_back(box);
        }
        panel.marks.push_back(boxes);
      }
    }
  }

  void add_map(Panel& panel) {
    panel.x.scale = panel.y.scale = Scale::linear;
    HeatMap map = example_map(static_cast<std::size_t>(1 + dice_.upto(70)),
                              static_cast<std::size_t>(1 + dice_.upto(3000)));
    map.value_label = words(dice_.upto(4));
    if (dice_.next() < 0.3) {
      map.kinds = {{Ink::evicted, "evicted"}, {Ink::kept, "kept"}};
      for (float& value : map.values) value = value > 0.4f ? 1 : 0;
    }
    if (dice_.next() < 0.3) {
      map.low = 0;
      map.high = 1;
    }
    panel.marks.push_back(map);
  }

  Dice dice_;
  bool shared_ = false, lying_ = false;
  Axis x_, y_;
};

}  // namespace kvreel::plot::testing
