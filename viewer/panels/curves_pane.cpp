// Norm curves of the layers, the threshold, and where eviction stopped.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "viewer/model/ticks.h"
#include "viewer/panels/replay_parts.h"

namespace kvreel::viewer {
namespace {

constexpr double kLeastDrop = 1e-4;  // of the logarithmic axis, and of the threshold's slider

}  // namespace

float CurvesPane::Axes::x(double candidate) const {
  return plot.x + static_cast<float>(candidate / most_x * static_cast<double>(plot.w));
}

float CurvesPane::Axes::y(double drop) const {
  double share = drop / most_y;
  if (log) {
    share = std::log(std::max(drop, kLeastDrop) / kLeastDrop) / std::log(most_y / kLeastDrop);
  }
  return plot.bottom() -
         static_cast<float>(std::clamp(share, 0., 1.) * static_cast<double>(plot.h));
}

double CurvesPane::Axes::drop_at(float at) const {
  const double share = std::clamp(static_cast<double>((plot.bottom() - at) / plot.h), 0., 1.);
  return log ? kLeastDrop * std::pow(most_y / kLeastDrop, share) : share * most_y;
}

bool CurvesPane::Axes::operator==(const Axes& other) const {
  return plot.x == other.plot.x && plot.y == other.plot.y && plot.w == other.plot.w &&
         plot.h == other.plot.h && most_x == other.most_x && log == other.log &&
         most_y == other.most_y;
}

// One curve a layer: that of its first decision. KV heads that are cut together share it.
void CurvesPane::gather(const ReplayScene& scene) {
  const auto layers = static_cast<size_t>(scene.layers());
  if (lines_.size() != layers) lines_.assign(layers, {});
  for (size_t layer = 0; layer < layers; ++layer) {
    const Decision* decision = scene.run.decision(static_cast<int>(layer));
    std::shared_ptr<const std::vector<float>> curve;
    if (decision != nullptr) {
      curve = scene.run.what_if().base == CurveBase::all ? decision->curve_all : decision->curve;
    }
    if (curve && curve->empty()) curve.reset();
    Line& line = lines_[layer];
    if (line.curve == curve) continue;
    line.curve = curve;
    line.pyramid = curve ? std::make_shared<CurvePyramid>(curve) : nullptr;
    line.points.clear();
    drawn_ = {};
  }
}

void CurvesPane::draw(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  View& view = scene.session.view();
  gather(scene);
  const auto chosen = static_cast<size_t>(std::clamp(scene.layer(), 0, scene.layers() - 1));
  size_t with_curves = 0;
  for (const Line& line : lines_) with_curves += line.curve ? 1 : 0;
  const std::string caption =
      fmt::format("layer {} \u00b7 over candidates evicted, share of the norm of {}", chosen,
                  scene.run.what_if().base == CurveBase::all ? "all positions" : "candidates");
  const PaneArea area = pane_with_controls(
      frame, "replay.curves", rect, rect.w > frame.px(420) ? "Drop of the norm" : "Norm drop",
      caption, small_controls_width(frame, {"all layers", "log"}));
  begin_small_controls(frame, area.controls.min());
  toggle(frame, "replay.curves.all", "all layers", view.curves_all_layers, "Every layer's curve");
  ImGui::SameLine();
  toggle(frame, "replay.curves.log", "log", log_, "Logarithmic axis");
  end_small_controls();
  if (with_curves == 0) {
    message(frame, area.content, "No curves", "The policy of this run measures no norm.");
    return;
  }

  Axes axes;
  axes.log = log_;
  axes.plot = area.content;
  axes.plot.take_left(frame.px(46));
  axes.plot.take_right(frame.px(8));
  axes.plot.take_bottom(frame.px(20));
  axes.plot.take_top(frame.px(6));
  if (axes.plot.w < frame.px(40) || axes.plot.h < frame.px(30)) return;
  for (const Line& line : lines_) {
    if (line.curve) axes.most_x = std::max(axes.most_x, static_cast<double>(line.curve->size()));
  }

  if (!(drawn_ == axes)) {
    const int columns = std::max(16, static_cast<int>(axes.plot.w / 2));
    for (Line& line : lines_) {
      line.points.clear();
      if (!line.pyramid) continue;
      for (const CurvePoint& point : line.pyramid->line(0, axes.most_x, columns)) {
        if (!std::isnan(point.y)) line.points.push_back({axes.x(point.x), axes.y(point.y)});
      }
    }
    drawn_ = axes;
  }

  draw_axes(frame, axes);
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  list.PushClipRect({axes.plot.x, axes.plot.y - 2}, {axes.plot.right() + 2, axes.plot.bottom() + 2},
                    true);
  for (size_t layer = 0; layer < lines_.size(); ++layer) {
    if (layer == chosen || lines_[layer].points.empty()) continue;
    const bool hovered = scene.session.hover().layer == static_cast<int32_t>(layer);
    if (!view.curves_all_layers && !hovered) continue;
    draw_polyline(list, lines_[layer].points,
                  hovered ? p.text2 : with_alpha(p.series[layer % p.series.size()], 0.45f),
                  std::max(1.f, frame.theme.scale));
  }
  list.PopClipRect();
  draw_threshold(frame, axes, scene);
  if (!lines_[chosen].points.empty()) {
    draw_polyline(list, lines_[chosen].points, p.kept, 2 * frame.theme.scale);
    draw_position(frame, axes, scene);
  } else {
    draw_text(list, frame.theme.fonts.small, {axes.plot.x + frame.px(8), axes.plot.y}, p.text2,
              fmt::format("layer {} has no curve", chosen));
  }
  point_at(frame, axes, scene);
}

void CurvesPane::draw_axes(Frame& frame, const Axes& axes) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  ImFont* const font = frame.theme.fonts.small;
  const int most = std::max(2, static_cast<int>(axes.plot.h / frame.px(34)));
  const std::vector<double> ticks =
      axes.log ? power_ticks(kLeastDrop, axes.most_y) : decimal_ticks(0, axes.most_y, most);
  for (const double tick : ticks) {
    const float y = axes.y(tick);
    horizontal_line(list, axes.plot.x, axes.plot.right(), y, p.grid);
    draw_text(list, font, {axes.plot.x - frame.px(6), y - font->FontSize / 2}, p.text2,
              tick_percent(tick), Align::right);
  }
  const float y = axes.plot.bottom() + frame.px(4);
  const int columns = std::max(2, static_cast<int>(axes.plot.w / frame.px(64)));
  for (const int64_t tick : binary_ticks(0, axes.most_x, columns)) {
    draw_text(list, font, {axes.x(static_cast<double>(tick)), y}, p.text2, grouped(tick),
              Align::center);
  }
}

