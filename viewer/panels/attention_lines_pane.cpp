// A metric over steps, one line per head.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "viewer/model/step_series.h"
#include "viewer/panels/attention_panes.h"

namespace kvreel::viewer {
namespace {

// A little more than the values' range, so that lines do not touch the frame.
struct Axis {
  double low = 0;
  double high = 1;
  double step = 0.5;
};

Axis axis_of(double least, double most, int ticks) {
  Axis axis;
  double span = most - least;
  if (!(span > 0)) span = most != 0 ? std::abs(most) : 1;
  const double rough = span / ticks;
  axis.step = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1., 2., 5., 10.}) {
    if (axis.step * factor >= rough) {
      axis.step *= factor;
      break;
    }
  }
  axis.low = std::floor((least - span * 0.02) / axis.step) * axis.step;
  axis.high = std::ceil((most + span * 0.02) / axis.step) * axis.step;
  return axis;
}

}  // namespace

void NormLinesPane::draw(Frame& frame, const Rect& area, const AttentionShown& shown) {
  const View& view = frame.session.view();
  const AttentionMetric& what = kAttentionMetrics[static_cast<size_t>(shown.metric)];
  if (of_ != shown.norms || reference_ != shown.reference || metric_ != shown.metric ||
      layer_ != view.layer) {
    of_ = shown.norms;
    reference_ = shown.reference;
    metric_ = shown.metric;
    layer_ = view.layer;
    lines_ = reference_ != nullptr ? norm_line_difference(*of_, *reference_, metric_, layer_)
                                   : norm_lines(*of_, metric_, layer_);
  }
  std::string caption =
      fmt::format("{}{}{} of layer {} · one line per query head, mean in bold",
                  reference_ ? "difference of " : "", what.name,
                  *what.unit != '\0' ? std::string(", ") + what.unit + "," : "", layer_);
  Rect inner = pane(frame, "attention.lines", area, "Over steps", caption);
  if (!lines_.any) {
    message(frame, inner, "No values",
            reference_ ? "The reference has none of these steps."
                       : "None were recorded of this layer.");
    return;
  }
  if (lines_.steps.size() < 2) {
    draw_text_fitted(*ImGui::GetWindowDrawList(), frame.theme.fonts.small,
                     inner.take_bottom(frame.px(18)).min(), inner.w, frame.palette().text2,
                     fmt::format("Step {} alone was recorded; `kvreel record --decode-norms` "
                                 "records those of decode steps, too.",
                                 lines_.steps.front()));
  }
  draw_lines(frame, inner);
}

