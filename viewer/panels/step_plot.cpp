// Drawing of lines over steps.
#include "viewer/panels/step_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "viewer/model/ticks.h"

namespace kvreel::viewer {
namespace {

// Middle of a step on the x axis.
float x_of(size_t step, size_t steps, const Rect& plot) {
  return plot.x + plot.w * (static_cast<float>(step) + 0.5f) / static_cast<float>(steps);
}

// Of one unit that people count in: 1024 for values of some KiB.
double unit_size(double high, PlotUnit unit) {
  const double base = unit == PlotUnit::bytes ? 1024 : 1000;
  double size = 1;
  while (high >= base * size && size < 1e15) size *= base;
  return size;
}

std::vector<double> value_ticks(double low, double high, bool log, PlotUnit unit, int most) {
  if (!log) {
    const double size = unit_size(high, unit);
    std::vector<double> ticks = decimal_ticks(low / size, high / size, most);
    for (double& tick : ticks) tick *= size;
    return ticks;
  }
  std::vector<double> ticks;
  const bool few = std::log10(high / low) < 3.5;
  for (double power = std::pow(10, std::floor(std::log10(low))); power <= high; power *= 10) {
    for (const double factor : {1., 2., 5.}) {
      const double tick = power * factor;
      if ((few || factor == 1) && tick >= low && tick <= high) ticks.push_back(tick);
    }
  }
  if (static_cast<int>(ticks.size()) > most && most > 1) {
    const size_t every = (ticks.size() + static_cast<size_t>(most) - 1) / static_cast<size_t>(most);
    std::vector<double> thinned;
    for (size_t i = 0; i < ticks.size(); i += every) thinned.push_back(ticks[i]);
    return thinned;
  }
  return ticks;
}

}  // namespace

std::string unit_text(double value, PlotUnit unit) {
  if (std::isnan(value)) return "-";
  if (unit == PlotUnit::nanoseconds) return format_duration(value);
  return format_bytes(static_cast<uint64_t>(std::llround(std::max(0.0, value))));
}

float StepPlot::Scale::y_of(double value, const Rect& plot) const {
  const double at =
      log ? (std::log(std::max(value, low)) - std::log(low)) / (std::log(high) - std::log(low))
          : (value - low) / (high - low);
  return plot.bottom() - static_cast<float>(std::clamp(at, 0.0, 1.0)) * plot.h;
}

void StepPlot::refresh(const std::vector<StepSeries>& series, uint64_t version, bool log,
                       float width) {
  if (version_ == version && log_ == log && width_ == width) return;
  version_ = version;
  log_ = log;
  width_ = width;
  lines_.clear();
  steps_ = 0;
  double low = INFINITY;
  double high = 0;
  for (const StepSeries& one : series) {
    steps_ = std::max(steps_, one.values.size());
    for (const double value : one.values) {
      if (std::isnan(value)) continue;
      high = std::max(high, value);
      if (value > 0) low = std::min(low, value);
    }
  }
  for (const StepSeries& one : series) {
    // Columns in proportion to the part of the axis that the series has.
    const double part =
        steps_ == 0 ? 0 : static_cast<double>(one.values.size()) / static_cast<double>(steps_);
    lines_.push_back(reduce_series(
        one.values, static_cast<size_t>(std::max(1.0, static_cast<double>(width) * part))));
  }
  scale_.log = log && std::isfinite(low);
  if (scale_.log) {
    scale_.low = low / 1.25;
    scale_.high = std::max(high * 1.25, scale_.low * 2);
  } else {
    scale_.low = 0;
    scale_.high = high > 0 ? high * 1.08 : 1;
  }
}

void StepPlot::draw_axes(Frame& frame, const Rect& plot, PlotUnit unit) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const small = frame.theme.fonts.small;
  const int most = std::max(2, static_cast<int>(plot.h / frame.px(28)));
  for (const double tick : value_ticks(scale_.low, scale_.high, scale_.log, unit, most)) {
    const float y = std::round(scale_.y_of(tick, plot));
    horizontal_line(list, plot.x, plot.right(), y, p.grid);
    draw_text(list, small, {plot.x - frame.px(6), y - small->FontSize / 2}, p.text2,
              unit_text(tick, unit), Align::right);
  }
  if (steps_ == 0) return;
  const int columns = std::max(2, static_cast<int>(plot.w / frame.px(56)));
  for (const double tick : decimal_ticks(0, static_cast<double>(steps_ - 1), columns)) {
    if (tick != std::floor(tick)) continue;
    const float x = x_of(static_cast<size_t>(tick), steps_, plot);
    draw_text(list, small, {x, plot.bottom() + frame.px(4)}, p.text2,
              grouped(static_cast<int64_t>(tick)), Align::center);
  }
  draw_text(list, small, {plot.right() + frame.px(8), plot.bottom() + frame.px(4)}, p.text2,
            "step");
}

