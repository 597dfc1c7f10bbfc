// The left column of the replay page: facts of the position, and the layers with their budgets.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "exports/tables/labels.h"
#include "viewer/model/ticks.h"
#include "viewer/panels/replay_parts.h"

namespace kvreel::viewer {
namespace {

// Label and value side by side, from the top down.
class Rows {
 public:
  Rows(Frame& frame, Rect& area) : frame_(frame), area_(area) {}

  void add(std::string_view label, const std::string& value, const char* item = nullptr,
           bool changed = false) {
    const float height = frame_.px(20);
    if (area_.h < height) return;
    const Rect row = area_.take_top(height);
    ImDrawList& list = *ImGui::GetWindowDrawList();
    const Palette& p = frame_.palette();
    ImFont* const font = frame_.theme.fonts.text;
    const float column = std::min(frame_.px(92), row.w * 0.45f);
    draw_text_fitted(list, font, row.min(), column - frame_.px(4), p.text2, label);
    draw_text_fitted(list, font, {row.x + column, row.y}, row.w - column,
                     changed ? p.accent : p.text, value);
    if (item != nullptr) frame_.items.add(item, row, value);
    if (row.contains(ImGui::GetIO().MousePos) && ImGui::IsWindowHovered() &&
        text_width(font, value) > row.w - column) {
      tooltip(frame_, fmt::format("{}: {}", label, value));
    }
  }

