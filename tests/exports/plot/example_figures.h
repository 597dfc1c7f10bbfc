// Figures of the kinds that kvreel draws, from numbers that are made up, the same every time.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/plot/figure.h"

namespace kvreel::plot::testing {

// Evenly distributed numbers that do not depend on the standard library.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 2654435761u + 88172645463325252u) {}
  double next() {  // [0, 1)
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<double>(state_ >> 11) / 9007199254740992.;
  }
  double between(double low, double high) { return low + (high - low) * next(); }
  int upto(int n) { return static_cast<int>(next() * n); }  // 0..n-1
  double bell() { return (next() + next() + next() + next() - 2) * std::sqrt(3.); }

 private:
  uint64_t state_;
};

inline const std::vector<std::string>& run_names() {
  static const std::vector<std::string> names = {"full", "refreekv:threshold=1%",
                                                 "refreekv:threshold=5%,keep-layers=none",
                                                 "streaming-llm:budget=50%"};
  return names;
}

inline std::vector<std::pair<std::string, std::string>> example_metadata() {
  return {{"trace", "qwen3-0.6b-longbench.h5 3f9a1c20"},
          {"policies", "full, refreekv, streaming-llm"},
          {"samples", "35 of 35"},
          {"version", "0.1.0"}};
}

// Six lines against a logarithmic threshold: what a budget a threshold gives.
inline Figure threshold_figure(int series = 6) {
  Figure figure;
  figure.name = "threshold-budget";
  figure.title = "Budget against threshold, by data set";
  Panel panel;
  panel.x = {.label = "threshold", .format = Format::percent, .scale = Scale::log};
  panel.y = {.label = "budget", .format = Format::percent, .from_zero = true};
  const std::vector<std::string> names = {"gsm8k",    "arc-challenge", "triviaqa", "gpqa",
                                          "hotpotqa", "multi-news",    "qasper",   "lcc"};
  for (int s = 0; s < series; ++s) {
    Line line;
    line.series = names[static_cast<std::size_t>(s) % names.size()];
    for (int i = 0; i <= 24; ++i) {
      const double x = 0.001 * std::pow(100., i / 24.);
      line.x.push_back(x);
      const double middle = 0.003 * std::pow(1.7, s);
      line.y.push_back(0.12 + 0.85 / (1 + std::pow(x / middle, 1.1)));
    }
    panel.marks.push_back(line);
  }
  panel.marks.push_back(Rule{true, 0.01, "default", Ink::threshold, Dash::dashed});
  figure.panels = {panel};
  figure.metadata = example_metadata();
  figure.remarks = {"Medians over samples."};
  return figure;
}

// Two panels that share a legend.
inline Figure two_panel_figure() {
  Figure figure;
  figure.name = "score-budget";
  figure.title = "What a smaller budget costs";
  figure.columns = 2;
  for (const std::string_view what : {"score", "time per token"}) {
    Panel panel;
    panel.title = what == "score" ? "Quality" : "Speed";
    panel.x = {.label = "budget", .format = Format::percent, .low = 0.};
    panel.x.high = 1.;
    panel.y.label = std::string(what);
    panel.y.format = what == "score" ? Format::number : Format::duration;
    for (int s = 0; s < 3; ++s) {
      Line line;
      line.series = run_names()[static_cast<std::size_t>(s + 1)];
      line.markers = true;
      for (int i = 1; i <= 9; ++i) {
        const double x = i / 10.;
        line.x.push_back(x);
        line.y.push_back(what == "score" ? 40 * (1 - std::exp(-x * (5. + 2 * s)))
                                         : 2.1e7 + 3e7 * x * (1 + 0.2 * s));
      }
      panel.marks.push_back(line);
    }
    figure.panels.push_back(panel);
  }
  figure.metadata = example_metadata();
  return figure;
}

// Quantiles of a group of made-up shares.
inline Box example_box(Dice& dice, double middle, double spread, int n, bool points) {
  std::vector<double> values;
  for (int i = 0; i < n; ++i) {
    values.push_back(std::clamp(middle + spread * dice.bell(), 0.01, 1.));
  }
  Box box;
  box.n = n;
  if (points) box.points = values;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * (n - 1) + 0.5)];
  };
  box.low = at(0);
  box.q1 = at(0.25);
  box.median = at(0.5);
  box.q3 = at(0.75);
  box.high = at(1);
  for (const double value : values) box.mean += value / n;
  box.mean = 0;
  for (const double value : values) box.mean += value / n;
  return box;
}