void StepPlot::draw_gutter(Frame& frame, const char* name, const Rect& plot, float width,
                           const std::vector<StepSeries>& series) {
  ImFont* const small = frame.theme.fonts.small;
  std::vector<float> wanted;
  std::vector<const StepSeries*> labelled;
  std::vector<std::string> labels;
  for (size_t i = 0; i < series.size(); ++i) {
    if (series[i].label.empty() || lines_[i].empty()) continue;
    labelled.push_back(&series[i]);
    labels.push_back(series[i].label);
    wanted.push_back(scale_.y_of(lines_[i].back().value, plot) - small->FontSize / 2);
  }
  const float high = plot.bottom() - small->FontSize;
  const std::vector<float> placed =
      place_labels(wanted, small->FontSize + frame.px(1), plot.y - frame.px(4), high);
  for (size_t i = 0; i < labelled.size(); ++i) {
    if (placed[i] < plot.y - frame.px(8)) continue;  // no room for all; the tooltip has them
    const Rect place{plot.right() + frame.px(8), placed[i], width - frame.px(8), small->FontSize};
    const std::string text = fitted_label(small, place.w, labels[i], labels);
    draw_text(*ImGui::GetWindowDrawList(), small, place.min(), labelled[i]->color, text);
    frame.items.add(fmt::format("{}.label.{}", name, i), place, text);
  }
}

int32_t StepPlot::draw(Frame& frame, const char* name, const Rect& area,
                       const std::vector<StepSeries>& series, uint64_t version,
                       const StepPlotOptions& options, bool& clicked) {
  clicked = false;
  Rect plot = area;
  plot.take_left(frame.px(58));
  const float gutter = std::min(frame.px(130), area.w * 0.24f);
  plot.take_right(gutter);
  plot.take_bottom(frame.px(20));
  plot.take_top(frame.px(6));
  if (plot.w < frame.px(30) || plot.h < frame.px(20)) return -1;
  refresh(series, version, options.log, plot.w);
  if (steps_ == 0) return -1;
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  draw_axes(frame, plot, options.unit);
  const auto guide = [&](int32_t step, ImU32 color) {
    if (step < 0 || static_cast<size_t>(step) >= steps_) return;
    vertical_line(list, x_of(static_cast<size_t>(step), steps_, plot), plot.y, plot.bottom(),
                  color);
  };
  guide(options.hovered, p.text2);
  guide(options.selected, p.accent);
  for (size_t i = 0; i < series.size(); ++i) {
    points_.clear();
    for (const SeriesPoint& point : lines_[i])
      points_.push_back({x_of(point.index, steps_, plot), scale_.y_of(point.value, plot)});
    const float thick = std::max(1.f, frame.theme.scale * (series[i].thin ? 1.f : 1.8f));
    draw_polyline(list, points_,
                  series[i].thin ? with_alpha(series[i].color, 0.6f) : series[i].color, thick);
    // Few steps: say where they are.
    if (!series[i].thin && static_cast<float>(steps_) * frame.px(12) < plot.w) {
      for (const ImVec2 point : points_)
        list.AddCircleFilled(point, frame.px(2.5f), series[i].color);
    }
  }
  draw_gutter(frame, name, plot, gutter, series);

  const Canvas hit = canvas(frame, name, plot);
  if (!hit.hovered) return -1;
  const float at = (hit.mouse.x - plot.x) / plot.w * static_cast<float>(steps_);
  const auto step = static_cast<int32_t>(std::clamp(at, 0.f, static_cast<float>(steps_ - 1)));
  guide(step, p.text2);
  clicked = hit.clicked;
  return step;
}

}  // namespace kvreel::viewer
