// The what-if threshold: a slider on a logarithmic scale, and what it changes.
#include "viewer/panels/replay_parts.h"

#include <fmt/format.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "viewer/model/ticks.h"

namespace kvreel::viewer {
namespace {

constexpr double kLeast = 1e-4;
constexpr double kMost = 1;

float x_of(const Rect& track, double threshold) {
  const double share =
      std::log(std::clamp(threshold, kLeast, kMost) / kLeast) / std::log(kMost / kLeast);
  return track.x + static_cast<float>(share * static_cast<double>(track.w));
}

double threshold_at(const Rect& track, float x) {
  const double share = std::clamp(static_cast<double>((x - track.x) / track.w), 0., 1.);
  return kLeast * std::pow(kMost / kLeast, share);
}

}  // namespace

void ThresholdBar::draw(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  ImFont* const font = frame.theme.fonts.text;
  ImFont* const small = frame.theme.fonts.small;
  View& view = scene.session.view();
  const ReplayData& run = scene.run;
  list.AddRectFilled(rect.min(), rect.max(), p.pane, frame.px(6));
  list.AddRect({rect.x + 0.5f, rect.y + 0.5f}, {rect.right() - 0.5f, rect.bottom() - 0.5f}, p.line,
               frame.px(6));
  frame.items.add("replay.what_if", rect, run.obstacle(), "What-if threshold");
  Rect area = rect;
  area.take_left(frame.px(12));
  area.take_right(frame.px(12));
  const float text_y = rect.y + std::round((rect.h - font->FontSize) / 2);
  draw_text(list, font, {area.x, text_y}, p.text, "Threshold");
  area.take_left(text_width(font, "Threshold") + frame.px(12));
  if (!run.obstacle().empty()) {
    draw_text_fitted(list, small, {area.x, text_y + frame.px(2)}, area.w, p.text2, run.obstacle());
    return;
  }

  const double recorded = run.recorded_threshold().value_or(kLeast);
  const double current = run.what_if().threshold.value_or(recorded);
  const float control_y = rect.y + std::round((rect.h - ImGui::GetFrameHeight()) / 2);

  // The exact value.
  const Rect field = area.take_left(frame.px(84));
  area.take_left(frame.px(8));
  ImGui::SetCursorScreenPos({field.x, control_y});
  if (!editing_) typed_ = percent_of(current);
  ImGui::SetNextItemWidth(field.w);
  const bool entered =
      ImGui::InputText("##replay.threshold.value", &typed_,
                       ImGuiInputTextFlags_EnterReturnsTrue | ImGuiInputTextFlags_AutoSelectAll);
  editing_ = ImGui::IsItemActive();
  frame.items.add("replay.threshold.value", {field.x, control_y, field.w, ImGui::GetFrameHeight()},
                  typed_);
  double share = 0;
  if (entered && parse_percent(typed_, share)) {
    view.threshold = std::min(share, kMost);
    if (frame.log) frame.log("threshold " + percent_of(*view.threshold));
  }
  ImGui::SetCursorScreenPos({area.x, control_y});
  const float reset = text_width(font, "Recorded") + 2 * ImGui::GetStyle().FramePadding.x;
  if (button(frame, "replay.threshold.reset", "Recorded", "Back to the recorded threshold")) {
    view.threshold.reset();
  }
  area.take_left(reset + frame.px(30));

  // What it makes of the cache, as far as there is room.
  const Budget& was = run.recorded();
  const Budget& now = run.budget();
  const auto change = [&](const std::string& before, const std::string& after) {
    return run.what_if().threshold ? fmt::format("{} \u2192 {}", before, after) : before;
  };
  std::string first = "budget " + change(percent_of(was.mean), percent_of(now.mean));
  std::string second;
  if (was.asked) second = "asked " + change(format_bytes(*was.asked), format_bytes(*now.asked));
  if (was.held) {
    second += fmt::format("{}held {}", second.empty() ? "" : " \u00b7 ",
                          change(format_bytes(*was.held), format_bytes(*now.held)));
  }
  first += fmt::format(" \u00b7 {} rows evicted \u00b7 this sample, of {} in the run",
                       grouped(now.evicted_rows), scene.overview.samples.size());
  // Of a fixed width, so that the slider stands still while it is dragged.
  const Rect summary = area.take_right(std::min(frame.px(450), area.w * 0.55f));
  area.take_right(frame.px(20));
  draw_text_fitted(list, small, {summary.x, rect.y + frame.px(5)}, summary.w, p.text, first);
  draw_text_fitted(list, small, {summary.x, rect.y + frame.px(23)}, summary.w, p.text2, second);
  frame.items.add("replay.what_if.budget", summary, first);
  frame.items.add("replay.what_if.bytes", summary, second);

  // The slider: ticks at powers of ten, at the paper's 1 % and 5 %, and at the recorded one.
  const Rect track{area.x + frame.px(6), rect.y + frame.px(12), area.w - frame.px(12), frame.px(6)};
  if (track.w < frame.px(40)) return;
  const Canvas c = canvas(frame, "replay.threshold",
                          {track.x, rect.y + frame.px(4), track.w, rect.h - frame.px(8)});
  if (c.dragging || c.clicked) view.threshold = threshold_at(track, c.mouse.x);
  list.AddRectFilled(track.min(), track.max(), p.raised, frame.px(3));
  const float x = std::round(x_of(track, current));
  list.AddRectFilled(track.min(), {x, track.bottom()}, with_alpha(p.accent, 0.55f), frame.px(3));
  float free_from = track.x - frame.px(30);
  for (const double tick : {1e-4, 1e-3, 0.01, 0.05, 0.2, 1.}) {
    const float at = x_of(track, tick);
    const std::string label = tick_percent(tick);
    const float half = text_width(small, label) / 2;
    vertical_line(list, at, track.bottom() + frame.px(2), track.bottom() + frame.px(5), p.text2);
    if (at - half < free_from || at + half > track.right() + frame.px(18)) continue;
    draw_text(list, small, {at, track.bottom() + frame.px(6)}, p.text2, label, Align::center);
    free_from = at + half + frame.px(6);
  }
  if (run.recorded_threshold()) {
    vertical_line(list, x_of(track, recorded), track.y - frame.px(3), track.bottom() + frame.px(3),
                  p.text, frame.px(2));
  }
  list.AddRectFilled({x - frame.px(4), track.y - frame.px(5)},
                     {x + frame.px(4), track.bottom() + frame.px(5)}, p.accent, frame.px(3));
  if (c.hovered && !c.dragging) {
    tooltip(frame, fmt::format("threshold {}; recorded {}", percent_of(current),
                               run.recorded_threshold() ? percent_of(recorded) : "-"));
  }
}

}  // namespace kvreel::viewer