inline Figure layer_boxes_figure(int layers) {
  Dice dice(7);
  Figure figure;
  figure.name = "layer-budget";
  figure.title = "Budget per layer, refreekv:threshold=1%";
  Panel panel;
  panel.x.label = "layer";
  panel.y = {.label = "budget", .format = Format::percent, .from_zero = true};
  Boxes boxes;
  boxes.series = "refreekv";
  for (int layer = 0; layer < layers; ++layer) {
    panel.x.categories.push_back(std::to_string(layer));
    boxes.at.push_back(layer);
    boxes.boxes.push_back(example_box(dice, 0.35 + 0.3 * std::sin(layer * 0.3), 0.12,
                                      layers <= 8 ? 35 : 200, layers <= 8));
  }
  panel.marks.push_back(boxes);
  figure.panels = {panel};
  figure.metadata = example_metadata();
  figure.remarks = {"Boxes: quartiles and median of 35 samples; whiskers: least and most."};
  return figure;
}

// Bars of four runs with long names, stacked of kinds of time.
inline Figure stacked_figure(bool horizontal) {
  Figure figure;
  figure.name = "time-by-operation";
  figure.title = "Where the time goes";
  Panel panel;
  Axis names;
  names.categories = run_names();
  Axis times = {.label = "time per pass", .format = Format::duration, .from_zero = true};
  panel.x = horizontal ? times : names;
  panel.y = horizontal ? names : times;
  panel.y.reversed = horizontal;
  const std::vector<std::string> kinds = {"attention", "projections", "feed-forward", "policy",
                                          "other"};
  std::vector<double> base(4, 0);
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    Bars bars;
    bars.series = kinds[k];
    bars.horizontal = horizontal;
    for (int run = 0; run < 4; ++run) {
      const auto r = static_cast<std::size_t>(run);
      bars.at.push_back(run);
      bars.base.push_back(base[r]);
      base[r] += 1e8 * (1.2 / (1. + static_cast<double>(k)) + 0.15 * ((run * 7 + 3) % 4));
      bars.top.push_back(base[r]);
    }
    if (k + 1 == kinds.size()) {
      for (int run = 0; run < 4; ++run) bars.labels.push_back("");
    }
    panel.marks.push_back(bars);
  }
  figure.panels = {panel};
  figure.metadata = example_metadata();
  return figure;
}

// Kept and evicted positions per run, by meaning, with error bars and labels.
inline Figure kept_figure() {
  Figure figure;
  figure.name = "kept-evicted";
  figure.title = "Positions kept and evicted";
  Panel panel;
  panel.x.categories = run_names();
  panel.y = {.label = "prompt positions", .format = Format::percent, .from_zero = true};
  Bars kept, evicted;
  kept.series = "kept";
  kept.ink = Ink::kept;
  evicted.series = "evicted";
  evicted.ink = Ink::evicted;
  const std::vector<double> shares = {1, 0.42, 0.71, 0.5};
  for (int run = 0; run < 4; ++run) {
    const double share = shares[static_cast<std::size_t>(run)];
    kept.at.push_back(run);
    kept.base.push_back(0);
    kept.top.push_back(share);
    kept.labels.push_back(fmt::format("{:.0f} %", share * 100));
    evicted.at.push_back(run);
    evicted.base.push_back(share);
    evicted.top.push_back(1);
  }
  panel.marks = {kept, evicted};
  figure.panels = {panel};
  figure.metadata = example_metadata();
  return figure;
}

inline Figure grouped_bars_figure() {
  Dice dice(3);
  Figure figure;
  figure.name = "scores";
  figure.title = "Scores by data set";
  Panel panel;
  panel.x.categories = {"gsm8k", "arc-c", "triviaqa", "gpqa"};
  panel.y = {.label = "score", .from_zero = true};
  for (int s = 0; s < 3; ++s) {
    Bars bars;
    bars.series = run_names()[static_cast<std::size_t>(s)];
    bars.width = 0.26;
    for (int i = 0; i < 4; ++i) {
      const double value = dice.between(20, 70);
      bars.at.push_back(i + (s - 1) * 0.28);
      bars.base.push_back(0);
      bars.top.push_back(value);
      bars.low.push_back(value - dice.between(1, 4));
      bars.high.push_back(value + dice.between(1, 4));
      bars.labels.push_back(fmt::format("{:.1f}", value));
    }
    panel.marks.push_back(bars);
  }
  figure.panels = {panel};
  figure.metadata = example_metadata();
  return figure;
}

