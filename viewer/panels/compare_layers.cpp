// Budgets and kept positions, layer by layer.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "exports/tables/display.h"
#include "viewer/model/ticks.h"
#include "viewer/panels/compare_panes.h"

namespace kvreel::viewer {
namespace {

// A plot with layers from left to right and shares from 0 to 100 % upwards.
class LayerPlot {
 public:
  // Items: <name>, <name>.mark.<layer>.
  LayerPlot(Frame& frame, const char* name, const Rect& area, int layers)
      : frame_(frame), name_(name), layers_(layers) {
    plot_ = area;
    plot_.take_left(frame.px(46));
    plot_.take_right(frame.px(6));
    plot_.take_bottom(frame.px(20));
    plot_.take_top(frame.px(6));
  }
  const Rect& rect() const { return plot_; }
  bool usable() const {
    return layers_ > 0 && plot_.w >= frame_.px(30) && plot_.h >= frame_.px(20);
  }
  float slot() const { return plot_.w / static_cast<float>(layers_); }
  float left(int layer) const { return plot_.x + slot() * static_cast<float>(layer); }
  float y_of(double share) const {
    return plot_.bottom() - plot_.h * static_cast<float>(std::clamp(share, 0.0, 1.0));
  }

  void axes() const {
    const Palette& p = frame_.palette();
    ImDrawList& list = *ImGui::GetWindowDrawList();
    ImFont* const small = frame_.theme.fonts.small;
    const int most = std::max(2, static_cast<int>(plot_.h / frame_.px(26)));
    for (const double tick : decimal_ticks(0, 1, std::min(5, most))) {
      const float y = std::round(y_of(tick));
      horizontal_line(list, plot_.x, plot_.right(), y, p.grid);
      draw_text(list, small, {plot_.x - frame_.px(6), y - small->FontSize / 2}, p.text2,
                fmt::format("{:.0f} %", std::abs(100 * tick)), Align::right);
    }
    const int labels = std::max(1, static_cast<int>(plot_.w / frame_.px(30)));
    if (layers_ <= labels) {
      for (int layer = 0; layer < layers_; ++layer) layer_label(layer);
    } else {
      for (const int64_t tick : binary_ticks(0, layers_ - 1, labels))
        layer_label(static_cast<int>(tick));
    }
    draw_text(list, small, {plot_.x - frame_.px(6), plot_.bottom() + frame_.px(4)}, p.text2,
              "layer", Align::right);
  }
  void shade(int layer, ImU32 color) const {
    if (layer < 0 || layer >= layers_) return;
    ImGui::GetWindowDrawList()->AddRectFilled({std::round(left(layer)), plot_.y},
                                              {std::round(left(layer + 1)), plot_.bottom()}, color,
                                              frame_.px(3));
  }
  // Of the shared position and pointer.
  void shade_shared() const {
    const Palette& p = frame_.palette();
    shade(frame_.session.view().layer, with_alpha(p.accent, 0.13f));
    shade(frame_.session.hover().layer.value_or(-1), with_alpha(p.text, 0.07f));
  }
  // The same above what was drawn, where it hides the shade: an outline, and the layer's number.
  void mark_shared() const {
    if (slot() >= frame_.px(24)) return;
    const Palette& p = frame_.palette();
    mark(frame_.session.view().layer, p.accent);
    mark(frame_.session.hover().layer.value_or(-1), p.text);
  }
  // Layer that is pointed at, -1: none; a click chooses it.
  int interact() const {
    const Canvas hit = canvas(frame_, name_, plot_);
    if (!hit.hovered) return -1;
    const int layer =
        std::clamp(static_cast<int>((hit.mouse.x - plot_.x) / slot()), 0, layers_ - 1);
    frame_.session.next_hover().layer = layer;
    if (hit.clicked) {
      frame_.session.select_layer(layer);
      if (frame_.log) frame_.log(fmt::format("layer {}", layer));
    }
    return layer;
  }

 private:
  void mark(int layer, ImU32 color) const {
    if (layer < 0 || layer >= layers_) return;
    ImDrawList& list = *ImGui::GetWindowDrawList();
    const float thick = frame_.px(1);
    const float x0 = std::round(left(layer)) - thick;
    const float x1 = std::round(left(layer + 1));
    const float y0 = std::round(plot_.y) - thick;
    const float y1 = std::round(plot_.bottom());
    vertical_line(list, x0, y0, y1, color, thick);
    vertical_line(list, x1, y0, y1, color, thick);
    horizontal_line(list, x0, x1 + thick, y0, color, thick);
    horizontal_line(list, x0, x1 + thick, y1, color, thick);
    ImFont* const small = frame_.theme.fonts.small;
    const std::string number = std::to_string(layer);
    const float half = text_width(small, number) / 2 + frame_.px(3);
    const ImVec2 middle{left(layer) + slot() / 2, plot_.bottom() + frame_.px(4)};
    list.AddRectFilled({middle.x - half, middle.y - frame_.px(1)},
                       {middle.x + half, middle.y + small->FontSize + frame_.px(1)},
                       frame_.palette().pane);
    draw_text(list, small, middle, color, number, Align::center);
    frame_.items.add(fmt::format("{}.mark.{}", name_, layer),
                     {left(layer), plot_.y, slot(), plot_.h}, number);
  }
  void layer_label(int layer) const {
    draw_text(*ImGui::GetWindowDrawList(), frame_.theme.fonts.small,
              {left(layer) + slot() / 2, plot_.bottom() + frame_.px(4)}, frame_.palette().text2,
              std::to_string(layer), Align::center);
  }

