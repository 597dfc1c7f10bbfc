// The what-if threshold: a slider on a logarithmic scale, and what it changes.
#include "viewer/panels/replay_parts.h"

#include <fmt/format.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <array>
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

// "87.1 % \u2192 52.3 %", or what was recorded alone.
std::string change(const std::string& before, const std::optional<std::string>& after) {
  return after ? fmt::format("{} \u2192 {}", before, *after) : before;
}

std::string bytes_of(double bytes) {
  return format_bytes(static_cast<uint64_t>(bytes + 0.5));
}

}  // namespace

// What it makes of the cache: this sample above the mean of all, column by column.
void ThresholdBar::draw_summary(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  ImFont* const small = frame.theme.fonts.small;
  const std::optional<double> threshold = scene.run.what_if().threshold;
  means_.update(scene.session, scene.session.view().run, threshold.has_value());
  const auto if_moved = [&](std::string text) {
    return threshold ? std::optional(std::move(text)) : std::nullopt;
  };
  struct Line {
    std::string label;
    std::string budget;
    std::string asked;
  };
  std::array<Line, 2> lines;
  const Budget& was = scene.run.recorded();
  const Budget& now = scene.run.budget();
  lines[0] = {"this sample", change(percent_of(was.mean), if_moved(percent_of(now.mean))), ""};
  if (was.asked) {
    lines[0].asked = change(format_bytes(*was.asked), if_moved(format_bytes(*now.asked)));
  }
  std::string note;
  if (threshold && means_.loading()) {
    lines[1].label = fmt::format("mean of {} samples", means_.samples());
    note = fmt::format("loading {} of {} ...", means_.loaded(), means_.samples());
  } else {
    const MeanBudget before = threshold ? means_.recorded_of_known() : means_.recorded();
    const MeanBudget after = threshold ? means_.at(*threshold) : MeanBudget{};
    lines[1].label = fmt::format("mean of {}", before.samples);
    if (before.samples < means_.samples()) {
      lines[1].label += fmt::format(" of {}", means_.samples());
    }
    lines[1].label += " samples";
    if (before.samples > 0) {
      lines[1].budget = change(percent_of(before.budget), if_moved(percent_of(after.budget)));
      if (before.asked && (after.asked || !threshold)) {
        lines[1].asked =
            change(bytes_of(*before.asked), if_moved(bytes_of(after.asked.value_or(0))));
      }
    }
  }

  const float labels =
      std::max(text_width(small, lines[0].label), text_width(small, lines[1].label));
  const float x = rect.x + labels + frame.px(14);
  const float column = (rect.right() - x) / 2;
  for (size_t i = 0; i < lines.size(); ++i) {
    const float y = rect.y + frame.px(i == 0 ? 5 : 23);
    const Line& line = lines[i];
    draw_text_fitted(list, small, {rect.x, y}, rect.w, p.text2, line.label);
    if (i == 1 && !note.empty()) {
      draw_text_fitted(list, small, {x, y}, rect.right() - x, p.text2, note);
      break;
    }
    const auto cell = [&](float at, const char* what, const std::string& value) {
      if (value.empty()) return;
      const float before = text_width(small, what) + frame.px(6);
      draw_text_fitted(list, small, {at, y}, column - frame.px(6), p.text2, what);
      draw_text_fitted(list, small, {at + before, y}, column - before - frame.px(6), p.text, value);
    };
    cell(x, "budget", line.budget);
    cell(x + column, "asked", line.asked);
  }
  const auto text_of = [&](const Line& line) {
    return fmt::format("{}: budget {} \u00b7 asked {}", line.label, line.budget, line.asked);
  };
  frame.items.add("replay.what_if.budget", rect, text_of(lines[0]));
  frame.items.add("replay.what_if.mean", rect,
                  note.empty() ? text_of(lines[1]) : lines[1].label + ": " + note);
  if (!rect.contains(ImGui::GetIO().MousePos) || !ImGui::IsWindowHovered()) return;
  std::string tip = fmt::format("this sample: {} rows evicted over layers and KV heads",
                                grouped(now.evicted_rows));
  if (was.held) {
    tip += ", held " + change(format_bytes(*was.held), if_moved(format_bytes(*now.held)));
  }
  if (threshold) {
    tip +=
        "\nBoth are read off the recorded curves, exactly; what the model would have said is not "
        "known.";
    const std::string left_out = means_.left_out();
    if (!left_out.empty()) tip += "\n" + left_out;
  }
  tooltip(frame, tip);
}

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

  // Of a fixed width, so that the slider stands still while it is dragged.
  const Rect summary = area.take_right(std::min(frame.px(500), area.w * 0.55f));
  area.take_right(frame.px(28));
  draw_summary(frame, summary, scene);

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