// A quantity over generation steps: medians with bands.
inline Figure step_series_figure(int steps = 500) {
  Figure figure;
  figure.name = "step-bytes";
  figure.title = "Bytes the cache holds while it generates";
  Panel panel;
  panel.x = {.label = "step", .format = Format::count};
  panel.y = {.label = "held", .format = Format::bytes, .from_zero = true};
  for (int s = 0; s < 4; ++s) {
    Dice dice(static_cast<uint64_t>(s + 1));
    Line line;
    line.series = run_names()[static_cast<std::size_t>(s)];
    line.steps = true;
    double value = (120. - 24 * s) * 1024 * 1024;
    for (int i = 0; i < steps; ++i) {
      if (i % 16 == 0) value += (1.2 + 0.3 * dice.next()) * 1024 * 1024 * (1 - 0.2 * s);
      line.x.push_back(i);
      line.y.push_back(value);
      line.low.push_back(value * 0.9);
      line.high.push_back(value * 1.08);
    }
    panel.marks.push_back(line);
  }
  figure.panels = {panel};
  figure.metadata = example_metadata();
  figure.remarks = {"Medians over 35 samples; bands from the 10th to the 90th percentile."};
  return figure;
}

inline HeatMap example_map(std::size_t rows, std::size_t columns) {
  Dice dice(11);
  HeatMap map;
  map.rows = rows;
  map.columns = columns;
  map.x0 = 0;
  map.x1 = static_cast<double>(columns);
  map.y0 = -0.5;
  map.y1 = static_cast<double>(rows) - 0.5;
  map.aggregate = Aggregate::max;
  map.value_label = "attention norm";
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double x = static_cast<double>(c) / static_cast<double>(columns);
      const double y = static_cast<double>(r) / static_cast<double>(rows);
      double v = 0.35 + 0.3 * std::sin(9 * x + 4 * y) * std::cos(3 * y) + 0.15 * dice.next();
      if (c < columns / 100) v = 0.95;
      if (dice.next() < 0.00005) v = 1;
      map.values.push_back(static_cast<float>(v));
    }
  }
  return map;
}

inline Figure map_figure(std::size_t rows = 64, std::size_t columns = 32768) {
  Figure figure;
  figure.name = "attention-map";
  figure.title = "Attention norms by layer and position";
  Panel panel;
  panel.x = {.label = "position", .format = Format::tokens};
  panel.y = {.label = "layer", .format = Format::count, .reversed = true};
  panel.marks.push_back(example_map(rows, columns));
  figure.panels = {panel};
  figure.metadata = example_metadata();
  return figure;
}

// What was kept where: kinds instead of a scale.
inline Figure kinds_figure() {
  Figure figure = map_figure(28, 600);
  figure.name = "kept-map";
  figure.title = "What was kept, layer by layer";
  auto& map = std::get<HeatMap>(figure.panels[0].marks[0]);
  map.kinds = {{Ink::evicted, "evicted"}, {Ink::kept, "kept"}, {Ink::sink, "sink"}};
  map.aggregate = Aggregate::mean;
  Dice dice(5);
  for (std::size_t i = 0; i < map.values.size(); ++i) {
    const std::size_t column = i % map.columns;
    const bool kept = map.values[i] + 0.3 * dice.bell() > 0.4f;
    map.values[i] = column < 4 ? 2.f : kept ? 1.f : 0.f;
  }
  return figure;
}

inline Figure scatter_figure() {
  Dice dice(21);
  Figure figure;
  figure.name = "score-bytes";
  figure.title = "Score against peak memory";
  Panel panel;
  panel.x = {.label = "peak of the cache", .format = Format::bytes};
  panel.y = {.label = "score (F1)"};
  for (int s = 0; s < 4; ++s) {
    Points points;
    points.series = run_names()[static_cast<std::size_t>(s)];
    for (int i = 0; i < 3; ++i) {
      const double x = (300. - 60 * s + 45 * i) * 1024 * 1024;
      const double y = 62 - 4. * s + 3 * i + dice.bell();
      points.x.push_back(x);
      points.y.push_back(y);
      points.x_low.push_back(x * 0.96);
      points.x_high.push_back(x * 1.05);
      points.y_low.push_back(y - 1.5);
      points.y_high.push_back(y + 1.5);
      points.labels.push_back(
          std::vector<std::string>{"gsm8k", "triviaqa", "arc-c"}[static_cast<std::size_t>(i)]);
    }
    panel.marks.push_back(points);
  }
  figure.panels = {panel};
  figure.metadata = example_metadata();
  return figure;
}