void CurvesPane::draw_threshold(Frame& frame, const Axes& axes, const ReplayScene& scene) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  ImFont* const font = frame.theme.fonts.small;
  const std::optional<double>& recorded = scene.run.recorded_threshold();
  const std::optional<double>& moved = scene.run.what_if().threshold;
  // Labels stand above their lines at the left, where the curve is still below.
  float label_x = axes.plot.x + frame.px(4);
  const auto line = [&](double drop, ImU32 color, const std::string& label) {
    const float y = axes.y(drop);
    horizontal_line(list, axes.plot.x, axes.plot.right(), y, color, frame.px(1));
    draw_text_fitted(list, font, {label_x, y - font->FontSize - frame.px(2)},
                     axes.plot.right() - label_x, color, label);
    label_x += text_width(font, label) + frame.px(14);
  };
  if (moved) {
    line(*moved, p.accent, "threshold " + percent_of(*moved));
    if (recorded) line(*recorded, with_alpha(p.text2, 0.7f), "recorded " + tick_percent(*recorded));
  } else if (recorded) {
    line(*recorded, p.accent, "threshold " + tick_percent(*recorded));
  }
}

void CurvesPane::draw_position(Frame& frame, const Axes& axes, const ReplayScene& scene) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  ImFont* const font = frame.theme.fonts.small;
  const int layer = std::clamp(scene.layer(), 0, scene.layers() - 1);
  const Decision* decision = scene.run.decision(layer);
  const CurveBase base = scene.run.what_if().base;
  const std::vector<float>& curve = lines_[static_cast<size_t>(layer)].pyramid->values();
  const auto drop = [&](int64_t i) { return static_cast<double>(curve[static_cast<size_t>(i)]); };
  const int64_t cut = cut_of(*decision, scene.run.what_if());
  if (static_cast<size_t>(cut) < curve.size()) {
    const float x = axes.x(static_cast<double>(cut));
    const float y = axes.y(drop(cut));
    vertical_line(list, x, y, axes.plot.bottom(), with_alpha(p.evicted, 0.8f), frame.px(1));
    list.AddCircleFilled({x, y}, frame.px(4), p.evicted);
    std::string label = fmt::format("cut at {}", grouped(cut));
    if (decision->ranking && static_cast<size_t>(cut) < decision->ranking->size()) {
      label = fmt::format("halts at {}",
                          scene.token_name((*decision->ranking)[static_cast<size_t>(cut)]));
      if (const auto share = share_of_candidate(*decision, base, cut)) {
        label += fmt::format(", {} of the norm", percent_of(*share));
      }
    }
    // At the foot of its line, where the curve is above it.
    const float width = std::min(text_width(font, label), axes.plot.w);
    const bool right = x + frame.px(10) + width < axes.plot.right();
    const float text_x = right ? x + frame.px(8) : std::max(axes.plot.x, x - frame.px(8) - width);
    const float text_y = axes.plot.bottom() - font->FontSize - frame.px(5);
    list.AddRectFilled({text_x - frame.px(3), text_y - frame.px(1)},
                       {text_x + width + frame.px(3), text_y + font->FontSize + frame.px(2)},
                       with_alpha(p.pane, 0.85f), frame.px(3));
    draw_text_fitted(list, font, {text_x, text_y}, width, p.evicted, label);
    frame.items.add("replay.halt", {text_x, text_y, width, font->FontSize}, label);
  }
  const auto evicted =
      std::min<int64_t>(scene.run.evicted(layer), static_cast<int64_t>(curve.size()) - 1);
  const ImVec2 dot{axes.x(static_cast<double>(evicted)), axes.y(drop(evicted))};
  list.AddCircleFilled(dot, frame.px(5), p.pane);
  list.AddCircleFilled(dot, frame.px(4), p.accent);
  frame.items.add("replay.dot", {dot.x, dot.y, 1, 1}, std::to_string(evicted));

  // The token that is pointed at or chosen, where it stands in the order.
  const auto mark = [&](int32_t token, ImU32 color) {
    if (token < 0 || token >= scene.tokens()) return;
    const int32_t order = scene.run.index().order(layer, token);
    if (order == kNever || static_cast<size_t>(order) >= curve.size()) return;
    vertical_line(list, axes.x(order), axes.plot.y, axes.plot.bottom(), color);
  };
  if (scene.session.hover().token) mark(*scene.session.hover().token, with_alpha(p.text, 0.4f));
  mark(scene.session.view().token, with_alpha(p.accent, 0.7f));
}