  Frame& frame_;
  const char* name_;
  Rect plot_;
  int layers_;
};

std::string share_text(const std::optional<double>& share) {
  return share ? exports::percent(*share) : "-";
}

}  // namespace

void BudgetsPane::draw(Frame& frame, const Rect& area, const ComparedRuns& runs) {
  const Rect inner = pane(frame, "compare.budgets.pane", area, "Budget by layer",
                          "kept / prompt positions after prefill, over KV heads");
  const int layers = runs.layers();
  if (version_ != runs.version()) {
    version_ = runs.version();
    budgets_.clear();
    for (const ComparedRun& run : runs.all()) {
      budgets_.push_back(run.pass == nullptr ? std::vector<std::optional<double>>()
                                             : budgets_by_layer(*run.pass, run.layers));
    }
  }
  const LayerPlot plot(frame, "compare.budgets", inner, layers);
  if (!plot.usable()) {
    message(frame, inner, runs.loading() ? "Loading ..." : "Nothing to show");
    return;
  }
  ImDrawList& list = *ImGui::GetWindowDrawList();
  plot.shade_shared();
  plot.axes();
  // Bars where there is room for one per run, else dots above each other with a line.
  const auto count = static_cast<float>(budgets_.size());
  const float room = plot.slot() * 0.8f;
  const float bar = std::min(frame.px(18), std::floor(room / count) - 1);
  const bool bars = bar >= frame.px(3);
  for (size_t r = 0; r < budgets_.size(); ++r) {
    const ImU32 color = runs.all()[r].color;
    ImVec2 last{};
    bool connected = false;
    for (int layer = 0; layer < static_cast<int>(budgets_[r].size()); ++layer) {
      const std::optional<double>& share = budgets_[r][static_cast<size_t>(layer)];
      if (!share) {
        connected = false;
        continue;
      }
      const float middle = plot.left(layer) + plot.slot() / 2;
      const float y = plot.y_of(*share);
      if (bars) {
        const float x =
            std::round(middle - (bar + 1) * count / 2 + (bar + 1) * static_cast<float>(r));
        // A layer without anything is a line, not nothing.
        const float top = std::min(std::round(y), plot.rect().bottom() - 1);
        list.AddRectFilled({x, top}, {x + bar, plot.rect().bottom()}, color,
                           std::min(frame.px(2), bar / 3), ImDrawFlags_RoundCornersTop);
      } else {
        const ImVec2 point{middle, y};
        if (connected) list.AddLine(last, point, with_alpha(color, 0.55f), frame.theme.scale);
        list.AddCircleFilled(point, frame.px(2.5f), color, 12);
        last = point;
        connected = true;
      }
    }
  }
  plot.mark_shared();
  const int layer = plot.interact();
  if (layer < 0) return;
  std::string tip = fmt::format("layer {}: kept after prefill", layer);
  for (size_t r = 0; r < budgets_.size(); ++r) {
    const auto at = static_cast<size_t>(layer);
    tip += fmt::format("\n{}: {}", runs.all()[r].label,
                       share_text(at < budgets_[r].size() ? budgets_[r][at] : std::nullopt));
  }
  frame.session.next_hover().text = fmt::format("layer {}: click to choose", layer);
  tooltip(frame, tip);
}

void OverlapPane::draw_bars(Frame& frame, const Rect& area, const ComparedRun& a,
                            const ComparedRun& b) {
  const LayerPlot plot(frame, "compare.overlap", area, static_cast<int>(overlap_.size()));
  if (!plot.usable()) return;
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  plot.shade_shared();
  plot.axes();
  const float width = std::max(1.f, std::round(std::min(frame.px(46), plot.slot() * 0.7f)));
  const ImU32 both = mix(p.pane, p.text, 0.32f);
  for (size_t layer = 0; layer < overlap_.size(); ++layer) {
    if (!overlap_[layer] || overlap_[layer]->total() <= 0) continue;
    const KeptOverlap& overlap = *overlap_[layer];
    const auto total = static_cast<double>(overlap.total());
    const float x = std::round(plot.left(static_cast<int>(layer)) + (plot.slot() - width) / 2);
    int64_t below = 0;
    const auto part = [&](int64_t positions, ImU32 color) {
      if (positions <= 0) return;
      const float bottom = std::round(plot.y_of(static_cast<double>(below) / total));
      below += positions;
      const float top = std::round(plot.y_of(static_cast<double>(below) / total));
      list.AddRectFilled({x, std::min(top, bottom - 1)}, {x + width, bottom}, color);
    };
    part(overlap.both, both);
    part(overlap.only_a, a.color);
    part(overlap.only_b, b.color);
    part(overlap.neither, mix(p.pane, p.text, 0.1f));
  }
  plot.mark_shared();
  const int layer = plot.interact();
  if (layer < 0) return;
  const auto& overlap = overlap_[static_cast<size_t>(layer)];
  std::string tip = fmt::format("layer {}: ", layer);
  if (overlap) {
    const std::string_view unit = overlap->by_head ? "positions x KV heads" : "positions";
    tip += fmt::format("{} {}\nkept by both: {}\nonly by {}: {}\nonly by {}: {}\nby neither: {}",
                       grouped(overlap->total()), unit, grouped(overlap->both), a.label,
                       grouped(overlap->only_a), b.label, grouped(overlap->only_b),
                       grouped(overlap->neither));
  } else {
    tip += "no decision of both, or about another number of positions";
  }
  frame.session.next_hover().text = tip.substr(0, tip.find('\n'));
  tooltip(frame, tip);
}

void OverlapPane::draw(Frame& frame, const Rect& area, const ComparedRuns& runs) {
  // With the run that was chosen here, else the current one, else the first.
  const auto& all = runs.all();
  const auto find = [&](RunRef run) {
    const auto found = std::find_if(all.begin() + 1, all.end(),
                                    [&](const ComparedRun& r) { return r.run == run; });
    return found == all.end() ? 0 : static_cast<int>(found - all.begin());
  };
  int other = chosen_ ? find(*chosen_) : 0;
  if (other == 0) other = find(frame.session.view().run);
  if (other == 0 && all.size() > 1) other = 1;
  const bool wide = area.w > frame.px(360);
  Rect inner = pane(frame, "compare.overlap.pane", area, "Kept positions",
                    other == 0 ? "" : (wide ? "reference and" : "and"));
  if (other == 0) {
    message(frame, inner, "Nothing to compare", "Tick a run on the overview page.");
    return;
  }
  if (all.size() > 2) {
    std::vector<std::string> names;
    for (size_t r = 1; r < all.size(); ++r) names.push_back(all[r].label);
    int chosen = other - 1;
    const float from = text_width(frame.theme.fonts.text, "Kept positions") +
                       text_width(frame.theme.fonts.small, wide ? "reference and" : "and") +
                       frame.px(30);
    ImGui::SetCursorScreenPos({area.x + from, area.y + frame.px(7)});
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {frame.px(8), frame.px(2)});
    if (combo(frame, "compare.overlap.run", names, chosen,
              std::min(frame.px(240), area.w - from - frame.px(12)))) {
      chosen_ = all[static_cast<size_t>(chosen) + 1].run;
    }
    ImGui::PopStyleVar();
  }
  const ComparedRun& a = all.front();
  const ComparedRun& b = all[static_cast<size_t>(other)];
  if (a.pass == nullptr || b.pass == nullptr) {
    const ComparedRun& lacking = a.pass == nullptr ? a : b;
    message(frame, inner, lacking.missing.empty() ? "Loading ..." : "Nothing to show",
            lacking.missing.empty() ? "" : lacking.label + ": " + lacking.missing);
    return;
  }
  if (a_ != a.pass.get() || b_ != b.pass.get()) {
    a_ = a.pass.get();
    b_ = b.pass.get();
    overlap_ = kept_overlap(*a.pass, *b.pass, std::max(a.layers, b.layers),
                            std::max(a.kv_heads, b.kv_heads));
  }
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const small = frame.theme.fonts.small;
  const Rect legend = inner.take_top(frame.px(18));
  float x = legend.x;
  const auto entry = [&](const char* text, ImU32 color) {
    const float size = frame.px(9);
    list.AddRectFilled({x, legend.y + frame.px(3)}, {x + size, legend.y + frame.px(3) + size},
                       color, frame.px(2));
    x += size + frame.px(5);
    draw_text(list, small, {x, legend.y}, p.text2, text);
    x += text_width(small, text) + frame.px(12);
  };
  entry("both", mix(p.pane, p.text, 0.32f));
  entry("only ref.", a.color);
  entry("only run", b.color);
  entry("neither", mix(p.pane, p.text, 0.1f));
  draw_bars(frame, inner, a, b);
}

}  // namespace kvreel::viewer