inline Figure cloud_figure() {
  Dice dice(4);
  Figure figure;
  figure.name = "length-budget";
  figure.title = "Budget against prompt length";
  Panel panel;
  panel.x = {.label = "prompt", .format = Format::tokens, .scale = Scale::log};
  panel.y = {.label = "budget", .format = Format::percent};
  for (int s = 0; s < 2; ++s) {
    Points points;
    points.series = s == 0 ? "gsm8k" : "triviaqa";
    for (int i = 0; i < 400; ++i) {
      const double x = 128 * std::pow(2., 6 * dice.next());
      points.x.push_back(x);
      points.y.push_back(
          std::clamp(0.9 - 0.12 * std::log2(x / 128) + 0.08 * dice.bell() - 0.1 * s, 0.02, 1.));
    }
    panel.marks.push_back(points);
  }
  figure.panels = {panel};
  figure.metadata = example_metadata();
  return figure;
}

// Norms over the share of positions that are kept, one curve a layer, with the cut of one of them.
inline Figure norm_curves_figure() {
  Figure figure;
  figure.name = "norm-curve";
  figure.title = "How much of the attention norm is kept";
  Panel panel;
  panel.x = {.label = "kept positions", .format = Format::percent};
  panel.y = {.label = "difference of norms", .format = Format::percent};
  for (int layer = 0; layer < 8; ++layer) {
    Line line;
    line.series = "layer " + std::to_string(layer);
    line.ink = layer == 3 ? Ink::kept : Ink::faint;
    line.in_legend = false;
    for (int i = 1; i <= 300; ++i) {
      const double x = i / 300.;
      line.x.push_back(x);
      line.y.push_back(0.6 * std::exp(-x * (2.5 + layer)) * (1 - x));
    }
    panel.marks.push_back(line);
  }
  panel.marks.push_back(Rule{false, 0.05, "threshold 5 %", Ink::threshold, Dash::dashed});
  Note note;
  note.x = 0.38;
  note.y = 0.05;
  note.text = "layer 3 keeps 38 %, ||A_{i}|| within 5 %";
  note.dx = 3;
  note.dy = -4;
  panel.marks.push_back(note);
  figure.panels = {panel};
  figure.metadata = example_metadata();
  return figure;
}

// A grid of panels with shared axes, one of them without data.
inline Figure grid_figure() {
  Figure figure;
  figure.name = "layer-grid";
  figure.title = "Ranks of kept positions, layer by layer";
  figure.rows = 2;
  figure.columns = 3;
  figure.share_x = figure.share_y = true;
  for (int p = 0; p < 6; ++p) {
    Panel panel;
    panel.title = "layer " + std::to_string(p * 4);
    panel.x = {.label = "position", .format = Format::tokens};
    panel.y = {.label = "norm"};
    if (p == 4) {
      panel.message = "Layer 16 keeps everything: nothing was ranked.";
      figure.panels.push_back(panel);
      continue;
    }
    for (int s = 0; s < 2; ++s) {
      Dice dice(static_cast<uint64_t>(p * 2 + s + 1));
      Line line;
      line.series = s == 0 ? "sample 0" : "sample 1";
      double y = 0.5;
      for (int i = 0; i < 2048; ++i) {
        y = std::clamp(y + 0.03 * dice.bell(), 0., 1.2);
        line.x.push_back(i);
        line.y.push_back(y);
      }
      panel.marks.push_back(line);
    }
    panel.marks.push_back(Range{true, 0, 128, "sinks", Ink::sink});
    figure.panels.push_back(panel);
  }
  figure.metadata = example_metadata();
  return figure;
}

// Maps that share their colours.
inline Figure two_maps_figure() {
  Figure figure;
  figure.name = "maps";
  figure.title = "Norms with and without eviction";
  figure.columns = 2;
  figure.share_y = true;
  for (int p = 0; p < 2; ++p) {
    Panel panel;
    panel.title = p == 0 ? "full" : "refreekv:threshold=5%,keep-layers=none";
    panel.x = {.label = "position", .format = Format::tokens};
    panel.y = {.label = "layer", .format = Format::count, .reversed = true};
    HeatMap map = example_map(28, 4096);
    map.low = 0;
    map.high = 1;
    panel.marks.push_back(map);
    figure.panels.push_back(panel);
  }
  figure.metadata = example_metadata();
  return figure;
}

// Long lines: what reduction is for.
inline Figure long_lines_figure(int series = 4, int points = 32768) {
  Figure figure;
  figure.name = "norms";
  figure.title = "Value norms along the prompt";
  Panel panel;
  panel.x = {.label = "position", .format = Format::tokens};
  panel.y = {.label = "norm"};
  for (int s = 0; s < series; ++s) {
    Dice dice(static_cast<uint64_t>(s + 31));
    Line line;
    line.series = "layer " + std::to_string(s * 9);
    for (int i = 0; i < points; ++i) {
      line.x.push_back(i);
      const double noise = dice.bell();
      line.y.push_back(2. * s + 4 + 0.35 * noise + (dice.next() < 0.0005 ? 3. : 0.) +
                       std::sin(i * 4e-4 + s));
    }
    panel.marks.push_back(line);
  }
  figure.panels = {panel};
  figure.metadata = example_metadata();
  return figure;
}