 private:
  Frame& frame_;
  Rect& area_;
};

std::string bytes_text(const std::optional<uint64_t>& bytes) {
  return bytes ? format_bytes(*bytes) : "-";
}

}  // namespace

void FactsPane::draw(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  Rect area = pane(frame, "replay.facts", rect, "");
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  const ReplayData& run = scene.run;
  const View& view = scene.session.view();

  const Rect title = area.take_top(frame.px(26));
  std::vector<std::string> labels;
  for (const RunRef one : scene.session.runs()) labels.push_back(scene.session.run_label(one));
  draw_text(
      list, frame.theme.fonts.title, title.min(), p.text,
      fitted_label(frame.theme.fonts.title, title.w, scene.session.run_label(view.run), labels));
  const Rect below = area.take_top(frame.px(26));
  draw_text_fitted(list, frame.theme.fonts.text, below.min(), below.w, p.text2,
                   fmt::format("{} \u00b7 layer {}", view.sample, view.layer));

  const int layer = std::clamp(scene.layer(), 0, scene.layers() - 1);
  const Decision* decision = run.decision(layer);
  const bool what_if = run.what_if().threshold.has_value();
  Rows rows(frame, area);
  if (decision == nullptr) {
    rows.add("Decision", "none in this layer");
  } else {
    const int64_t cut = cut_of(*decision, run.what_if());
    const int64_t kept = what_if && follows_threshold(*decision, run.what_if().base)
                             ? decision->cached - cut
                             : int64_t{decision->kept};
    const bool moved = kept != decision->kept;
    const double share = decision->cached > 0 ? static_cast<double>(kept) / decision->cached : 1.;
    rows.add("Reason", exports::name_of(exports::kReasonNames, decision->reason), "fact.reason");
    if (run.index().lanes(layer).size() > 1) {
      rows.add("KV head",
               fmt::format("{} of {}, first of them", std::max<int>(decision->kv_head, 0),
                           run.index().lanes(layer).size()));
    }
    rows.add("Cached", grouped(decision->cached) + " tokens", "fact.cached");
    rows.add("Kept", fmt::format("{} tokens \u00b7 {}", grouped(kept), percent_of(share)),
             "fact.kept", moved);
    rows.add("Candidates", grouped(decision->candidates) + " tokens", "fact.candidates");
    rows.add("Cut", grouped(cut) + " evicted", "fact.cut", moved);
    const double threshold = what_if && follows_threshold(*decision, run.what_if().base)
                                 ? *run.what_if().threshold
                                 : decision->threshold;
    rows.add("Threshold",
             std::isnan(threshold) ? "-"
             : what_if             ? percent_of(threshold)
                                   : tick_percent(threshold),
             "fact.threshold", what_if);
    const bool all = run.what_if().base == CurveBase::all;
    const double norm = all ? decision->base_norm_all : decision->base_norm;
    rows.add("Base norm", std::isnan(norm) ? "-" : fmt::format("{:.4g}", norm), "fact.norm");
    const std::vector<float>* curve = curve_of(*decision, run.what_if().base);
    const bool on_curve = curve != nullptr && static_cast<size_t>(cut) < curve->size();
    rows.add("Drop at cut",
             on_curve ? percent_of(static_cast<double>((*curve)[static_cast<size_t>(cut)])) : "-",
             "fact.distance", moved);
    int32_t halt = decision->halt_position;
    if (decision->ranking && static_cast<size_t>(cut) < decision->ranking->size()) {
      halt = (*decision->ranking)[static_cast<size_t>(cut)];
    }
    rows.add(
        "Halts at",
        halt < 0 ? "-" : fmt::format("{} \u00b7 token {}", scene.token_name(halt), grouped(halt)),
        "fact.halt", moved);
    const auto halt_share = share_of_candidate(*decision, run.what_if().base, cut);
    rows.add("Its share", halt_share ? percent_of(*halt_share) + " of norm" : "-",
             "fact.halt_share", moved);
  }
  const Budget& budget = run.budget();
  rows.add("Budget", percent_of(budget.mean) + ", mean", "fact.budget", what_if);
  rows.add("Asked",
           fmt::format("{} of {}", bytes_text(budget.asked), bytes_text(budget.full_asked)),
           "fact.asked", what_if);
  rows.add("Held", bytes_text(budget.held), "fact.held", what_if);

  area.take_top(frame.px(8));
  horizontal_line(list, rect.x, rect.right(), area.y, p.line);
  area.take_top(frame.px(8));
  // The legend keeps its place at the bottom; the layers take what is left.
  const Rect legend = area.take_bottom(area.h > frame.px(150) ? frame.px(22) : 0);
  draw_layers(frame, area, scene);
  if (legend.h > 0) {
    float x = legend.x;
    const auto entry = [&](ImU32 color, const char* text) {
      const float side = frame.px(10);
      const float y = std::round(legend.y + (legend.h - side) / 2) + frame.px(3);
      list.AddRectFilled({x, y}, {x + side, y + side}, color, frame.px(2));
      draw_text(list, frame.theme.fonts.small, {x + side + frame.px(5), y - frame.px(3)}, p.text2,
                text);
      x += side + frame.px(5) + text_width(frame.theme.fonts.small, text) + frame.px(12);
    };
    entry(p.kept, "kept");
    entry(p.evicted, "evicted");
    entry(p.sink, "sink");
  }
}

void FactsPane::draw_layers(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  if (rect.h < frame.px(20)) return;
  const Palette& p = frame.palette();
  const ReplayData& run = scene.run;
  Session& session = scene.session;
  const bool what_if = run.what_if().threshold.has_value();
  ImDrawList& outer = *ImGui::GetWindowDrawList();
  draw_text_fitted(
      outer, frame.theme.fonts.small, rect.min(), rect.w, p.text2,
      what_if ? "Layers: kept share, recorded as a mark" : "Layers: kept share of tokens");
  Rect area = rect;
  area.take_top(frame.px(20));
  const float height = frame.px(22);
  ImGui::SetCursorScreenPos({area.x - frame.px(6), area.y});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {0, 0});
  ImGui::BeginChild("replay.layers", {area.w + frame.px(12), area.h}, false,
                    ImGuiWindowFlags_NoBackground);
  ImGui::PopStyleVar();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const ImVec2 origin = ImGui::GetCursorScreenPos();
  if (session.view().layer != shown_layer_) {
    shown_layer_ = session.view().layer;
    const float at = height * static_cast<float>(shown_layer_);
    if (at < ImGui::GetScrollY()) ImGui::SetScrollY(at);
    if (at + height > ImGui::GetScrollY() + area.h) ImGui::SetScrollY(at + height - area.h);
  }
  const float width = ImGui::GetContentRegionAvail().x;
  ImGui::Dummy({1, height * static_cast<float>(scene.layers())});
  for (int layer = 0; layer < scene.layers(); ++layer) {
    const Rect row{origin.x, origin.y + height * static_cast<float>(layer), width, height};
    if (row.bottom() < area.y || row.y > area.bottom()) continue;
    const Canvas c = canvas(frame, fmt::format("replay.layer.{}", layer).c_str(), row);
    if (c.clicked) session.select_layer(layer);
    if (c.hovered) {
      session.next_hover().layer = layer;
      session.next_hover().text =
          fmt::format("layer {} keeps {} of its tokens", layer,
                      percent_of(run.budget().layers[static_cast<size_t>(layer)].share()));
    }
    const bool chosen = layer == session.view().layer;
    const bool hovered = session.hover().layer == layer;
    if (chosen || hovered) {
      list.AddRectFilled(row.min(), row.max(), chosen ? p.selected : with_alpha(p.hovered, 0.5f),
                         frame.px(4));
    }
    ImFont* const font = frame.theme.fonts.text;
    const float text_y = row.y + std::round((height - font->FontSize) / 2);
    draw_text(list, font, {row.x + frame.px(6), text_y}, p.text, fmt::format("Layer {}", layer));
    const double share = run.budget().layers[static_cast<size_t>(layer)].share();
    const double recorded = run.recorded().layers[static_cast<size_t>(layer)].share();
    draw_text(list, font, {row.right() - frame.px(6), text_y}, chosen ? p.text : p.text2,
              percent_of(share), Align::right);
    const float x0 = row.x + frame.px(78);
    const float x1 = row.right() - frame.px(72);
    if (x1 - x0 > frame.px(20)) {
      const float y0 = row.y + std::round(height * 0.36f);
      const float y1 = row.y + std::round(height * 0.64f);
      list.AddRectFilled({x0, y0}, {x1, y1}, p.evicted_ground);
      list.AddRectFilled({x0, y0}, {x0 + std::round((x1 - x0) * static_cast<float>(share)), y1},
                         p.kept);
      if (what_if) {
        vertical_line(list, x0 + (x1 - x0) * static_cast<float>(recorded), y0 - frame.px(3),
                      y1 + frame.px(3), p.text);
      }
    }
  }
  ImGui::EndChild();
}

}  // namespace kvreel::viewer