void CurvesPane::point_at(Frame& frame, const Axes& axes, const ReplayScene& scene) {
  Session& session = scene.session;
  const Canvas c = canvas(frame, "replay.curves.plot", axes.plot);
  // The threshold's line can be drawn up and down.
  const std::optional<double> line = scene.run.what_if().threshold ? scene.run.what_if().threshold
                                                                   : scene.run.recorded_threshold();
  const bool near_line =
      line && scene.run.obstacle().empty() && std::abs(axes.y(*line) - c.mouse.y) < frame.px(5);
  if (c.hovered && near_line && ImGui::IsMouseClicked(ImGuiMouseButton_Left)) {
    moving_threshold_ = true;
  }
  if (!ImGui::IsMouseDown(ImGuiMouseButton_Left)) moving_threshold_ = false;
  if ((c.hovered && near_line) || moving_threshold_) {
    ImGui::SetMouseCursor(ImGuiMouseCursor_ResizeNS);
  }
  if (moving_threshold_) {
    if (c.dragging) session.view().threshold = axes.drop_at(c.mouse.y);
    return;
  }
  if (!c.hovered && !c.clicked) return;
  const int layer = std::clamp(scene.layer(), 0, scene.layers() - 1);
  const Decision* decision = scene.run.decision(layer);
  if (decision == nullptr || !decision->ranking || !lines_[static_cast<size_t>(layer)].pyramid) {
    return;
  }
  const std::vector<float>& curve = lines_[static_cast<size_t>(layer)].pyramid->values();
  const auto candidate = static_cast<int64_t>(
      std::lround(static_cast<double>((c.mouse.x - axes.plot.x) / axes.plot.w) * axes.most_x));
  if (candidate < 0 || static_cast<size_t>(candidate) >= curve.size() ||
      static_cast<size_t>(candidate) >= decision->ranking->size()) {
    return;
  }
  const int32_t token = (*decision->ranking)[static_cast<size_t>(candidate)];
  session.next_hover().layer = layer;
  session.next_hover().token = token;
  const auto share = share_of_candidate(*decision, scene.run.what_if().base, candidate);
  session.next_hover().text = fmt::format(
      "layer {}: after {} evictions the norm has dropped by {}; next is {}, {} of it", layer,
      grouped(candidate), percent_of(static_cast<double>(curve[static_cast<size_t>(candidate)])),
      scene.token_name(token), share ? percent_of(*share) : "-");
  tooltip(frame, session.next_hover().text);
  if (c.clicked) session.select_token(token);
}

}  // namespace kvreel::viewer