void NormLinesPane::draw_lines(Frame& frame, const Rect& area) {
  const Palette& p = frame.palette();
  const View& view = frame.session.view();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.small;
  Rect plot = area;
  const Rect left = plot.take_left(frame.px(52));
  const Rect bottom = plot.take_bottom(frame.px(20));
  const Rect right = plot.take_right(frame.px(64));
  if (plot.w < frame.px(20) || plot.h < frame.px(20)) return;
  const Axis axis =
      axis_of(lines_.least, lines_.most, std::max(2, static_cast<int>(plot.h / frame.px(44))));
  const auto y_of = [&](double value) {
    return plot.bottom() - static_cast<float>((value - axis.low) / (axis.high - axis.low)) * plot.h;
  };
  const double first = lines_.steps.front();
  const double last = std::max<double>(lines_.steps.back(), first + 1);
  const bool single = lines_.steps.size() == 1;
  const auto x_of = [&](double step) {
    if (single) return plot.x + plot.w / 2;
    return plot.x + static_cast<float>((step - first) / (last - first)) * plot.w;
  };
  for (double tick = axis.low; tick <= axis.high + axis.step / 2; tick += axis.step) {
    horizontal_line(list, plot.x, plot.right(), y_of(tick), p.grid);
    const double shown = std::abs(tick) < axis.step / 1e6 ? 0 : tick;
    draw_text(list, font, {left.right() - frame.px(8), y_of(tick) - font->FontSize / 2}, p.text2,
              fmt::format("{:.4g}", shown), Align::right);
  }
  const int ticks = std::max(1, static_cast<int>(plot.w / frame.px(80)));
  const auto every = std::max<size_t>(1, lines_.steps.size() / static_cast<size_t>(ticks));
  for (size_t s = 0; s < lines_.steps.size(); s += every) {
    draw_text(list, font, {x_of(lines_.steps[s]), bottom.y + frame.px(3)}, p.text2,
              (s == 0 ? "step " : "") + std::to_string(lines_.steps[s]),
              s == 0 && !single ? Align::left : Align::center);
  }
  const auto draw_line = [&](std::span<const double> values, ImU32 color, float thickness) {
    // Around a gap the line is broken.
    std::vector<ImVec2> points;
    const auto flush = [&] {
      if (points.size() == 1) list.AddCircleFilled(points[0], thickness + frame.px(2), color);
      if (points.size() > 1) draw_polyline(list, points, color, thickness);
      points.clear();
    };
    size_t before = 0;
    for (const SeriesPoint& point : reduce_series(values, static_cast<size_t>(plot.w))) {
      const bool dense = values.size() > static_cast<size_t>(plot.w);
      if (!points.empty() && !dense && point.index != before + 1) flush();
      points.push_back({x_of(lines_.steps[point.index]), y_of(point.value)});
      before = point.index;
    }
    flush();
  };
  const int heads = static_cast<int>(lines_.by_head.size());
  const auto color_of = [&](int head) {
    return p.series[static_cast<size_t>(head) % p.series.size()];
  };
  for (int h = 0; h < heads; ++h) {
    const float alpha = view.head < 0 || view.head >= heads ? 0.75f : 0.35f;
    if (h != view.head) {
      draw_line(lines_.by_head[static_cast<size_t>(h)], with_alpha(color_of(h), alpha),
                std::max(1.f, frame.px(1)));
    }
  }
  draw_line(lines_.mean, p.text, frame.px(3));
  if (view.head >= 0 && view.head < heads) {
    draw_line(lines_.by_head[static_cast<size_t>(view.head)], color_of(view.head), frame.px(2));
  }
  // Names at the right, apart from each other.
  struct Label {
    float y;
    ImU32 color;
    std::string text;
  };
  std::vector<Label> labels;
  const auto end_of = [&](std::span<const double> values) {
    for (size_t i = values.size(); i-- > 0;) {
      if (std::isfinite(values[i])) return values[i];
    }
    return std::nan("");
  };
  const auto add = [&](std::span<const double> values, ImU32 color, std::string text) {
    const double value = end_of(values);
    if (std::isfinite(value)) labels.push_back({y_of(value), color, std::move(text)});
  };
  add(lines_.mean, p.text, "mean");
  constexpr int kNamed = 12;
  for (int h = 0; h < heads; ++h) {
    if (heads <= kNamed || h == view.head) {
      add(lines_.by_head[static_cast<size_t>(h)], color_of(h), fmt::format("head {}", h));
    }
  }
  std::sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.y < b.y; });
  std::vector<float> wanted;
  for (const Label& label : labels) wanted.push_back(label.y);
  const std::vector<float> places = place_labels(
      wanted, font->FontSize, plot.y + font->FontSize / 2, plot.bottom() - font->FontSize / 2);
  for (size_t i = 0; i < labels.size(); ++i) {
    draw_text(list, font, {right.x + frame.px(8), places[i] - font->FontSize / 2}, labels[i].color,
              labels[i].text);
  }
  // The chosen step, and the pointer.
  if (!single && view.step >= first && view.step <= last) {
    vertical_line(list, x_of(view.step), plot.y, plot.bottom(), with_alpha(p.accent, 0.7f));
  }
  const Canvas over = canvas(frame, "attention.plot", plot);
  if (!over.hovered) return;
  const double at =
      single ? first
             : first + (last - first) * static_cast<double>((over.mouse.x - plot.x) / plot.w);
  const auto nearest =
      std::min_element(lines_.steps.begin(), lines_.steps.end(),
                       [&](int32_t a, int32_t b) { return std::abs(a - at) < std::abs(b - at); });
  const auto s = static_cast<size_t>(nearest - lines_.steps.begin());
  vertical_line(list, x_of(*nearest), plot.y, plot.bottom(), with_alpha(p.text2, 0.6f));
  // The head whose value is nearest.
  int head = -1;
  for (int h = 0; h < heads; ++h) {
    const auto distance = [&](int of) {
      return std::abs(y_of(lines_.by_head[static_cast<size_t>(of)][s]) - over.mouse.y);
    };
    const bool known = std::isfinite(lines_.by_head[static_cast<size_t>(h)][s]);
    if (known && (head < 0 || distance(h) < distance(head))) head = h;
  }
  std::string text = fmt::format("step {}\nmean over heads {:.4g}", *nearest, lines_.mean[s]);
  if (head >= 0) {
    text += fmt::format("\nhead {} {:.4g}", head, lines_.by_head[static_cast<size_t>(head)][s]);
  }
  tooltip(frame, text);
  frame.session.next_hover().step = *nearest;
  if (over.clicked) {
    frame.session.view().step = *nearest;
    if (head >= 0) frame.session.view().head = head;
  }
}

}  // namespace kvreel::viewer