// Times over four orders of magnitude, more series than colours, the legend on the right.
inline Figure many_series_figure() {
  Figure figure;
  figure.name = "time-by-length";
  figure.title = "Time by prompt length";
  figure.legend = LegendPlace::right;
  Panel panel;
  panel.x = {.label = "prompt", .format = Format::tokens, .scale = Scale::log};
  panel.y = {.label = "time to first token", .format = Format::duration, .scale = Scale::log};
  for (int s = 0; s < 12; ++s) {
    Line line;
    line.series = "model " + std::to_string(s + 1);
    line.markers = true;
    for (int i = 7; i <= 15; ++i) {
      const double n = std::pow(2., i);
      line.x.push_back(n);
      line.y.push_back((2e4 * n + 0.8 * n * n) * std::pow(1.45, s));
    }
    panel.marks.push_back(line);
  }
  figure.panels = {panel};
  figure.metadata = example_metadata();
  return figure;
}

// Differences around zero, gaps, a range, rules both ways and notes that want the same place.
inline Figure differences_figure() {
  Figure figure;
  figure.name = "differences";
  figure.title = "Score against the full cache";
  Panel panel;
  panel.x = {.label = "sample", .format = Format::count};
  panel.y = {.label = "difference of scores"};
  Dice dice(17);
  Line line;
  line.series = "refreekv";
  line.markers = true;
  for (int i = 0; i < 60; ++i) {
    line.x.push_back(i);
    line.y.push_back(i % 13 == 5 ? kNone : 0.06 * dice.bell() - 0.01);
  }
  panel.marks.push_back(Range{true, 20, 32, "long prompts", Ink::faint});
  panel.marks.push_back(Range{false, -0.02, 0.02, "within noise", Ink::kept});
  panel.marks.push_back(line);
  panel.marks.push_back(Rule{true, 45, "retrained", Ink::neutral, Dash::dotted});
  panel.marks.push_back(Note{50, line.y[50], "an outlier", 2, -3, true, Ink::neutral});
  panel.marks.push_back(Note{51, line.y[51], "and another one", 2, -3, true, Ink::evicted});
  panel.marks.push_back(Note{3, line.y[3], "first", 0, -1.2, false, Ink::neutral});
  figure.panels = {panel};
  figure.metadata = example_metadata();
  return figure;
}

inline Figure lying_boxes_figure() {
  Dice dice(13);
  Figure figure;
  figure.name = "budget-by-run";
  figure.title = "Budgets";
  Panel panel;
  panel.x = {.label = "budget", .format = Format::percent, .from_zero = true};
  panel.y.categories = run_names();
  panel.y.reversed = true;
  Boxes boxes;
  boxes.series = "budget";
  boxes.horizontal = true;
  for (int run = 0; run < 4; ++run) {
    boxes.at.push_back(run);
    boxes.boxes.push_back(example_box(dice, 0.8 - 0.15 * run, 0.1, 24, true));
  }
  panel.marks = {boxes};
  figure.panels = {panel};
  figure.metadata = example_metadata();
  return figure;
}

struct Example {
  std::string_view name;
  std::function<Figure()> make;
};
inline const std::vector<Example>& examples() {
  static const std::vector<Example> all = {
      {"threshold", [] { return threshold_figure(); }},
      {"two-panels", two_panel_figure},
      {"boxes-4", [] { return layer_boxes_figure(4); }},
      {"boxes-28", [] { return layer_boxes_figure(28); }},
      {"boxes-80", [] { return layer_boxes_figure(80); }},
      {"stacked", [] { return stacked_figure(false); }},
      {"stacked-lying", [] { return stacked_figure(true); }},
      {"kept", kept_figure},
      {"grouped", grouped_bars_figure},
      {"steps", [] { return step_series_figure(); }},
      {"map", [] { return map_figure(); }},
      {"kinds", kinds_figure},
      {"scatter", scatter_figure},
      {"cloud", cloud_figure},
      {"norm-curves", norm_curves_figure},
      {"grid", grid_figure},
      {"two-maps", two_maps_figure},
      {"many-series", many_series_figure},
      {"differences", differences_figure},
      {"lying-boxes", lying_boxes_figure},
      {"long-lines", [] { return long_lines_figure(); }},
  };
  return all;
}

}  // namespace kvreel::plot::testing
